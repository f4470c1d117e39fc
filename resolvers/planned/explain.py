"""A plan as text and as data: which system is asked what, by which key, in which round, for which fields.

Before it is run a plan tells what it will ask; a trace of a request tells what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from adapters.contracts.resource import Caps
from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
from resolvers.edges import EDGES
from resolvers.planned.fallback import REASONS
from resolvers.planned.plan import (
    EdgeStep,
    ObjectPlan,
    OneStep,
    Plan,
    RecordsStep,
    ReferenceStep,
    RevenueStep,
    TimelineStep,
)
from resolvers.planned.planner import ENTITIES, ROOT_LISTS
from resolvers.planned.trace import PAGE, Trace, Traced
from resolvers.ports import Systems
from resolvers.related import key_of


@dataclass(frozen=True, slots=True)
class Load:
    """One load, and the round that it is in: the earliest possible, or the one that it was in.

    places:   the fields of the answer that it is for.
    per_call: how many keys go in one call; of a page, how many rows.
    keys:     how many were asked for, and ``rows`` how many came. None for what has not been run, or failed.
    """

    round: int
    places: tuple[str, ...]
    connection: str
    type: RecordType
    key: str
    per_call: int
    fields: tuple[str, ...]
    note: str = ""
    keys: int | None = None
    rows: int | None = None

    @property
    def calls(self) -> int | None:
        """Calls of the system, where it has been run: further pages of one key are not counted."""
        if self.keys is None:
            return None
        return 1 if self.key == PAGE else -(-self.keys // self.per_call)

    def text(self) -> str:
        """One line."""
        note = f"  [{self.note}]" if self.note else ""
        if self.keys is None:
            many = f"up to {self.per_call} a call"
        else:
            rows = "no answer" if self.rows is None else _count(self.rows, "row")
            keys = "" if self.key == PAGE else f"{_count(self.keys, 'key')}, "
            many = f"{keys}{_count(self.calls or 0, 'call')}, {rows}"
        return (
            f"  {self.connection}: {self.type.value} by {self.key} ({many}) "
            f"for {', '.join(self.places)}: {', '.join(self.fields)}{note}"
        )

    def data(self, system: System | None) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "connection": self.connection,
            "system": None if system is None else system.value,
            "type": self.type.value,
            "key": self.key,
            "keys": self.keys,
            "calls": self.calls,
            "rows": self.rows,
            "perCall": self.per_call,
            "fields": list(self.fields),
            "places": list(self.places),
            "note": self.note or None,
        }


class Explanation:
    """Reads a plan, and what came of it where it was run."""

    def __init__(self, plan: Plan, systems: Systems, trace: Trace | None = None) -> None:
        self._plan = plan
        self._systems = systems
        self._trace = trace

    def loads(self) -> list[Load]:
        """The loads by round: those that were made, else those that the plan knows of beforehand."""
        foreseen = sorted(self._roots(), key=lambda load: (load.round, load.places))
        if self._trace is None:
            return foreseen
        return sorted((self._made(each, foreseen) for each in self._trace.loads), key=lambda load: load.round)

    def text(self, points: int | None = None) -> str:
        """A line for each load, below its round; then how the answer is assembled, and what it costs."""
        lines: list[str] = []
        for at, loads in groupby(self.loads(), key=lambda load: load.round):
            lines += [f"round {at}", *(load.text() for load in loads)]
        lines.append(f"assembled {self._assembled()}")
        if points is not None:
            lines.append(f"estimated at {_count(points, 'point')}")
        return "\n".join(lines)

    def data(self, points: int | None = None) -> dict[str, Any]:
        """The same as JSON has it, with the text in it."""
        rounds = [
            {
                "round": at,
                "loads": [load.data(self._systems.system_of(load.connection)) for load in loads],
            }
            for at, loads in groupby(self.loads(), key=lambda load: load.round)
        ]
        return {
            "planned": True,
            "rounds": rounds,
            "assembled": self._assembled(),
            "points": points,
            "text": self.text(points),
        }

    def _assembled(self) -> str:
        why = self._plan.why_interpreted
        if why is None and self._trace is not None and not self._trace.by_code:
            why = "it is not as the generated code expects it"
        return "by generated code" if why is None else f"value by value: {why}"

    def _made(self, traced: Traced, foreseen: Iterable[Load]) -> Load:
        alike = [
            load
            for load in foreseen
            if (load.connection, load.type, load.key) == (traced.connection, traced.type, traced.key)
        ]
        if not alike:
            # To find out who is who is no field's own load.
            alike = [Load(0, ("identity",), traced.connection, traced.type, traced.key, 0, ())]
        return Load(
            traced.round,
            tuple(dict.fromkeys(place for load in alike for place in load.places)),
            traced.connection,
            traced.type,
            traced.key,
            _per_call(self._systems.resource(traced.connection, traced.type).caps, traced.key),
            tuple(sorted(traced.fields)),
            alike[0].note,
            traced.keys,
            traced.rows,
        )

    def _roots(self) -> Iterator[Load]:
        for field in self._plan.root.fields:
            if field.step is None:
                continue
            listed = ROOT_LISTS.get(field.graph_name)
            for type_name, plan in field.children.items():
                record_type = ENTITIES.get(type_name)
                if listed is not None:
                    yield from self._anchor(1, field.key, listed, PAGE)
                    for part in plan.fields:
                        for each in _objects(part.children, listed):
                            yield from self._below(each, 2, field.key, by_id=False)
                elif record_type is not None:
                    yield from self._anchor(1, field.key, record_type, "id")
                    ahead = record_type is RecordType.CUSTOMER and field.name != "nodes"
                    yield from self._below(plan, 1 if ahead else 2, field.key, by_id=ahead)

    def _anchor(self, at: int, place: str, record_type: RecordType, key: str) -> Iterator[Load]:
        for name in self._systems.connections(ANCHORS[record_type], record_type):
            yield self._load(at, place, name, record_type, key)

    def _load(
        self, at: int, place: str, name: str, record_type: RecordType, key: str, note: str = ""
    ) -> Load:
        fields = tuple(sorted(self._plan.projection.select(name, record_type)))
        many = _per_call(self._systems.resource(name, record_type).caps, key)
        return Load(at, (place,), name, record_type, key, many, fields, note)

    def _below(self, plan: ObjectPlan, at: int, place: str, *, by_id: bool) -> Iterator[Load]:
        note = "ahead of the customer's row, its links having been seen" if by_id else ""
        for each in plan.slices:
            yield from self._slice(each.system, at, f"{place}.{each.system.value}", note)
        for step in plan.steps:
            here = f"{place}.{step.field.key}"
            if isinstance(step, EdgeStep | OneStep):
                hoisted = isinstance(step, EdgeStep) and step.hoist is not None
                own = at - 1 if hoisted and not by_id else at
                yield from self._edge(step, own, here, "with the customer's" if hoisted else note)
                for each in step.objects if isinstance(step, EdgeStep) else ():
                    yield from self._below(each, own + 1, here, by_id=False)
            elif isinstance(step, ReferenceStep):
                for type_name, each in step.field.children.items():
                    record_type = ENTITIES.get(type_name)
                    if record_type is not None:
                        yield from self._anchor(at, here, record_type, "id")
                        yield from self._below(each, at + 1, here, by_id=False)
            elif isinstance(step, RevenueStep):
                edge = EDGES[RecordType.CUSTOMER, "subscriptions"]
                for name in self._systems.connections(edge.system, edge.child):
                    key = key_of(edge, self._systems.resource(name, edge.child))
                    if key is not None:
                        yield self._load(at, here, name, edge.child, key.child, note)
            else:
                assert isinstance(step, RecordsStep | TimelineStep)

    def _slice(self, system: System, at: int, place: str, note: str) -> Iterator[Load]:
        for name in self._systems.connections(system, RecordType.CUSTOMER):
            resource = self._systems.resource(name, RecordType.CUSTOMER)
            key = link_field(RecordType.CUSTOMER, System.CRM)
            yield self._load(
                at, place, name, RecordType.CUSTOMER, key if resource.finds_by(key) else "id", note
            )

    def _edge(self, step: EdgeStep | OneStep, at: int, place: str, note: str) -> Iterator[Load]:
        edge = step.edge
        hoist = step.hoist if isinstance(step, EdgeStep) else None
        for name in self._systems.connections(edge.system, edge.child):
            key = hoist.key if hoist is not None else key_of(edge, self._systems.resource(name, edge.child))
            if key is not None:
                yield self._load(at, place, name, edge.child, key.child, note)


def unplanned(reason: str, points: int | None = None) -> dict[str, Any]:
    """What there is to say of an operation that the plain executor answered."""
    lines = [f"not planned: {REASONS.get(reason, REASONS['unforeseen'])}"]
    if points is not None:
        lines.append(f"estimated at {_count(points, 'point')}")
    return {"planned": False, "reason": reason, "points": points, "text": "\n".join(lines)}


def _per_call(caps: Caps, key: str) -> int:
    if key == PAGE:
        return caps.rows_per_call
    return caps.ids_per_call if key == "id" else caps.keys(key)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _objects(children: Mapping[str, ObjectPlan], record_type: RecordType) -> Iterator[ObjectPlan]:
    for type_name, plan in children.items():
        if type_name == record_type.value:
            yield plan
        else:
            for part in plan.fields:
                yield from _objects(part.children, record_type)
