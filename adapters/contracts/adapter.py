"""What a vendor's adapter is to the rest of the house: a manifest, and a connected adapter."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from adapters.contracts.events import EventSource
from adapters.contracts.resource import Resource
from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Writer


def _proxy(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"https?://[^\s/]+/?", value.get_secret_value()):
        raise ValueError("not the URL of a proxy, as in http://proxy.example.com:3128")
    return value


class ConnectionSettings(BaseModel):
    """Settings every connection has. A vendor's own settings class adds credentials and mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: HttpUrl = Field(description="Where the system's API is reached.")
    deadline_s: float = Field(
        default=2.0, gt=0, le=60, description="Seconds one load may take, retries included."
    )
    max_concurrency: int = Field(
        default=20, ge=1, le=1000, description="Requests under way at once to this connection."
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = Field(
        default=None,
        description="The proxy through which the company's network lets requests out, as in "
        "`http://user:password@proxy.example.com:3128`; without it, none, whatever "
        "the environment says.",
    )

    @property
    def root(self) -> str:
        """The base URL without a trailing slash."""
        return str(self.base_url).rstrip("/")

    @property
    def way_out(self) -> str | None:
        """The URL of the proxy, credentials included; None for the direct way."""
        return None if self.proxy is None else self.proxy.get_secret_value()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check-up: what was tried, whether it is well, and what to do where it is not."""

    check: str
    ok: bool
    detail: str


class Adapter(ABC):
    """One connected account of one vendor."""

    resources: Mapping[RecordType, Resource]
    writer: Writer | None = None
    """None for a vendor that is only read."""

    events: EventSource | None = None
    """None for a vendor that tells of nothing."""

    @abstractmethod
    async def check(self) -> list[Finding]:
        """Reaches the system and checks credentials and permissions. Never raises a ``SystemFault``."""

    @abstractmethod
    async def aclose(self) -> None:
        """Closes connections."""

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        """A link that opens the record in the vendor's own user interface, where there is one."""
        return None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a vendor's folder offers. ``adapters/registry.py`` lists them, one line each.

    name:     as configuration spells it.
    title:    as people spell it.
    systems:  the roles it can play.
    settings: its settings class.
    connect:  from (connection name, settings) to a connected adapter. Sends nothing.
    verified: how the adapter was verified, for the README's table.
    """

    name: str
    title: str
    systems: frozenset[System]
    settings: type[ConnectionSettings]
    connect: Callable[[str, Any], Adapter]
    verified: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
