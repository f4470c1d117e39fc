"""The port of the log: append within a transaction, read from a place, follow its tail.

Two implementations: in the store's own database (``log_sql``) and in NATS JetStream (``log_jetstream``).
One suite tests both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.event_port import Event, EventFilter


@dataclass(frozen=True, slots=True)
class Retention:
    """How long events are kept: so long, and at most so many."""

    age: timedelta = timedelta(days=7)
    count: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which sequence numbers can be read: those above ``floor``, up to ``last``."""

    floor: int
    last: int


class LogUnavailable(Exception):
    """The log does not answer now. Whoever reads it tries again."""


class Log(Protocol):
    """Events in one order that is the same for everybody. An event's id is in it at most once."""

    async def append(self, tx: AsyncConnection, events: Sequence[Event]) -> None:
        """Appends with the transaction: all of them once it commits, none if it does not.

        To be called last: it may hold up other transactions that append until this one ends.
        """
        ...

    async def relay(self) -> int:
        """Moves what waits in the outbox into the log, in order. Gives how many it moved."""
        ...

    async def bounds(self) -> Bounds: ...

    async def read(self, behind: int, limit: int) -> Sequence[Event]:
        """The events behind a sequence number, oldest first; empty at the end."""
        ...

    async def newest(
        self, wanted: EventFilter, first: int, before: int | None
    ) -> tuple[Sequence[Event], bool]: ...

    async def get(self, event_id: str) -> Event | None: ...

    def tail(self, behind: int) -> AsyncIterator[Sequence[Event]]:
        """What is appended behind a number, by whichever replica, as it is; for ever.

        Raises ``LogUnavailable`` where the log stops answering; to be called again then.
        """
        ...

    def wake(self) -> None:
        """Something was appended in this process."""
        ...

    async def trim(self) -> None:
        """Forgets what the retention no longer covers."""
        ...

    async def aclose(self) -> None: ...
