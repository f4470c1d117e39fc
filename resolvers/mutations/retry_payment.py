"""retryPayment: tries a failed one again."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import act_on
from schema.mutation_inputs import PaymentActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.RETRY_PAYMENT.value, System.PAYMENTS, "Payment", {"status": "status"}, input=PaymentActionInput
)


async def retry_payment(info: Info[Any, Any], input: PaymentActionInput) -> Any:
    return await act_on(info, Verb.RETRY_PAYMENT, WRITES, input)
