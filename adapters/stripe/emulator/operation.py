"""What the endpoints that write have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.stripe.emulator.events import Origin, happened
from adapters.stripe.emulator.objects import Document, Objects
from adapters.stripe.emulator.parameters import Kind


@dataclass(frozen=True, slots=True)
class Call:
    """One POST under way: ``id`` is the object its path names, ``values`` are its parameters."""

    objects: Objects
    origin: Origin
    id: str
    values: Mapping[str, Any]

    def happened(self, type: str, about: Document, before: Mapping[str, Any] | None = None) -> None:
        happened(self.objects, self.origin, type, about, before)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: the answer, and the record it made or changed. A declined charge is done, with a 402."""

    body: Document
    record_id: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint that writes.

    action:   what the journal calls it.
    known:    its parameters; anything else is refused before the work begins.
    required: those that must be there.
    perform:  does the work, in a transaction that a raised ``StripeError`` undoes.
    """

    action: str
    known: Mapping[str, Kind]
    required: tuple[str, ...]
    perform: Callable[[Call], Outcome]
