"""Fetching for a plan: one call of a step serves all objects of a place, and steps run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, cast

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType, System
from resolvers.command import command_by_own_id
from resolvers.context import RequestContext
from resolvers.errors import forbidden
from resolvers.ids import Ref
from resolvers.planned.edges import Edges
from resolvers.planned.identity import Identities, only_faults
from resolvers.planned.item import UNREAD, Batch, Group, Item, Kids, Outcomes, RowState, spread
from resolvers.planned.limited import Limited, lend
from resolvers.planned.loads import Loads
from resolvers.planned.plan import (
    EdgeStep,
    FieldPlan,
    ObjectPlan,
    OneStep,
    Plan,
    ReferenceStep,
    RevenueStep,
    SliceStep,
    TimelineStep,
)
from resolvers.planned.planner import ENTITIES, below
from resolvers.planned.variables import Given
from resolvers.records import records_at
from resolvers.revenue import total_of
from resolvers.timeline import timeline

COUNTERPARTS = (System.SUBSCRIPTIONS, System.ERP, System.PAYMENTS)


class Fetch:
    """One request's fetching. ``results`` are what each step found."""

    edges: Edges
    identities: Identities
    limited: Limited | None = None
    objects_listed = 0
    """In the lists of the answer, root lists and relations."""
    is_null = False
    """Whether a field that may not be null has failed: the answer is then null, whatever else is read."""

    def __init__(self, plan: Plan, context: RequestContext, variables: Given) -> None:
        self.plan = plan
        self.context = context
        self.variables = variables
        systems = self.systems = context.systems
        self.loads = Loads(
            systems, plan.projection, context.references, plan.again, context.trace, plan.asks_records
        )
        if context.viewer.rows is not None:
            lend(context, plan, self.loads)
            self.limited = Limited(context)
        self.results: list[Any] = [None] * plan.steps
        self._records: list[tuple[int, RecordType, Batch]] = []
        if plan.steps > 1:
            # There is something below a root.
            self.edges = Edges(self)
            self.identities = Identities(systems, self.loads, context.references)

    def release(self) -> None:
        """Lets go of all that was read, now that the answer is made.

        The parts of a fetch refer to each other: without this, all rows would wait for the collector.
        """
        self.results.clear()
        self._records.clear()
        self.loads.release()
        self.__dict__.pop("edges", None)

    def together(self, parts: list[Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
        """All of them at the same time. The last costs no task of its own."""
        return parts[0] if len(parts) == 1 else self._together(parts)

    async def _together(self, parts: list[Coroutine[Any, Any, None]]) -> None:
        if not parts:
            return
        *others, last = parts
        begin = asyncio.get_running_loop().create_task
        tasks = [begin(each) for each in others]
        try:
            await last
            for task in tasks:
                await task
        except BaseException:
            for task in tasks:
                task.cancel()
            raise

    def keep(self, index: int, outcomes: dict[str, Any]) -> None:
        """Adds what a step found, and owns it: one that several parts of the answer lead to runs for each."""
        known = self.results[index]
        if known is None:
            self.results[index] = outcomes
            return
        for name, found in outcomes.items():
            known[name] = {**known[name], **found} if name in known else found

    def objects(self, plans: Iterable[ObjectPlan], batch: Batch) -> Coroutine[Any, Any, None]:
        """Everything below objects of a system."""
        parts: list[Coroutine[Any, Any, None]] = []
        if any(batch.values()):
            for each in plans:
                self.parts(each, batch, parts)
        return self.together(parts)

    def parts(
        self,
        plan: ObjectPlan,
        batch: Batch,
        parts: list[Coroutine[Any, Any, None]],
        begun: Collection[int] = (),
    ) -> None:
        """Adds what has to be done below objects. ``begun``: the indexes of steps that are under way."""
        record_type = ENTITIES[plan.type_name]
        if plan.hoists:
            parts += self.edges.along.begin(plan.hoists, batch)
        if plan.slices:
            parts += [self.slice(each, batch) for each in plan.slices if each.index not in begun]
        for step in plan.steps:
            if begun and step.index in begun:
                continue
            if isinstance(step, EdgeStep):
                pages = self._sifted if step.sifted else self.edges.pages
                parts.append(pages(step, record_type, batch))
            elif isinstance(step, ReferenceStep):
                parts.append(self._reference(step, record_type, batch))
            elif isinstance(step, OneStep):
                parts.append(self._one(step, record_type, batch))
            elif isinstance(step, RevenueStep):
                parts.append(self._revenue(step, record_type, batch))
            elif isinstance(step, TimelineStep):
                parts.append(self._timeline(step, batch))
            else:
                self._records.append((step.index, record_type, batch))

    async def _sifted(self, step: EdgeStep, record_type: RecordType, batch: Batch) -> None:
        assert self.limited is not None
        try:
            arguments = step.field.arguments.values(self.variables)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's error
            self.keep(step.index, spread(batch, error))
            return
        outcomes, children = await self.limited.pages(step.edge, record_type, batch, arguments)
        self.keep(step.index, outcomes)
        await self.objects(step.objects, children)

    async def slice(self, step: SliceStep, batch: Batch) -> None:
        self.keep(step.index, await self.identities.slices(batch, step))

    async def _one(self, step: OneStep, record_type: RecordType, batch: Batch) -> None:
        self.keep(step.index, await self.edges.first_records(step.edge, record_type, batch))

    async def _revenue(self, step: RevenueStep, record_type: RecordType, batch: Batch) -> None:
        pages = await self.edges.everything(record_type, "subscriptions", batch)
        fields = {
            name: self.systems.resource(name, RecordType.SUBSCRIPTION).fields
            for name in self.systems.connections(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION)
        }
        outcomes: Outcomes = {}
        for connection, found in pages.items():
            outcomes[connection] = {}
            for each, kids in found.items():
                if isinstance(kids, Exception):
                    outcomes[connection][each] = kids
                    continue
                try:
                    # A system of one connection gives its page as it is.
                    parts = kids.parts if isinstance(kids, Kids) else [(next(iter(fields)), kids)]
                    rows = [(row, fields[name]) for name, page in parts for row in page.rows]
                    outcomes[connection][each] = total_of(rows)
                except SystemFault as fault:
                    outcomes[connection][each] = fault
        self.keep(step.index, outcomes)

    async def _timeline(self, step: TimelineStep, batch: Batch) -> None:
        try:
            arguments = step.field.arguments.values(self.variables)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the field's error
            self.keep(step.index, spread(batch, error))
            return
        places = [(name, each) for name, group in batch.items() for each in group]
        pages = await asyncio.gather(
            *(
                timeline(self.context, Ref(RecordType.CUSTOMER, name, each), **arguments)
                for name, each in places
            ),
            return_exceptions=True,
        )
        outcomes: Outcomes = {name: {} for name in batch}
        events: list[Any] = []
        for (name, each), page in zip(places, pages, strict=True):
            outcomes[name][each] = page
            if not isinstance(page, BaseException):
                events += page.nodes
        self.keep(step.index, outcomes)
        await self.below_gateway(step.field, events)

    async def below_gateway(self, field: FieldPlan, objects: Sequence[Any]) -> None:
        """Everything below objects of the gateway's own: what they name, wherever it is selected."""
        parts: list[Coroutine[Any, Any, None]] = []
        for plan in _plans_of(field, getattr(objects[0], "graph_type", "")) if objects else ():
            parts += [self._named(cast(ReferenceStep, step), objects) for step in plan.steps]
        await self.together(parts)

    async def _named(self, step: ReferenceStep, objects: Sequence[Any]) -> None:
        """What commands and events name: objects of systems, or a command."""
        found: dict[Any, Any] = {}
        wanted: dict[int, Ref] = {}
        commands: dict[int, str] = {}
        for each in objects:
            named = each.refs[step.field.name]
            found[id(each)] = None
            if isinstance(named, Ref):
                wanted[id(each)] = named
            elif named is not None:
                commands[id(each)] = named
        items = await self.existing(dict.fromkeys(wanted.values()))
        found |= {key: items[ref] for key, ref in wanted.items()}
        for key, command_id in commands.items():
            try:
                found[key] = await command_by_own_id(self.context, command_id)
            except Exception as error:  # noqa: BLE001 - the field's error, whatever it is
                found[key] = error
        self.results[step.index] = {**(self.results[step.index] or {}), **found}
        inner = [found[key] for key in commands if not isinstance(found[key], Exception | None)]
        await self.together([self.items(step.field, found.values()), self.below_gateway(step.field, inner)])

    async def _reference(self, step: ReferenceStep, record_type: RecordType, batch: Batch) -> None:
        reference = step.reference
        assert reference is not None
        if reference.child is RecordType.CUSTOMER:
            refs = await self.identities.customers_of(record_type, batch)
        else:
            refs = self.edges.linked(reference, record_type, batch)
        wanted = dict.fromkeys(
            ref for found in refs.values() for ref in found.values() if isinstance(ref, Ref)
        )
        items = await self.existing(wanted)
        self.keep(
            step.index,
            {
                name: {each: items[ref] if isinstance(ref, Ref) else ref for each, ref in found.items()}
                for name, found in refs.items()
            },
        )
        await self.items(step.field, items.values())

    async def items(self, field: FieldPlan, items: Iterable[Any]) -> None:
        """Everything below objects of systems that one field gives, of whatever types."""
        batches: dict[str, dict[str, Group]] = {}
        for item in items:
            if isinstance(item, Item):
                groups = batches.setdefault(item.type.value, {})
                groups.setdefault(item.connection, {})[item.id] = item.row
        parts: list[Coroutine[Any, Any, None]] = []
        for type_name, batch in batches.items():
            self.parts(field.children[type_name], batch, parts)
        await self.together(parts)

    async def existing(self, refs: Mapping[Ref, Any]) -> dict[Ref, Item | Exception | None]:
        """Objects that their systems know. A system that is down is no reason to deny them.

        None also for those that the viewer does not see, or the fault of a system that has to say. FORBIDDEN,
        with nothing asked, for those of a type of which the viewer may not know.
        """
        if self.limited is not None:
            return await self.limited.existing(refs)
        found: dict[Ref, Item | Exception | None] = {}
        wanted: dict[tuple[str, RecordType], list[str]] = {}
        reads = self.context.viewer.reads
        for ref in refs:
            if reads(ref.type.value):
                wanted.setdefault((ref.connection, ref.type), []).append(ref.record_id)
            else:
                found[ref] = forbidden(ref.type.value)
        keys = list(wanted)
        loads: list[Awaitable[Any]] = [self.loads.by_id(*key, wanted[key]) for key in keys]
        if len(loads) == 1:
            try:
                read: list[Any] = [await loads[0]]
            except SystemFault as fault:
                read = [fault]
        else:
            read = await asyncio.gather(*loads, return_exceptions=True)
        rows = dict(zip(keys, read, strict=True))
        for ref in refs:
            if ref in found:
                continue
            there: Any = rows[ref.connection, ref.type]
            row: RowState = (
                only_faults(there) if isinstance(there, BaseException) else there.get(ref.record_id)
            )
            found[ref] = self._item(ref, row)
        return found

    async def one(self, ref: Ref) -> Item | Exception | None:
        """``existing`` for one object."""
        if self.limited is not None:
            return (await self.limited.existing((ref,)))[ref]
        viewer = self.context.viewer
        if viewer.restricted and not viewer.reads(ref.type.value):
            return forbidden(ref.type.value)
        row: RowState
        try:
            row = (await self.loads.by_id(ref.connection, ref.type, (ref.record_id,))).get(ref.record_id)
        except SystemFault as fault:
            row = fault
        return self._item(ref, row)

    def _item(self, ref: Ref, row: RowState) -> Item | None:
        if row is None:
            return None
        if isinstance(row, SystemFault) or row is UNREAD:
            return Item(ref.type, ref.connection, ref.record_id, row)
        # A vendor can know a record by several spellings of its id: one object has one id all the same.
        try:
            own_id = str(self.systems.resource(ref.connection, ref.type).fields.read(row, "id"))
        except SystemFault:
            return Item(ref.type, ref.connection, ref.record_id, row)
        return Item(ref.type, ref.connection, own_id, row)

    def _tells_of(self, system: System) -> bool:
        """Whether ``records`` says where a system has a customer."""
        return bool(
            self.systems.connections(system, RecordType.CUSTOMER)
        ) and self.context.viewer.reads_system(self.context.ownership, "Customer", system)

    async def records(self) -> None:
        """Where objects live: told last, when it is known what was read of them and when."""
        for index, record_type, batch in self._records:
            located = {
                system: await self.identities.located(batch, system)
                for system in COUNTERPARTS
                if record_type is RecordType.CUSTOMER and self._tells_of(system)
            }
            outcomes: Outcomes = {}
            for name, group in batch.items():
                outcomes[name] = {
                    each: records_at(
                        self.systems,
                        self.loads.read_at,
                        Ref(record_type, name, each),
                        [(system, places[name][each]) for system, places in located.items()],
                    )
                    for each in group
                }
            self.keep(index, outcomes)


def _plans_of(field: FieldPlan, type_name: str) -> list[ObjectPlan]:
    """What is selected of a type at a field, directly or as the objects of a connection."""
    if type_name in field.children:
        return [field.children[type_name]]
    return below(field, type_name)
