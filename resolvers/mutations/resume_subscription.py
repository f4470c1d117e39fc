"""resumeSubscription: ends a pause."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import act_on
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
    return await act_on(info, Verb.RESUME_SUBSCRIPTION, WRITES, input)
