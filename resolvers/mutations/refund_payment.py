"""refundPayment: gives a payment back, whole or in part."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.values import Money
from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, text_or_none
from resolvers.mutations.outcome import Refused, refusal
from schema.mutation_inputs import RefundPaymentInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

WRITES = Writes(
    Verb.REFUND_PAYMENT.value,
    System.PAYMENTS,
    "Payment",
    {"amount": "amount_refunded"},
    input=RefundPaymentInput,
    options=frozenset({"reason"}),
)


async def refund_payment(info: Info[Any, Any], input: RefundPaymentInput) -> Any:
    amount = text_or_none(input.amount)
    changes: dict[str, Any] = {}
    if amount is not None:
        if amount.amount <= 0:
            message = "amount: a refund is more than nothing"
            return refusal(Refused(UserErrorCode.INVALID, message, "amount", "amount").mistake)
        changes["amount"] = Money(amount.amount, amount.currency)
    reason = text_or_none(input.reason)
    return await carry_out(
        info,
        Ask(
            Verb.REFUND_PAYMENT,
            RecordType.PAYMENT,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
            changes=changes,
            options={} if reason is None else {"reason": reason},
        ),
    )
