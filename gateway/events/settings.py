"""The section ``events`` of the configuration."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from gateway.section import Section


def _nats(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"(nats|tls)://[^\s]+", value.get_secret_value()):
        raise ValueError("not a NATS URL, as in nats://host:4222")
    return value


class EventSettings(Section):
    """The log of business events, and who reads it."""

    retention_days: float = Field(default=7, gt=0, le=366, description="Days an event is kept.")
    retention_count: int = Field(
        default=1_000_000, ge=1, le=100_000_000, description="At most so many events are kept."
    )
    broker: Annotated[SecretStr, AfterValidator(_nats)] | None = Field(
        default=None,
        description="NATS server with JetStream that keeps the log, as in `nats://user:password@host:4222`; "
        "without it, the log is in the database of the commands. Needs the extra `nats`.",
    )
    queue: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Events that may wait for one subscriber before it is closed as too slow.",
    )
    lease_s: float = Field(
        default=5,
        ge=1,
        le=3600,
        description="Seconds after which the inbox of a gateway that died goes to another.",
    )
