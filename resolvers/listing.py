"""Root lists: pages of one kind of record, from every connection of the system that has them."""

from __future__ import annotations

import asyncio
from typing import Any

from adapters.contracts.errors import Unreachable, Unsupported
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
from resolvers.entity import Entity
from resolvers.errors import Code, GraphFault, bad_user_input
from resolvers.ids import Ref
from resolvers.own_listing import list_of_customers

BATCH = 100
"""Objects that are read at once for a viewer who sees some of them only."""

MOST_READ = 5_000
"""Objects that are read to fill one page for such a viewer."""

_TOO_MANY = "the list: too few of its objects are this caller's; ask with a filter, or from a customer"


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
        return await list_of_customers(context, record_type, first, after, given, where)
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
    edges: list[ConnectionEdge] = []
    has_more = more = False
    read = 0
    for connection_name in names:
        position = place.position if place is not None and place.connection == connection_name else None
        fields = context.systems.resource(connection_name, record_type).fields
        while True:
            wanted = first - len(edges) if rows is None else BATCH
            page = await context.loads.page(connection_name, record_type, where, order, wanted, position)
            found: list[tuple[Entity, str]] = []
            for row, at in zip(page.rows, page.positions, strict=True):
                entity = context.entity(Ref(record_type, connection_name, str(fields.read(row, "id"))))
                entity.put(system, row, fields)
                found.append((entity, at))
            if rows is not None:
                read += len(found)
                found = await _seen(context, found)
            left = first - len(edges)
            edges += [
                ConnectionEdge(encode_cursor(name, Place(connection_name, at)), entity)
                for entity, at in found[:left]
            ]
            more = page.has_more or len(found) > left
            # A vendor may give fewer rows than it was asked for and still have more.
            if not page.has_more or len(edges) >= first or not page.rows:
                break
            if read >= MOST_READ:
                raise GraphFault(Code.QUERY_TOO_COMPLEX, _TOO_MANY)
            position = page.positions[-1]
        if len(edges) >= first:
            has_more = more or connection_name != names[-1]
            break
    return connection(edges, has_more=has_more, after=after)


async def _seen(context: RequestContext, found: list[tuple[Entity, str]]) -> list[tuple[Entity, str]]:
    seen = await asyncio.gather(*(context.rows.sees(entity) for entity, _ in found))
    return [each for each, is_seen in zip(found, seen, strict=True) if is_seen]


def list_name(record_type: RecordType, order: Order | None) -> str:
    if order is None:
        return record_type.value
    return f"{record_type.value}:{order.field}:{'desc' if order.descending else 'asc'}"
