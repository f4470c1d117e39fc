"""What an adapter brings to the contract suite: itself, connected to a real server, and what is true there.

A harness module ``tests/contract/harness_<vendor>.py`` has ``harness()``, a context manager that
starts the server (an emulator, a proxy before a real server), yields a ``Harness`` and ends everything.
The suite asks capabilities, never names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType
from adapters.contracts.writes import Write
from adapters.emulation.faults import Misbehaving


@dataclass(frozen=True)
class Sample:
    """One record that is really there: its id at the vendor and the canonical values it must read as.

    ``expected`` is worked out from the seeded facts, never through the adapter's own code.
    """

    id: str
    expected: Mapping[str, Any]


class Connect(Protocol):
    def __call__(self, *, base_url: str = ...) -> Adapter: ...


@dataclass
class Harness:
    """An adapter connected to a server that can be told to misbehave.

    connect:        a new adapter connected to the server, or to another base URL (the suite closes it).
    front:          the fault middleware before the server: arms faults, logs every call.
    samples:        at least 12 records of each resource type the adapter has, in no special order.
    totals:         how many rows of each type there are at the server, for paging to the end.
    links:          (type, key field) -> {key value: ids of the rows that have it}, for ``related``.
    filters:        filters the vendor applies, and what they must give.
    unknown_status: (type, id) of a row whose status the vendor's table does not know; None where the
                    server cannot be given one.
    absent_id:      an id in the vendor's form that no row has, by type.
    api_path:       text that the paths of data calls contain and those of token calls do not.
    errors:         (HTTP status, fault) for faults armed with that status, in the vendor's own error body.
    wrong_credentials: the adapter with credentials that the server refuses.
    token_path:     text of the path that gives tokens; None for adapters with static credentials.
    bulk:           whether the vendor can read many records by id in one call.
    shrinks:        whether the server can be told to give pages shorter than asked for.
    writes:         one case or more for each verb of the adapter's writer.
    count_effects:  how many writes the server has performed so far, counted at the server; None for an
                    emulator, whose journal is counted.
    """

    name: str
    connect: Connect
    front: Misbehaving
    samples: Mapping[RecordType, list[Sample]]
    totals: Mapping[RecordType, int]
    links: Mapping[tuple[RecordType, str], Mapping[str, list[str]]]
    filters: list[FilterCase] = field(default_factory=list)
    unknown_status: tuple[RecordType, str] | None = None
    absent_id: Mapping[RecordType, str] = field(default_factory=dict)
    api_path: str = "/"
    token_path: str | None = None
    bulk: bool = True
    shrinks: bool = True
    wrong_credentials: Callable[[], Adapter] | None = None
    errors: list[tuple[int, type[SystemFault]]] = field(default_factory=list)
    writes: list[WriteCase] = field(default_factory=list)
    count_effects: Callable[[], int] | None = None

    def effects(self) -> int:
        """How many writes the server has performed so far: replays and refusals are none."""
        if self.count_effects is not None:
            return self.count_effects()
        assert self.front.effects is not None, "the emulator keeps no journal"
        return len(self.front.effects())


@dataclass(frozen=True)
class FilterCase:
    """A filter the vendor applies itself, and the ids it must give: all of them, and no other."""

    type: RecordType
    field: str
    op: Any
    value: Any
    ids: frozenset[str]


@dataclass(frozen=True)
class WriteCase:
    """A write the vendor can do, and what is true when it is done.

    Each call of ``write``, ``refused`` or ``wrong_state`` gives a write with that idempotency key about a
    record that no other call gave; the server may be changed directly to bring it about.

    name:        of the case, for whoever reads a failure.
    write:       one that the vendor performs, on a record in the right state.
    expected:    canonical values that the record left by the write then reads as.
    refused:     one with input that the vendor refuses for good; None where there is no such input.
    wrong_state: one on a record whose state does not allow it; None where every state does.
    method:      the HTTP method of the request that writes, so that faults hit it and not the reads before.
    path:        text that the path of that request contains.
    """

    name: str
    write: Callable[[str], Write]
    expected: Callable[[Write], Mapping[str, Any]]
    refused: Callable[[str], Write] | None = None
    wrong_state: Callable[[str], Write] | None = None
    method: str = "POST"
    path: str = "/"
