"""What can be begun for a customer before its own row is there: by its id, and by links that were seen.

Steps that need no more than the id are begun as they are. By links there are loads only: what they bring is
used where the plan comes to ask the same. A link that was seen and is no longer so costs a call for nothing,
and shows nobody anything: the row that the CRM gives decides, as it does for a customer that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Sequence
from typing import Any

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType, System, link_field
from resolvers.identity import Located, located_in
from resolvers.ids import Ref
from resolvers.planned.along import quietly
from resolvers.planned.arguments import asked_of
from resolvers.planned.fetch import Fetch
from resolvers.planned.item import UNREAD, Batch
from resolvers.planned.plan import Asked, ById, EdgeStep, Hoist, ObjectPlan
from resolvers.viewer import Rows


class Ahead:
    """What was begun for one customer.

    steps: the indexes of those that are under way as a whole.
    every: whether nothing is left to be begun.
    """

    every = False

    def __init__(self) -> None:
        self.steps: set[int] = set()
        self._whole: list[asyncio.Task[None]] = []
        self._loads: list[asyncio.Task[None]] = []

    async def done(self) -> None:
        """Until the steps are. For loads nobody waits but who needs them."""
        # Relations come last, and with what is below them take longest: then the others have ended already.
        for task in reversed(self._whole):
            await task

    def end(self) -> None:
        for task in (*self._whole, *self._loads):
            task.cancel()

    def begin(self, fetch: Fetch, plan: ObjectPlan, ref: Ref) -> None:
        start = asyncio.get_running_loop().create_task
        steps, whole = self.steps, self._whole
        by_id = plan.by_id.get(ref.connection) or _by_id(plan, ref.connection)
        batch: Batch = {ref.connection: {ref.record_id: UNREAD}}
        # Hoists first: who needs what they bring finds it under way.
        if by_id.hoists:
            self._loads += map(start, fetch.edges.along.begin(by_id.hoists, batch))
        links = None if by_id.every else _Links(fetch, ref)
        if links is not None:
            self._loads += [start(quietly(each)) for each in links.hoists(plan.hoists)]
        for each in by_id.slices:
            steps.add(each.index)
            whole.append(start(fetch.slice(each, batch)))
        every = by_id.every
        for step in by_id.edges:
            if _asked(step, fetch) is None:
                every = False
                continue
            steps.add(step.index)
            whole.append(start(fetch.edges.pages(step, RecordType.CUSTOMER, batch)))
        if links is not None:
            self._loads += [start(quietly(each)) for each in links.loads(plan, steps)]
        self.every = every


def begin_ahead(fetch: Fetch, plan: ObjectPlan, ref: Ref) -> Ahead:
    """Starts what can be; what loads raise is kept for whoever asks the same."""
    viewer, ahead = fetch.context.viewer, Ahead()
    # Whether it is the viewer's customer at all may have to be found out first.
    if (
        ref.type is RecordType.CUSTOMER
        and (not viewer.restricted or viewer.reads(ref.type.value))
        and (viewer.rows is None or _is_bound(viewer.rows, ref))
    ):
        ahead.begin(fetch, plan, ref)
    return ahead


def _is_bound(rows: Rows, customer: Ref) -> bool:
    """Whether a viewer sees a customer for its name alone."""
    by_name = rows.customers is not None and customer in rows.customers
    return by_name and rows.portfolio is None and rows.legal_entities is None


def _by_id(plan: ObjectPlan, connection: str) -> ById:
    """What needs nothing of a customer of a connection but its id: the same for all of them."""
    slices = tuple(each for each in plan.slices if connection not in each.linked)
    edges = tuple(
        step
        for step in plan.steps
        if isinstance(step, EdgeStep) and step.sole is not None and step.sole.by_own_id and not step.sifted
    )
    hoists = tuple(each for each in plan.hoists if each.link is not None)
    every = (len(slices), len(edges), len(hoists)) == (len(plan.slices), len(plan.steps), len(plan.hoists))
    found = plan.by_id[connection] = ById(slices, edges, hoists, every)
    return found


def _asked(step: EdgeStep, fetch: Fetch) -> Asked | None:
    """What is asked for; None where that is wrong, as the field says itself, or goes on from a cursor."""
    try:
        asked = step.asked or asked_of(step, fetch)
    except Exception:  # noqa: BLE001 - the field says so itself
        return None
    return asked if asked.after is None else None


class _Links:
    """What can be read by links of a customer that were seen, or by its id, for who needs more than that."""

    def __init__(self, fetch: Fetch, ref: Ref) -> None:
        self._fetch = fetch
        self._ref = ref

    def hoists(self, hoists: Sequence[Hoist]) -> Iterator[Coroutine[Any, Any, Any]]:
        """For descendants who find their own by the same key."""
        for hoist in hoists:
            if hoist.link is None:
                value = self._value(hoist.key.parent, hoist.edge.system, hoist.connection)
                if value is not None:
                    yield self._fetch.loads.related(hoist.relation, (value,), None)

    def loads(self, plan: ObjectPlan, but: Collection[int]) -> Iterator[Coroutine[Any, Any, Any]]:
        """For the steps that are not under way."""
        for each in plan.slices:
            place = None if each.index in but else self._seen(each.system)
            if place is not None:
                yield self._fetch.loads.by_id(place.connection, RecordType.CUSTOMER, (place.record_id,))
        for step in plan.steps:
            if isinstance(step, EdgeStep) and step.sole is not None and step.index not in but:
                sole = step.sole
                value = self._value(sole.key.parent, step.edge.system, sole.connection)
                asked = _asked(step, self._fetch) if value is not None else None
                if value is not None and asked is not None:
                    relation, rows = sole.asked(asked.where, asked.first)
                    yield self._fetch.loads.related(relation, (value,), rows)

    def _value(self, parent: str, system: System, name: str) -> str | None:
        if parent == "id":
            return self._ref.record_id
        place = self._seen(system)
        return place.record_id if place is not None and place.connection == name else None

    def _seen(self, system: System) -> Located | None:
        ref, link = self._ref, link_field(RecordType.CUSTOMER, system)
        value = self._fetch.context.references.known(ref.connection, ref.record_id, link)
        try:
            if value is None:
                return None
            return located_in(self._fetch.systems, system, RecordType.CUSTOMER, value)
        except SystemFault:
            return None
