"""What a stream delivers: one execution, encoded once, for however many receive it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_WAITING = 1_000
"""Messages that wait for one client that does not read. One more, and it is told to resume later."""


@dataclass(frozen=True, slots=True)
class Payload:
    """An execution result as JSON, and the event that it is of."""

    event_id: str
    cursor: str
    body: bytes


class Sink(Protocol):
    """Where one subscription's payloads go. Nothing here waits, or raises."""

    def next(self, payload: Payload) -> None: ...

    def fail(self, error: Mapping[str, Any]) -> None:
        """The subscription ends with an error, formatted."""
        ...

    async def room(self) -> None:
        """Waits until nothing waits to be sent: for who can send faster than anybody reads."""
        ...
