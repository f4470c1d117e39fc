"""One request's view of the graph: its loads, its identity, its answers to edges and derived fields."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable
from typing import Any, cast

from strawberry import Info

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.command_port import Commands
from resolvers.connection import Connection
from resolvers.edges import EDGES, REFERENCES, Edge, Reference
from resolvers.entity import Entity, Slice
from resolvers.errors import fault_of, forbidden
from resolvers.event_port import Events
from resolvers.identity import Identity
from resolvers.ids import Ref
from resolvers.loads import Loads
from resolvers.planned.trace import Trace
from resolvers.ports import CrossReferences, Systems
from resolvers.projection import Projection
from resolvers.records import records_of
from resolvers.related import Related
from resolvers.revenue import recurring_revenue
from resolvers.rows import RowLimits
from resolvers.selection import Selection, selection_of
from resolvers.timeline import timeline
from resolvers.viewer import Viewer
from schema.ownership import Ownership


class RequestContext:
    """Made anew for each operation; the graph reaches everything else through it."""

    trace: Trace | None = None
    selection = Selection({})
    _started = False

    def __init__(
        self,
        systems: Systems,
        ownership: Ownership,
        references: CrossReferences,
        commands: Commands,
        events: Events,
        correlation_id: str,
        viewer: Viewer,
    ) -> None:
        self.systems = systems
        self.commands = commands
        self.events = events
        self.viewer = viewer
        self.ownership = ownership
        self.references = references
        self.correlation_id = correlation_id
        self._entities: dict[Ref, Entity] = {}

    # Made when first asked for: a plan reads without them.

    @functools.cached_property
    def rows(self) -> RowLimits:
        return RowLimits(self)

    @functools.cached_property
    def loads(self) -> Loads:
        return Loads(self.systems, self._projection(), self.references)

    @functools.cached_property
    def identity(self) -> Identity:
        return Identity(self)

    @functools.cached_property
    def _related(self) -> Related:
        return Related(self)

    def start(self, info: Info[Any, Any]) -> None:
        """Reads the operation's selection, once, before the first root field fetches anything."""
        if self._started:
            return
        raw = cast(Any, info)._raw_info
        self.selecting(selection_of(raw.schema, raw.operation, raw.fragments, raw.variable_values))

    def selecting(self, selection: Selection) -> RequestContext:
        """The context itself, to load for a selection that is known before anything is executed."""
        self._started = True
        self.selection = selection.allowed(self.viewer)
        self.loads.projection = self._projection()
        return self

    def forget(self) -> None:
        """Drops what was read so far: after a write, everything is read anew."""
        self.loads = Loads(self.systems, self.loads.projection, self.references)
        self._entities = {}
        self.rows = RowLimits(self)

    def _projection(self) -> Projection:
        return Projection(self.selection, self.ownership, self.systems, self.viewer.rows)

    def entity(self, ref: Ref) -> Entity:
        """The one object of a reference within the request."""
        found = self._entities.get(ref)
        if found is None:
            found = self._entities[ref] = Entity(ref, self)
        return found

    async def existing(self, ref: Ref) -> Entity | None:
        """The object if its system knows the record. A system that is down is no reason to deny it.

        None also for an object that the viewer does not see, and FORBIDDEN, with nothing asked, for one of a
        type of which it may not know. Raises the fault of a system that has to say whether it sees it.
        """
        if not self.viewer.reads(ref.type.value):
            raise forbidden(ref.type.value)
        found = await self._existing(ref)
        if found is None or self.viewer.rows is None:
            return found
        try:
            return found if await self.rows.sees(found) else None
        except SystemFault as error:
            raise fault_of(error, found.anchor_system) from error

    async def _existing(self, ref: Ref) -> Entity | None:
        found = self.entity(ref)
        try:
            anchor = await asyncio.shield(found.slice(found.anchor_system))
            if anchor is None:
                return None
            row, fields = anchor
            record_id = str(fields.read(row, "id"))
        except SystemFault:
            return found
        if record_id == ref.record_id:
            return found
        # A vendor can know a record by several spellings of its id: one object has one id all the same.
        named = self.entity(Ref(ref.type, ref.connection, record_id))
        named.put(named.anchor_system, row, fields)
        return named

    async def load_slice(self, entity: Entity, system: System) -> Slice:
        """The record of an object in a system. Raises a ``SystemFault``."""
        ref = entity.ref
        if system is ANCHORS[ref.type]:
            row = await self.loads.by_id(ref.connection, ref.type, ref.record_id)
            return None if row is None else (row, self.systems.resource(ref.connection, ref.type).fields)
        return await self.identity.slice_of_customer(entity, system)

    def follow(self, source: Any, field: str, arguments: dict[str, Any], info: Info[Any, Any]) -> Any:
        """A relation of an object: another object, a value, or a connection."""
        entity: Entity = source
        edge = EDGES.get((entity.ref.type, field))
        if edge is not None:
            return self._edge(entity, edge, arguments)
        reference = REFERENCES.get((entity.ref.type, field))
        if reference is not None:
            return self._reference(entity, reference)
        return timeline(self, entity.ref, **arguments)

    async def _edge(self, entity: Entity, edge: Edge, arguments: dict[str, Any]) -> Any:
        try:
            if not edge.many:
                return await self._related.one(entity, edge)
            return await self._related.connection(entity, edge, **arguments)
        except SystemFault as error:
            raise fault_of(error, edge.system) from error

    async def _reference(self, entity: Entity, reference: Reference) -> Entity | None:
        try:
            if reference.child is RecordType.CUSTOMER:
                ref = await self.identity.customer_of(entity)
            else:
                value = await entity.link(reference.link)
                located = (
                    None if value is None else self.identity.locate(reference.system, reference.child, value)
                )
                ref = None if located is None else Ref(reference.child, located.connection, located.record_id)
            return None if ref is None else await self.existing(ref)
        except SystemFault as error:
            raise fault_of(error, reference.system) from error

    def derive(self, entity: Entity, field: str) -> Awaitable[Any]:
        """A field that the gateway computes from several records."""
        return _DERIVED[entity.ref.type, field](self, entity)

    def records(self, entity: Entity) -> Awaitable[list[Any]]:
        """Where the object lives in each system."""
        return records_of(self, entity)

    async def related_of(
        self, entity: Entity, edge: Edge, first: int, after: str | None, given: Any
    ) -> Connection:
        """A page of a relation. Raises a ``SystemFault``."""
        return await self._related.connection(entity, edge, first, after, given)

    async def all_related(self, entity: Entity, field: str) -> Connection:
        """Every child of a relation, unfiltered. Raises a ``SystemFault``."""
        return await self._related.everything(entity, EDGES[entity.ref.type, field])


_DERIVED = {(RecordType.CUSTOMER, "recurring_revenue"): recurring_revenue}
