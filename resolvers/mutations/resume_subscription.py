"""resumeSubscription: ends a pause."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, text_or_none
from schema.mutation_inputs import SubscriptionActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.RESUME_SUBSCRIPTION.value,
    System.SUBSCRIPTIONS,
    "Subscription",
    {"status": "status"},
    input=SubscriptionActionInput,
)


async def resume_subscription(info: Info[Any, Any], input: SubscriptionActionInput) -> Any:
    return await carry_out(
        info,
        Ask(
            Verb.RESUME_SUBSCRIPTION,
            RecordType.SUBSCRIPTION,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
        ),
    )
