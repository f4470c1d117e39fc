"""A plan as text: which system is asked what, by which key, in which round, for which fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
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
from resolvers.planned.planner import ENTITIES
from resolvers.ports import Systems
from resolvers.related import key_of

_ROOT_PAGES: Mapping[str, RecordType] = {f"{each.value.lower()}s": each for each in ANCHORS}


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a plan: how many keys go in one call, and the earliest round that it can be in."""

    round: int
    place: str
    connection: str
    type: RecordType
    key: str
    per_call: int
    fields: tuple[str, ...]
    note: str = ""


class Explanation:
    """Reads a plan."""

    def __init__(self, plan: Plan, systems: Systems) -> None:
        self._plan = plan
        self._systems = systems

    def loads(self) -> list[Load]:
        """The loads that the plan knows of before anything is fetched, by round."""
        return sorted(self._roots(), key=lambda load: (load.round, load.place))

    def text(self) -> str:
        """A line for each load, below its round; then how the answer is assembled."""
        lines: list[str] = []
        last = 0
        for load in self.loads():
            if load.round != last:
                last = load.round
                lines.append(f"round {last}")
            fields = ", ".join(load.fields)
            note = f"  [{load.note}]" if load.note else ""
            lines.append(
                f"  {load.connection}: {load.type.value} by {load.key} (up to {load.per_call} a call) "
                f"for {load.place}: {fields}{note}"
            )
        why = self._plan.why_interpreted
        lines.append("assembled by generated code" if why is None else f"assembled value by value: {why}")
        return "\n".join(lines)

    def _roots(self) -> Iterator[Load]:
        for field in self._plan.root.fields:
            if field.step is None:
                continue
            listed = _ROOT_PAGES.get(field.graph_name)
            for type_name, plan in field.children.items():
                record_type = ENTITIES.get(type_name)
                if listed is not None:
                    yield from self._anchor(1, field.key, listed, "page")
                    for part in plan.fields:
                        for each in _objects(part.children, listed):
                            yield from self._below(each, 2, field.key, by_id=False)
                elif record_type is not None:
                    yield from self._anchor(1, field.key, record_type, "id")
                    ahead = record_type is RecordType.CUSTOMER and field.name != "nodes"
                    yield from self._below(plan, 1 if ahead else 2, field.key, by_id=ahead)

    def _anchor(self, at: int, place: str, record_type: RecordType, key: str) -> Iterator[Load]:
        for name in self._systems.connections(ANCHORS[record_type], record_type):
            caps = self._systems.resource(name, record_type).caps
            many = caps.rows_per_call if key == "page" else caps.ids_per_call
            yield self._load(at, place, name, record_type, key, many)

    def _load(
        self, at: int, place: str, name: str, record_type: RecordType, key: str, many: int, note: str = ""
    ) -> Load:
        fields = tuple(sorted(self._plan.projection.select(name, record_type)))
        return Load(at, place, name, record_type, key, many, fields, note)

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
                for name in self._systems.connections(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION):
                    yield self._load(at, here, name, RecordType.SUBSCRIPTION, "customer", 1, note)
            else:
                assert isinstance(step, RecordsStep | TimelineStep)

    def _slice(self, system: System, at: int, place: str, note: str) -> Iterator[Load]:
        for name in self._systems.connections(system, RecordType.CUSTOMER):
            resource = self._systems.resource(name, RecordType.CUSTOMER)
            key = link_field(RecordType.CUSTOMER, System.CRM)
            found = resource.finds_by(key)
            many = resource.caps.keys(key) if found else resource.caps.ids_per_call
            yield self._load(at, place, name, RecordType.CUSTOMER, key if found else "id", many, note)

    def _edge(self, step: EdgeStep | OneStep, at: int, place: str, note: str) -> Iterator[Load]:
        edge = step.edge
        hoist = step.hoist if isinstance(step, EdgeStep) else None
        for name in self._systems.connections(edge.system, edge.child):
            resource = self._systems.resource(name, edge.child)
            key = hoist.key if hoist is not None else key_of(edge, resource)
            if key is not None:
                many = resource.caps.keys(key.child)
                yield self._load(at, place, name, edge.child, key.child, many, note)


def _objects(children: Mapping[str, ObjectPlan], record_type: RecordType) -> Iterator[ObjectPlan]:
    for type_name, plan in children.items():
        if type_name == record_type.value:
            yield plan
        else:
            for part in plan.fields:
                yield from _objects(part.children, record_type)
