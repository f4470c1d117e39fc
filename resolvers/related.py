"""Following an edge: from one parent to its children, through the request's coalesced loads.

Every connection of the child's system that can find by the edge's key is asked; with several, their
children follow each other in the order of configuration.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Page, Resource
from adapters.contracts.vocabulary import RecordType, link_field
from resolvers.connection import Connection, ConnectionEdge, check_first, conditions, connection
from resolvers.cursors import Place, decode_cursor, encode_cursor
from resolvers.edges import EDGES, Edge, Key
from resolvers.entity import Entity
from resolvers.errors import bad_user_input
from resolvers.ids import Ref
from resolvers.ports import Relation
from resolvers.rows import is_sifted
from resolvers.selection import Selection
from resolvers.sifting import sift, sizes_of_batches

if TYPE_CHECKING:
    from resolvers.context import RequestContext


@dataclass(frozen=True, slots=True)
class _Ask:
    """A connection to ask, by a key, for a value."""

    connection: str
    key: Key
    value: str


@dataclass(frozen=True, slots=True)
class _List:
    """A parent's children at one connection, from a position on."""

    parent: Entity
    edge: Edge
    ask: _Ask
    where: tuple[Condition, ...] = ()
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A child without identity in the graph: its fields are read from its row."""

    row: Row
    resource: Resource

    def __getattr__(self, name: str) -> Any:
        return self.resource.fields.read(self.row, name)


class Related:
    """The edges of one request."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    async def connection(
        self,
        parent: Entity,
        edge: Edge,
        first: int = 20,
        after: str | None = None,
        filter: Any = None,
    ) -> Connection:
        """A page of an edge's children. BAD_USER_INPUT for a bad ``first``, cursor or filter."""
        check_first(first)
        where = conditions(edge.child, filter, self._context.viewer)
        place = decode_cursor(edge.name, after) if after is not None else None
        asks = await self._asks(parent, edge)
        if place is not None:
            asks = _from(asks, place)
        lists = [_List(parent, edge, ask, where, _begin(place, ask)) for ask in asks]
        if is_sifted(self._context.viewer.rows, edge):
            rows = self._context.rows
            edges, has_more = await sift(
                self._batches(lists, first), lambda each: rows.sees_child(edge, each.node), first
            )
        else:
            edges, has_more = await self._first_of(lists, first)
        return connection(edges, has_more=has_more, after=after)

    async def _first_of(self, lists: Sequence[_List], first: int) -> tuple[list[ConnectionEdge], bool]:
        """The first children, and whether more may follow."""
        edges: list[ConnectionEdge] = []
        for each in lists:
            page = await self._page(each, first - len(edges), each.position)
            edges += self._edges(each.edge, each.ask.connection, page)
            if page.has_more or len(edges) >= first:
                return edges, page.has_more or each is not lists[-1]
        return edges, False

    async def _batches(self, lists: Sequence[_List], first: int) -> AsyncGenerator[Sequence[ConnectionEdge]]:
        """All children, in batches. The first is shared with the parent's siblings: mostly it is enough."""
        for each in lists:
            sizes, position = chain((first + 1,), sizes_of_batches()), each.position
            while True:
                page = await self._page(each, next(sizes), position)
                yield self._edges(each.edge, each.ask.connection, page)
                if not page.has_more or not page.rows:
                    break
                position = page.positions[-1]

    async def everything(self, parent: Entity, edge: Edge) -> Connection:
        """All children of an edge."""
        edges: list[ConnectionEdge] = []
        for ask in await self._asks(parent, edge):
            page = await self._page(_List(parent, edge, ask), None, None)
            edges += self._edges(edge, ask.connection, page)
        return connection(edges, has_more=False, after=None)

    async def one(self, parent: Entity, edge: Edge) -> Record | None:
        """The one child of an edge; the first where a system keeps several."""
        for ask in await self._asks(parent, edge):
            page = await self._page(_List(parent, edge, ask), None, None)
            if page.rows:
                resource = self._context.systems.resource(ask.connection, edge.child)
                return Record(page.rows[0], resource)
        return None

    async def _asks(self, parent: Entity, edge: Edge) -> list[_Ask]:
        """Whom to ask, by which key and value. Empty where the parent is unknown to the child's system."""
        systems = self._context.systems
        connections = systems.connections(edge.system, edge.child)
        asks: list[_Ask] = []
        unable: list[str] = []
        for name in connections:
            key = key_of(edge, systems.resource(name, edge.child))
            if key is None:
                unable.append(name)
                continue
            value = await self._value(parent, edge, key, name)
            if value is not None:
                asks.append(_Ask(name, key, value))
        if unable:
            who = ", ".join(unable)
            raise Unsupported(f"{edge.name}: {who} cannot find {edge.child.value} records by their parent")
        return asks

    async def _value(self, parent: Entity, edge: Edge, key: Key, name: str) -> str | None:
        if key.parent == "id":
            return parent.ref.record_id
        # The key is the customer's id in the child's own system: only the connection that has it is asked.
        customer = parent
        if parent.ref.type is not RecordType.CUSTOMER:
            own = await parent.link(key.parent)
            if own is not None and link_field(RecordType.CUSTOMER, parent.anchor_system) == key.parent:
                return own if parent.ref.connection == name else None
            ref = await self._context.identity.customer_of(parent)
            if ref is None:
                return None
            customer = self._context.entity(ref)
        located = await self._context.identity.customer_in(customer, edge.system)
        return located.record_id if located is not None and located.connection == name else None

    async def _page(self, of: _List, first: int | None, position: str | None) -> Page:
        loads = self._context.loads
        edge, ask, where = of.edge, of.ask, of.where
        if ask.key.only is None:
            wanted = None if shared_by(edge, ask.key, where, self._context.selection) else first
            relation = Relation(ask.connection, edge.child, ask.key.child, where, position)
            return (await loads.related(relation, ask.value, wanted)).cut(first)
        # The key finds the children of all the parent's siblings too: take this parent's from them.
        relation = Relation(ask.connection, edge.child, ask.key.child, where, None)
        page = await loads.related(relation, ask.value, None)
        fields = self._context.systems.resource(ask.connection, edge.child).fields
        mine = [
            (row, at)
            for row, at in zip(page.rows, page.positions, strict=True)
            if str(fields.read(row, ask.key.only)) == of.parent.ref.record_id
        ]
        if position is not None:
            places = [at for _, at in mine]
            if position not in places:
                raise bad_user_input("after: the cursor names no place in this list")
            mine = mine[places.index(position) + 1 :]
        return Page([row for row, _ in mine], [at for _, at in mine], has_more=False).cut(first)

    def _edges(self, edge: Edge, name: str, page: Page) -> list[ConnectionEdge]:
        resource = self._context.systems.resource(name, edge.child)
        found: list[ConnectionEdge] = []
        for row, position in zip(page.rows, page.positions, strict=True):
            child = self._context.entity(Ref(edge.child, name, str(resource.fields.read(row, "id"))))
            child.put(edge.system, row, resource.fields)
            found.append(ConnectionEdge(encode_cursor(edge.name, Place(name, position)), child))
        return found


def key_of(edge: Edge, resource: Resource) -> Key | None:
    """The key to follow an edge by at one resource: the first that it can find by."""
    return next((key for key in edge.keys if resource.finds_by(key.child)), None)


def shared_by(edge: Edge, key: Key, where: tuple[Condition, ...], selection: Selection) -> bool:
    """Whether another selected field will need all children of the same key: then they are read once."""
    if where:
        return False
    if edge is EDGES[RecordType.CUSTOMER, "subscriptions"] and selection.has("Customer", "recurring_revenue"):
        return True
    return any(
        other.child is edge.child
        and selection.has(other.parent.value, other.field)
        and any(each.only is not None and each.child == key.child for each in other.keys)
        for other in EDGES.values()
        if other is not edge
    )


def _begin(place: Place | None, ask: _Ask) -> str | None:
    return place.position if place is not None and place.connection == ask.connection else None


def _from(asks: Sequence[_Ask], place: Place) -> list[_Ask]:
    names = [ask.connection for ask in asks]
    if place.connection not in names:
        raise bad_user_input("after: the cursor names no place in this list")
    return list(asks[names.index(place.connection) :])
