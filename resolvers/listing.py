"""Root lists: pages of one kind of record, from every connection of the system that has them."""

from __future__ import annotations

from typing import Any

from adapters.contracts.errors import Unreachable, Unsupported
from adapters.contracts.resource import Order
from adapters.contracts.vocabulary import ANCHORS, RecordType
from resolvers.connection import Connection, ConnectionEdge, check_first, conditions, connection
from resolvers.context import RequestContext
from resolvers.cursors import Place, decode_cursor, encode_cursor
from resolvers.errors import bad_user_input
from resolvers.ids import Ref


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
    where = conditions(record_type, given)
    system = ANCHORS[record_type]
    name = _list_name(record_type, order)
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
    has_more = False
    for connection_name in names:
        position = place.position if place is not None and place.connection == connection_name else None
        fields = context.systems.resource(connection_name, record_type).fields
        while True:
            page = await context.loads.page(
                connection_name, record_type, where, order, first - len(edges), position
            )
            for row, at in zip(page.rows, page.positions, strict=True):
                ref = Ref(record_type, connection_name, str(fields.read(row, "id")))
                entity = context.entity(ref)
                entity.put(system, row, fields)
                edges.append(ConnectionEdge(encode_cursor(name, Place(connection_name, at)), entity))
            # A vendor may give fewer rows than it was asked for and still have more.
            if not page.has_more or len(edges) >= first or not page.rows:
                break
            position = page.positions[-1]
        if len(edges) >= first:
            has_more = page.has_more or connection_name != names[-1]
            break
    return connection(edges, has_more=has_more, after=after)


def _list_name(record_type: RecordType, order: Order | None) -> str:
    if order is None:
        return record_type.value
    return f"{record_type.value}:{order.field}:{'desc' if order.descending else 'asc'}"
