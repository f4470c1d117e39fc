"""Root lists: pages of one kind of record, from every connection of the system that has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from adapters.contracts.errors import Unreachable, Unsupported
from adapters.contracts.fields import Condition
from adapters.contracts.resource import Order
from adapters.contracts.vocabulary import ANCHORS, RecordType
from resolvers.connection import (
    Connection,
    ConnectionEdge,
    check_first,
    check_readable,
    conditions,
    connection,
)
from resolvers.context import RequestContext
from resolvers.cursors import Place, decode_cursor, encode_cursor
from resolvers.errors import Code, GraphFault, bad_user_input
from resolvers.ids import Ref
from resolvers.narrowing import Narrowing
from resolvers.own_listing import list_of_customers
from resolvers.sifting import sift, sizes_of_batches
from resolvers.viewer import Rows


async def list_entities(
    context: RequestContext,
    record_type: RecordType,
    first: int,
    after: str | None,
    given: Any,
    order: Order | None,
) -> Connection:
    """A page of a root list. Connections follow each other in the order of configuration.

    Raises BAD_USER_INPUT for a bad ``first``, cursor or filter, ``Unsupported`` for a filter or an order
    that the vendor does not have, and the system's fault where a page cannot be read.
    """
    check_first(first)
    where = conditions(record_type, given, context.viewer)
    if order is not None:
        check_readable(context.viewer, record_type, order.field)
    rows = context.viewer.rows
    if rows is not None and rows.customers is not None:
        page = await list_of_customers(context, record_type, first, after, given, where)
        if page is not None:
            return page
    system = ANCHORS[record_type]
    name = list_name(record_type, order)
    place = decode_cursor(name, after) if after is not None else None
    names = list(context.systems.connections(system, record_type))
    if not names:
        raise Unreachable(f"no connection has {record_type.value} records")
    if order is not None and len(names) > 1:
        raise Unsupported(f"{record_type.value} records of several connections cannot be ordered as one list")
    if place is not None:
        if place.connection not in names:
            raise bad_user_input("after: the cursor names no place in this list")
        names = names[names.index(place.connection) :]
    lists = [_List(context, record_type, each, where, order, name, _begin(place, each)) for each in names]
    if rows is None:
        edges, has_more = await _first_of(lists, first)
    else:
        batches = _batches(await _narrowed(lists, rows), first)
        edges, has_more = await sift(batches, lambda edge: context.rows.sees(edge.node), first)
    return connection(edges, has_more=has_more, after=after)


def _begin(place: Place | None, name: str) -> str | None:
    return place.position if place is not None and place.connection == name else None


@dataclass(frozen=True, slots=True)
class _List:
    """One connection's list. ``name`` is in its cursors, ``position`` where it begins."""

    context: RequestContext
    type: RecordType
    connection: str
    where: tuple[Condition, ...]
    order: Order | None
    name: str
    position: str | None
    narrowed: bool = False

    async def pages(self, wanted: Callable[[], int]) -> AsyncGenerator[tuple[list[ConnectionEdge], bool]]:
        """Pages with whether more follow, to the end. ``wanted`` says before each how much it should hold."""
        context, system = self.context, ANCHORS[self.type]
        fields = context.systems.resource(self.connection, self.type).fields
        position = self.position
        while True:
            page = await context.loads.page(
                self.connection, self.type, self.where, self.order, wanted(), position
            )
            edges: list[ConnectionEdge] = []
            for row, at in zip(page.rows, page.positions, strict=True):
                entity = context.entity(Ref(self.type, self.connection, str(fields.read(row, "id"))))
                entity.put(system, row, fields)
                edges.append(ConnectionEdge(encode_cursor(self.name, Place(self.connection, at)), entity))
            # A vendor may give fewer rows than it was asked for and still have more.
            has_more = page.has_more and bool(page.rows)
            yield edges, has_more
            if not has_more:
                return
            position = page.positions[-1]


async def _first_of(lists: Sequence[_List], first: int) -> tuple[list[ConnectionEdge], bool]:
    """The first objects of the lists, and whether more may follow."""
    edges: list[ConnectionEdge] = []

    def left() -> int:
        return first - len(edges)

    for each in lists:
        async with aclosing(each.pages(left)) as pages:
            async for page, has_more in pages:
                edges += page
                if len(edges) >= first:
                    return edges[:first], has_more or len(edges) > first or each is not lists[-1]
    return edges, False


async def _narrowed(lists: Sequence[_List], rows: Rows) -> list[_List]:
    """The lists in which the viewer sees something, less what their vendors can leave out themselves."""
    found: list[_List] = []
    narrowing = Narrowing(lists[0].context, rows)
    for each in lists:
        more = await narrowing.conditions(each.connection, each.type)
        if more == () and rows.customers is not None:
            # What is asked of all for the sake of some named customers is better asked of these.
            raise GraphFault(Code.FORBIDDEN, "the list: this caller asks from a customer")
        if more is not None:
            found.append(replace(each, where=(*each.where, *more), narrowed=bool(more)))
    return found


async def _batches(lists: Sequence[_List], first: int) -> AsyncGenerator[Sequence[ConnectionEdge]]:
    for each in lists:
        sizes = chain((first + 1,) if each.narrowed else (), sizes_of_batches())
        async with aclosing(each.pages(lambda sizes=sizes: next(sizes))) as pages:
            async for page, _ in pages:
                yield page


def list_name(record_type: RecordType, order: Order | None) -> str:
    if order is None:
        return record_type.value
    return f"{record_type.value}:{order.field}:{'desc' if order.descending else 'asc'}"
