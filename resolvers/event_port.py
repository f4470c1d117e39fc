"""What the graph needs from the gateway to tell of changes: the log of business events, and its tail."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.contracts.vocabulary import BusinessEventType, EventOrigin, RecordType, System
from resolvers.ids import Ref


class CursorExpired(Exception):
    """The log no longer reaches back to the cursor: what was between is lost, and the reader is told."""


class BadCursor(ValueError):
    """Not a position in this log."""


@dataclass(frozen=True, slots=True)
class Event:
    """A business event as the log has it.

    id:         the same however often it is delivered; readers deduplicate by it.
    cursor:     its position; valid on every replica.
    subject:    what it happened to; None for a subject without a place in the graph.
    command_id: for events of commands, and for events that a command caused.
    customer:   whom it concerns, where that is known.
    previous, current: the status before and after, as the contract spells it, for a change of status.
    superseded: a late notice: something newer is known already, and the status did not change by it.
    """

    id: str
    cursor: str
    type: BusinessEventType
    origin: EventOrigin
    system: System
    connection: str
    occurred_at: datetime
    observed_at: datetime
    subject: Ref | None
    customer: Ref | None
    correlation_id: str | None
    command_id: str | None
    previous: str | None
    current: str | None
    superseded: bool
    summary: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events. Everything given must hold; None asks for nothing.

    types:        any of these.
    subject_type: of this type; ``subject``: this very object.
    changes:      only changes of status (``current`` is known, and not superseded).
    """

    types: frozenset[BusinessEventType] | None = None
    system: System | None = None
    customer: Ref | None = None
    subject_type: RecordType | None = None
    subject: Ref | None = None
    command_id: str | None = None
    commands: bool = False
    changes: bool = False


class Events(Protocol):
    """The log. Append-only; a retention by age and count."""

    def follow(self, wanted: EventFilter, after: str | None) -> AsyncGenerator[Event]:
        """Events from now on or from behind a cursor, as they happen, in the order of the log, for ever.

        Raises ``CursorExpired`` and ``BadCursor`` at the first step. A consumer that is too slow ends with
        ``SlowConsumer``.
        """
        ...

    async def newest(
        self, wanted: EventFilter, first: int, after: str | None
    ) -> tuple[Sequence[Event], bool]:
        """A page, newest first, behind a cursor of such a page; and whether more follow."""
        ...

    async def get(self, event_id: str) -> Event | None: ...


class SlowConsumer(Exception):
    """The reader's queue is full. ``cursor`` is the last position it was given: it can resume there."""

    def __init__(self, cursor: str | None) -> None:
        super().__init__("too slow; resume behind the last cursor")
        self.cursor = cursor
