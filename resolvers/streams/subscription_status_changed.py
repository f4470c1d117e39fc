"""``subscriptionStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType
from resolvers.context import RequestContext
from resolvers.streams.status_change import changes
from resolvers.streams.watch import Watch


def subscription_status_changed(
    info: Info[RequestContext, Any], customer_id: str | None, subscription_id: str | None, after: str | None
) -> Watch:
    """Of every subscription, of one customer's, or of one."""
    return changes(
        info,
        RecordType.SUBSCRIPTION,
        after,
        customer_id=customer_id,
        subject_id=subscription_id,
        subject_argument="subscriptionId",
    )
