"""reactivateSubscription: begins a cancelled one again, or takes back a cancellation to come."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import act_on
from schema.mutation_inputs import SubscriptionActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.REACTIVATE_SUBSCRIPTION.value,
    System.SUBSCRIPTIONS,
    "Subscription",
    {"status": "status"},
    input=SubscriptionActionInput,
)


async def reactivate_subscription(info: Info[Any, Any], input: SubscriptionActionInput) -> Any:
    return await act_on(info, Verb.REACTIVATE_SUBSCRIPTION, WRITES, input)
