"""``invoiceStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType
from resolvers.context import RequestContext
from resolvers.streams.status_change import changes
from resolvers.streams.watch import Watch


def invoice_status_changed(
    info: Info[RequestContext, Any], customer_id: str | None, invoice_id: str | None, after: str | None
) -> Watch:
    """Of every invoice, of one customer's, or of one."""
    return changes(
        info,
        RecordType.INVOICE,
        after,
        customer_id=customer_id,
        subject_id=invoice_id,
        subject_argument="invoiceId",
    )
