"""collectPayment: charges what is due on an invoice to the customer's payment method."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.context import RequestContext
from resolvers.edges import CUSTOMER_IN_CRM, CUSTOMER_IN_PAYMENTS, INVOICE
from resolvers.ids import Ref
from resolvers.mutations.flow import Ask, Record, carry_out, text_or_none
from resolvers.mutations.outcome import Refused
from schema.mutation_inputs import CollectPaymentInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

WRITES = Writes(
    Verb.COLLECT_PAYMENT.value,
    System.PAYMENTS,
    "Payment",
    {"invoice_id": "status"},
    input=CollectPaymentInput,
)


async def collect_payment(info: Info[Any, Any], input: CollectPaymentInput) -> Any:
    return await carry_out(
        info,
        Ask(
            Verb.COLLECT_PAYMENT,
            RecordType.INVOICE,
            input.invoice_id,
            id_field="invoice_id",
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
        ),
        _what_is_due,
    )


async def _what_is_due(context: RequestContext, ref: Ref) -> Record:
    """The amount that the ERP says is due now, and the customer at the payment gateway."""
    fields = context.systems.resource(ref.connection, RecordType.INVOICE).fields
    select = frozenset({"amount_due", "customer_in_crm", "customer_in_erp"} & fields.supplies())
    rows = await context.systems.read_many(ref.connection, RecordType.INVOICE, [ref.record_id], select)
    row = rows.get(ref.record_id)
    if row is None:
        raise Refused(UserErrorCode.NOT_FOUND, "invoiceId: there is no such Invoice", "invoiceId")
    due = fields.read(row, "amount_due") if "amount_due" in fields else None
    if due is None or due.amount <= 0:
        raise Refused(UserErrorCode.WRONG_STATE, "invoiceId: nothing is due on this invoice", "invoiceId")
    entity = context.entity(ref)
    entity.put(System.ERP, row, fields)
    customer = await context.identity.customer_of(entity)
    located = None
    if customer is not None:
        located = await context.identity.customer_in(context.entity(customer), System.PAYMENTS)
    if customer is None or located is None:
        raise Refused(
            UserErrorCode.NOT_FOUND,
            "invoiceId: the payment gateway has no record of its customer",
            "invoiceId",
        )
    return Record(
        located.connection,
        ref.record_id,
        {
            "amount": due,
            CUSTOMER_IN_PAYMENTS: located.record_id,
            CUSTOMER_IN_CRM: customer.record_id,
            INVOICE: ref.record_id,
        },
    )
