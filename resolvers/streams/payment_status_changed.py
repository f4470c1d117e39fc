"""``paymentStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType
from resolvers.context import RequestContext
from resolvers.edges import REFERENCES
from resolvers.errors import fault_of
from resolvers.event_port import Event
from resolvers.ids import Ref
from resolvers.reference import reference
from resolvers.selection import Selection
from resolvers.streams.status_change import changes, given
from resolvers.streams.watch import Watch

_INVOICE = REFERENCES[RecordType.PAYMENT, "invoice"]
_LINK = Selection({RecordType.PAYMENT.value: frozenset({"invoice"})})


def payment_status_changed(
    info: Info[RequestContext, Any], customer_id: str | None, invoice_id: str | None, after: str | None
) -> Watch:
    """Of every payment, of one customer's, or of those for one invoice.

    An event does not say which invoice its payment is for: the payment gateway knows, and is asked once for
    each event.
    """
    if given(invoice_id) is None:
        return changes(info, RecordType.PAYMENT, after, customer_id=customer_id)
    invoice = reference(info.context, str(invoice_id), RecordType.INVOICE, "invoiceId")

    async def is_for_it(event: Event, context: RequestContext) -> bool:
        return event.subject is not None and await _invoice_of(event.subject, context) == invoice

    return changes(info, RecordType.PAYMENT, after, customer_id=customer_id, admits=is_for_it)


async def _invoice_of(payment: Ref, context: RequestContext) -> Ref | None:
    try:
        value = await context.selecting(_LINK).entity(payment).link(_INVOICE.link)
        if value is None:
            return None
        located = context.identity.locate(_INVOICE.system, RecordType.INVOICE, value)
    except SystemFault as error:
        raise fault_of(error, _INVOICE.system) from error
    return Ref(RecordType.INVOICE, located.connection, located.record_id)
