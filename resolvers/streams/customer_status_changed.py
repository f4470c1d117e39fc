"""``customerStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType
from resolvers.context import RequestContext
from resolvers.streams.status_change import changes
from resolvers.streams.watch import Watch


def customer_status_changed(
    info: Info[RequestContext, Any], customer_id: str | None, after: str | None
) -> Watch:
    """Of every customer, or of one: the customer is what the event is about."""
    return changes(
        info,
        RecordType.CUSTOMER,
        after,
        customer_id=None,
        subject_id=customer_id,
        subject_argument="customerId",
    )
