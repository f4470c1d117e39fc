"""``businessEvents``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType
from resolvers.context import RequestContext
from resolvers.errors import bad_user_input
from resolvers.event import EventObject
from resolvers.event_port import EventFilter
from resolvers.reference import reference
from resolvers.streams.status_change import given
from resolvers.streams.watch import Watch, watch
from schema.streams import BusinessEventFilter


def business_events(
    info: Info[RequestContext, Any], filter: BusinessEventFilter | None, after: str | None
) -> Watch:
    """Every business event, or those of some types, of one customer, at one system."""
    context = info.context
    context.start(info)
    wanted = EventFilter() if not filter else _wanted(context, filter)
    return watch(context, wanted, given(after), EventObject)


def _wanted(context: RequestContext, filter: BusinessEventFilter) -> EventFilter:
    if isinstance(filter.types, list) and not filter.types:
        raise bad_user_input("filter.types: an empty list matches nothing; leave it out for all")
    customer = None
    if given(filter.customer_id) is not None:
        customer = reference(context, str(filter.customer_id), RecordType.CUSTOMER, "filter.customerId")
    return EventFilter(
        types=frozenset(filter.types) if filter.types else None,
        system=filter.system or None,
        customer=customer,
    )
