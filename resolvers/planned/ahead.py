"""What can be loaded for a customer before its own row is there: by its id, and by links that were seen.

Loads only: what they bring is used where the plan comes to ask the same. A link that was seen and is no
longer so costs a call for nothing, and shows nobody anything: the row that the CRM gives decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType, System, link_field
from resolvers.edges import CUSTOMER_IN_CRM
from resolvers.identity import Located, located_in
from resolvers.ids import Ref
from resolvers.loads import Relation
from resolvers.planned.along import HOISTED_ROWS, quietly
from resolvers.planned.edges import asked_of
from resolvers.planned.fetch import Fetch
from resolvers.planned.plan import EdgeStep, ObjectPlan
from resolvers.viewer import Rows


def begin_ahead(fetch: Fetch, plan: ObjectPlan, ref: Ref) -> Sequence[asyncio.Task[None]]:
    """Starts the loads; what they raise is kept for whoever asks the same."""
    viewer = fetch.context.viewer
    if ref.type is not RecordType.CUSTOMER or not viewer.reads(ref.type.value):
        return ()
    if viewer.rows is not None and not _is_bound(viewer.rows, ref):
        # Whether it is the viewer's customer at all is to be found out first.
        return ()
    begin = asyncio.get_running_loop().create_task
    return [begin(quietly(each)) for each in _Ahead(fetch, ref).loads(plan)]


def _is_bound(rows: Rows, customer: Ref) -> bool:
    """Whether a viewer sees a customer for its name alone."""
    by_name = rows.customers is not None and customer in rows.customers
    return by_name and rows.portfolio is None and rows.legal_entities is None


class _Ahead:
    def __init__(self, fetch: Fetch, ref: Ref) -> None:
        self._fetch = fetch
        self._systems = fetch.systems
        self._ref = ref
        self._fields = fetch.systems.resource(ref.connection, RecordType.CUSTOMER).fields

    def loads(self, plan: ObjectPlan) -> Iterator[Coroutine[Any, Any, Any]]:
        for each in plan.slices:
            yield from self._slice(each.system)
        for step in plan.steps:
            if isinstance(step, EdgeStep):
                yield from self._edge(step)
        for hoist in plan.hoists:
            value = self._value(hoist.key.parent, hoist.edge.system, hoist.connection)
            if value is not None:
                relation = Relation(hoist.connection, hoist.edge.child, hoist.key.child, (), None)
                yield self._related(relation, value, HOISTED_ROWS if hoist.link is not None else None)

    def _related(self, relation: Relation, value: str, first: int | None) -> Coroutine[Any, Any, Any]:
        return self._fetch.loads.related(relation, (value,), first)

    def _slice(self, system: System) -> Iterator[Coroutine[Any, Any, Any]]:
        if link_field(RecordType.CUSTOMER, system) in self._fields:
            place = self._seen(system)
            if place is not None:
                yield self._fetch.loads.by_id(place.connection, RecordType.CUSTOMER, (place.record_id,))
            return
        for name in self._systems.connections(system, RecordType.CUSTOMER):
            if self._systems.resource(name, RecordType.CUSTOMER).finds_by(CUSTOMER_IN_CRM):
                relation = Relation(name, RecordType.CUSTOMER, CUSTOMER_IN_CRM, (), None)
                yield self._related(relation, self._ref.record_id, None)

    def _edge(self, step: EdgeStep) -> Iterator[Coroutine[Any, Any, Any]]:
        edge, sole = step.edge, step.sole
        if sole is None:
            return
        try:
            first, after, where = step.asked or asked_of(step, self._fetch)
        except Exception:  # noqa: BLE001 - the field says so itself
            return
        value = self._value(sole.key.parent, edge.system, sole.connection)
        if value is None or after is not None:
            return
        relation, rows = sole.asked(where, first)
        yield self._related(relation, value, rows)

    def _value(self, parent: str, system: System, name: str) -> str | None:
        if parent == "id":
            return self._ref.record_id
        place = self._seen(system)
        return place.record_id if place is not None and place.connection == name else None

    def _seen(self, system: System) -> Located | None:
        ref, link = self._ref, link_field(RecordType.CUSTOMER, system)
        value = self._fetch.context.references.known(ref.connection, ref.record_id, link)
        try:
            return None if value is None else located_in(self._systems, system, RecordType.CUSTOMER, value)
        except SystemFault:
            return None
