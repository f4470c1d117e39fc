"""``Customer.timeline``: what the log has of one customer, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvers.connection import Connection, ConnectionEdge, check_first, connection
from resolvers.errors import bad_user_input
from resolvers.event import EventObject
from resolvers.event_access import permitted
from resolvers.event_port import BadCursor, EventFilter

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.ids import Ref


async def timeline(
    context: RequestContext, customer: Ref, first: int = 20, after: str | None = None
) -> Connection:
    """A page of the customer's events. Raises BAD_USER_INPUT for a cursor that is none of the log's."""
    check_first(first)
    place = after or None
    try:
        wanted = permitted(context.viewer, EventFilter(customer=customer))
        events, has_more = await context.events.newest(wanted, first, place)
    except BadCursor:
        raise bad_user_input("after: not a cursor of this list") from None
    edges = [ConnectionEdge(event.cursor, EventObject(event, context)) for event in events]
    return connection(edges, has_more=has_more, after=place)
