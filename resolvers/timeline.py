"""``Customer.timeline``: what the log has of one customer, newest first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from resolvers.connection import Connection, ConnectionEdge, check_first, connection
from resolvers.errors import bad_user_input
from resolvers.event import EventObject
from resolvers.event_access import permitted, shows
from resolvers.event_port import BadCursor, Event, EventFilter
from resolvers.sifting import sift, sizes_of_batches

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.ids import Ref


async def timeline(
    context: RequestContext, customer: Ref, first: int = 20, after: str | None = None
) -> Connection:
    """A page of the customer's events. Raises BAD_USER_INPUT for a cursor that is none of the log's."""
    check_first(first)
    place = after or None
    rows = context.viewer.rows
    try:
        wanted = permitted(context.viewer, EventFilter(customer=customer))
        if rows is None or rows.legal_entities is None:
            events, has_more = await context.events.newest(wanted, first, place)
        else:
            batches = _batches(context, wanted, first, place)
            events, has_more = await sift(batches, lambda event: shows(event, context), first)
    except BadCursor:
        raise bad_user_input("after: not a cursor of this list") from None
    edges = [ConnectionEdge(event.cursor, EventObject(event, context)) for event in events]
    return connection(edges, has_more=has_more, after=place)


async def _batches(
    context: RequestContext, wanted: EventFilter, first: int, place: str | None
) -> AsyncGenerator[Sequence[Event]]:
    """The events, newest first, to the end of the log."""
    sizes = chain((first + 1,), sizes_of_batches())
    while True:
        events, has_more = await context.events.newest(wanted, next(sizes), place)
        yield events
        if not has_more or not events:
            return
        place = events[-1].cursor
