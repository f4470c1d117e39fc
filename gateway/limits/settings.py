"""The section ``limits`` of the configuration. docs/limits.md tells what each limit does."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from gateway.section import Section

_REDIS = re.compile(r"(redis|rediss|redis\+unix|redis\+sentinel|redis\+cluster)://\S+")


def _redis(value: SecretStr) -> SecretStr:
    if not _REDIS.fullmatch(value.get_secret_value()):
        raise ValueError("not a Redis URL, as in redis://host:6379/0")
    return value


class RateSettings(Section):
    """How much one caller may ask for in a span of time, in cost points."""

    points: int = Field(
        default=10_000_000, ge=1, le=10**12, description="Cost points of one caller in one window."
    )
    window_s: int = Field(default=60, ge=1, le=86_400, description="Length of a window in seconds.")
    redis: Annotated[SecretStr, AfterValidator(_redis)] | None = Field(
        default=None,
        description="Redis or Valkey server in which several gateways count together, as in "
        "`redis://user:password@host:6379/0`; without it, each counts for itself. Needs the extra `redis`.",
    )


class LimitSettings(Section):
    """What may be asked for: of all connections together, by one request, one socket and one caller."""

    connections: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Connections of all clients at once, WebSockets among them.",
    )
    connections_per_address: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Connections from one address, of IPv6 from one /64 network, at once. Not for a gateway "
        "behind a balancer: there all come from the balancer's address.",
    )
    body_bytes: int = Field(
        default=1_000_000, ge=1_000, le=100_000_000, description="Length of the body of a request."
    )
    head_bytes: int = Field(
        default=32_768, ge=2_048, le=1_000_000, description="Length of a request's line and headers."
    )
    head_s: float = Field(
        default=10, ge=0.1, le=600, description="Seconds in which the head of a request arrives."
    )
    body_s: float = Field(
        default=30, ge=0.1, le=3600, description="Seconds in which the body of a request arrives."
    )
    stalled_s: float = Field(
        default=60, ge=0.1, le=3600, description="Seconds in which a peer reads nothing of its answer."
    )
    document_length: int = Field(
        default=50_000, ge=100, le=10_000_000, description="Characters of a document."
    )
    tokens: int = Field(default=2_000, ge=10, le=1_000_000, description="Tokens of a document.")
    depth: int = Field(default=16, ge=1, le=100, description="Fields within fields.")
    fields: int = Field(
        default=1_000, ge=1, le=1_000_000, description="Fields, with every fragment where it is spread."
    )
    aliases: int = Field(
        default=100, ge=0, le=1_000_000, description="Aliases, with every fragment where it is spread."
    )
    directives: int = Field(
        default=100, ge=0, le=1_000_000, description="Directives, with every fragment where it is spread."
    )
    fragments: int = Field(default=100, ge=0, le=10_000, description="Fragments that a document defines.")
    list_items: int = Field(
        default=1_000, ge=1, le=1_000_000, description="Items of one list in arguments and variables."
    )
    cost: int = Field(
        default=200_000_000, ge=1, le=10**12, description="Cost points of one operation, counted beforehand."
    )
    objects: int = Field(
        default=50_000, ge=1, le=10_000_000, description="Objects in all lists of one answer together."
    )
    execution_s: float = Field(
        default=30, ge=0.1, le=3600, description="Seconds in which a query is answered."
    )
    operations_per_caller: int = Field(
        default=200, ge=1, le=1_000_000, description="Queries and mutations of one caller under way at once."
    )
    subscriptions_per_socket: int = Field(
        default=100, ge=1, le=1_000_000, description="Operations under way at once on one WebSocket."
    )
    subscriptions_per_caller: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Subscriptions of one caller at once, on all its connections.",
    )
    message_bytes: int = Field(
        default=262_144, ge=1_000, le=100_000_000, description="Length of one message to a WebSocket."
    )
    messages_per_s: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Messages a second on one WebSocket; ten times as many may come at once.",
    )
    rate: RateSettings = RateSettings()
