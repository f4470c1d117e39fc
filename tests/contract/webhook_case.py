"""What a source of webhooks brings to the contract suite.

A module ``tests/contract/webhooks_<vendor>.py`` has ``CASES``, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.contracts.events import EventSource
from adapters.contracts.vocabulary import RecordType

Headers = Mapping[str, str]


@dataclass(frozen=True)
class WebhookCase:
    """A source that is pushed to.

    connect: the source as configured, with two secrets: one takes the place of the other.
    message: the body of the event with a number; numbers that are equal modulo ten are of one record, and a
             greater one is of a later version.
    record:  the record of a number.
    prove:   the headers that prove a body with the first secret (0), the second (1), or a foreign one (2).
    signs:   whether the proof is of the body, and not only of the sender.
    unknown: the body of an event of a kind that concerns nothing of the graph.
    """

    connect: Callable[[], EventSource]
    message: Callable[[int], bytes]
    record: Callable[[int], tuple[RecordType, str]]
    prove: Callable[[bytes, int], Headers]
    signs: bool
    unknown: bytes
