"""retryPayment: tries a failed one again."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, text_or_none
from schema.mutation_inputs import PaymentActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.RETRY_PAYMENT.value, System.PAYMENTS, "Payment", {"status": "status"}, input=PaymentActionInput
)


async def retry_payment(info: Info[Any, Any], input: PaymentActionInput) -> Any:
    return await carry_out(
        info,
        Ask(
            Verb.RETRY_PAYMENT,
            RecordType.PAYMENT,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
        ),
    )
