"""cancelSubscription: at the end of its term, or now."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, text_or_none
from schema.mutation_inputs import CancelSubscriptionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.CANCEL_SUBSCRIPTION.value,
    System.SUBSCRIPTIONS,
    "Subscription",
    {"status": "status"},
    input=CancelSubscriptionInput,
    options=frozenset({"effective", "reason"}),
)


async def cancel_subscription(info: Info[Any, Any], input: CancelSubscriptionInput) -> Any:
    options = {"effective": input.effective.value}
    reason = text_or_none(input.reason)
    if reason is not None:
        options["reason"] = reason
    return await carry_out(
        info,
        Ask(
            Verb.CANCEL_SUBSCRIPTION,
            RecordType.SUBSCRIPTION,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
            options=options,
        ),
    )
