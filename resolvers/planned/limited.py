"""Viewers who see some objects only: the rules of ``resolvers.rows`` and of the lists, over a plan's loads.

What those read for a viewer's limits and what the plan reads for its answer is one memory: neither asks a
system for what the other has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Order, Page
from adapters.contracts.vocabulary import ANCHORS, RecordType
from resolvers.connection import Connection, ConnectionEdge
from resolvers.context import RequestContext
from resolvers.entity import Entity
from resolvers.ids import Ref
from resolvers.loads import Loads
from resolvers.planned.item import UNREAD, Batch, Group, Item, Outcomes
from resolvers.ports import Relation

if TYPE_CHECKING:
    from resolvers.edges import Edge
    from resolvers.planned.loads import Loads as PlannedLoads
    from resolvers.planned.plan import Plan


class _Through:
    """The systems, asked by way of a plan's loads: those have the projection, and what was read already."""

    def __init__(self, loads: PlannedLoads) -> None:
        self._loads = loads
        self.resource = loads.systems.resource
        self.system_of = loads.systems.system_of

    async def read_many(
        self, connection: str, record_type: RecordType, ids: Sequence[str], _: frozenset[str]
    ) -> Mapping[str, Row]:
        known = await self._loads.by_id(connection, record_type, ids)
        return {each: row for each in ids if (row := known.get(each)) is not None}

    async def related(
        self, relation: Relation, values: Sequence[str], _: frozenset[str], first: int | None
    ) -> Mapping[str, Page]:
        return await self._loads.related(relation, values, first)

    async def page(
        self,
        connection: str,
        record_type: RecordType,
        _: frozenset[str],
        where: tuple[Condition, ...],
        order: Order | None,
        first: int,
        after: str | None,
    ) -> Page:
        return await self._loads.page(connection, record_type, where, order, first, after)


def lend(context: RequestContext, plan: Plan, loads: PlannedLoads) -> None:
    """Lets everything that reads by the context read by a plan's loads."""
    context.loads = Loads(cast(Any, _Through(loads)), plan.projection, context.references)
    context.selecting(plan.selected)


class Limited:
    """The limits of one request's viewer, in terms of a plan."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    async def existing(self, refs: Iterable[Ref]) -> dict[Ref, Item | Exception | None]:
        """Objects that their systems know and the viewer sees; or why that cannot be said."""
        wanted = list(refs)
        return dict(zip(wanted, await asyncio.gather(*map(self._existing, wanted)), strict=True))

    async def _existing(self, ref: Ref) -> Item | Exception | None:
        try:
            found = await self._context.existing(ref)
        except GraphQLError as error:
            return error
        return None if found is None else item_of(found)

    async def pages(
        self, edge: Edge, record_type: RecordType, batch: Batch, arguments: Mapping[str, Any]
    ) -> tuple[Outcomes, Mapping[str, Group]]:
        """The pages of a relation, and the children in them by connection."""
        parents = [(name, each, row) for name, group in batch.items() for each, row in group.items()]
        found = await asyncio.gather(
            *(
                self._page(edge, self._entity(record_type, name, each, row), arguments)
                for name, each, row in parents
            )
        )
        outcomes: Outcomes = {name: {} for name in batch}
        for (name, each, _), outcome in zip(parents, found, strict=True):
            outcomes[name][each] = outcome
        return outcomes, children_of(found)

    async def _page(self, edge: Edge, parent: Entity, arguments: Mapping[str, Any]) -> Connection | Exception:
        try:
            page = await self._context.related_of(
                parent, edge, arguments.get("first", 20), arguments.get("after"), arguments.get("filter")
            )
        except Exception as error:  # noqa: BLE001 - the field's error, whatever it is
            return error
        return of_items(page)

    def _entity(self, record_type: RecordType, name: str, record_id: str, row: Any) -> Entity:
        entity = self._context.entity(Ref(record_type, name, record_id))
        if row is not None and row is not UNREAD and not isinstance(row, SystemFault):
            entity.put(ANCHORS[record_type], row, self._context.systems.resource(name, record_type).fields)
        return entity


def of_items(page: Connection) -> Connection:
    """A page of entities as one of items."""
    return replace(page, edges=[ConnectionEdge(each.cursor, item_of(each.node)) for each in page.edges])


def item_of(entity: Entity) -> Item:
    """An entity with what was read of it."""
    ref = entity.ref
    return Item(ref.type, ref.connection, ref.record_id, entity.anchored())


def children_of(pages: Iterable[Any]) -> dict[str, Group]:
    """The items of pages by connection; what failed has none."""
    groups: dict[str, Group] = {}
    for page in pages:
        if isinstance(page, Connection):
            for item in page.nodes:
                groups.setdefault(item.connection, {})[item.id] = item.row
    return groups
