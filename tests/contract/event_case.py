"""What a source of events brings to the contract suite.

A module ``tests/contract/events_<vendor>.py`` has ``case(kept)``, an asynchronous context manager that yields
an ``EventCase`` and ends everything, save a server that takes long to start: ``kept`` has it for the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adapters.contracts.adapter import Adapter
from adapters.contracts.vocabulary import RecordType


@dataclass(frozen=True)
class EventCase:
    """A source of events and a server where something can happen.

    connect: a new adapter connected to the server (the suite closes it).
    change:  changes the record with a number of the suite's choosing at the server, and tells which it was.
    unknown: a raw message of a kind that concerns nothing of the graph.
    """

    connect: Callable[[], Adapter]
    change: Callable[[int], Awaitable[tuple[RecordType, str]]]
    unknown: bytes
