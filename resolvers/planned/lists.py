"""Pages of root lists, as their rows: the rules of ``resolvers.listing``."""

from __future__ import annotations

from typing import Any

from adapters.contracts.errors import Unreachable, Unsupported
from adapters.contracts.resource import Order, Page
from adapters.contracts.vocabulary import ANCHORS, RecordType
from resolvers.connection import check_first, check_readable, conditions
from resolvers.cursors import decode_cursor
from resolvers.errors import bad_user_input
from resolvers.listing import list_name
from resolvers.planned.loads import Loads
from resolvers.viewer import Viewer


async def pages_of(
    loads: Loads,
    viewer: Viewer,
    record_type: RecordType,
    first: int,
    after: str | None,
    given: Any,
    order: Order | None,
) -> tuple[str, list[tuple[str, Page]], bool]:
    """The list's name in cursors, its pages by connection, and whether more follow.

    Raises as ``list_entities`` does.
    """
    check_first(first)
    where = conditions(record_type, given, viewer)
    if order is not None:
        check_readable(viewer, record_type, order.field)
    name = list_name(record_type, order)
    place = decode_cursor(name, after) if after is not None else None
    names = list(loads.systems.connections(ANCHORS[record_type], record_type))
    if not names:
        raise Unreachable(f"no connection has {record_type.value} records")
    if order is not None and len(names) > 1:
        raise Unsupported(f"{record_type.value} records of several connections cannot be ordered as one list")
    if place is not None:
        if place.connection not in names:
            raise bad_user_input("after: the cursor names no place in this list")
        names = names[names.index(place.connection) :]
    parts: list[tuple[str, Page]] = []
    count = 0
    for connection_name in names:
        position = place.position if place is not None and place.connection == connection_name else None
        while True:
            page = await loads.page(connection_name, record_type, where, order, first - count, position)
            parts.append((connection_name, page))
            count += len(page.rows)
            # A vendor may give fewer rows than it was asked for and still have more.
            if not page.has_more or count >= first or not page.rows:
                break
            position = page.positions[-1]
        if count >= first:
            return name, parts, page.has_more or connection_name != names[-1]
    return name, parts, False
