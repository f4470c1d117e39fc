"""What the graph needs from the gateway: the systems, and the memory of who is who."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Order, Page, Resource
from adapters.contracts.vocabulary import CircuitState, HealthStatus, RecordType, System
from adapters.contracts.writes import Writer


@dataclass(frozen=True, slots=True)
class Health:
    """A connection as the gateway sees it now. ``latency_ms`` is the median of recent calls."""

    system: System
    connection: str
    adapter: str
    status: HealthStatus
    circuit: CircuitState
    latency_ms: float | None
    error_rate: float | None
    throttled_until: datetime | None
    last_event_at: datetime | None


class Relation(msgspec.Struct, frozen=True):
    """A kind of related load: children of a type by a key, under the same conditions."""

    connection: str
    type: RecordType
    key: str
    where: tuple[Condition, ...]
    after: str | None


class Systems(Protocol):
    """The connected systems. Every call takes many keys, and raises nothing but a ``SystemFault``."""

    def connections(self, system: System, record_type: RecordType) -> Sequence[str]:
        """The system's connections that have such records, in the order of configuration."""
        ...

    def system_of(self, connection: str) -> System | None:
        """The role a connection plays; None for an unknown name."""
        ...

    def adapter_of(self, system: System) -> str | None:
        """The vendor that plays a role, or several joined by a comma; None where nobody does."""
        ...

    def resource(self, connection: str, record_type: RecordType) -> Resource:
        """The port to one kind of record; KeyError where the connection has none."""
        ...

    def writer(self, connection: str) -> Writer | None:
        """The port that writes; None for a vendor that is only read."""
        ...

    def vendor(self, connection: str) -> str:
        """The vendor's name, as configuration spells it."""
        ...

    def record_url(self, connection: str, record_type: RecordType, record_id: str) -> str | None:
        """A link that opens the record in its own system."""
        ...

    def read_many(
        self, connection: str, record_type: RecordType, ids: Sequence[str], select: frozenset[str]
    ) -> Coroutine[Any, Any, Mapping[str, Row]]: ...

    def related(
        self, relation: Relation, values: Sequence[str], select: frozenset[str], first: int | None
    ) -> Coroutine[Any, Any, Mapping[str, Page]]:
        """For each value of the relation's key its rows, at most ``first`` of each; None for all."""
        ...

    async def page(
        self,
        connection: str,
        record_type: RecordType,
        select: frozenset[str],
        where: tuple[Condition, ...],
        order: Order | None,
        first: int,
        after: str | None,
    ) -> Page: ...

    def health(self) -> Sequence[Health]: ...


class CrossReferences(Protocol):
    """Links between records that were seen, kept for when the system that knows them is down."""

    def learn(self, connection: str, record_id: str, link: str, value: str) -> None:
        """Remembers that the record's link field had this value."""
        ...

    async def recall(self, connection: str, record_id: str, link: str) -> str | None:
        """The value last seen; None where the link was never seen."""
        ...

    def known(self, connection: str, record_id: str, link: str) -> str | None:
        """The value last seen, where it is in memory: nothing is waited for."""
        ...
