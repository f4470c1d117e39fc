"""amendSubscription: another plan or quantity, now or from the next term."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, given, text_or_none
from resolvers.mutations.outcome import Refused, refusal
from schema.mutation_inputs import AmendSubscriptionInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

SETS = {"plan_code": "plan", "quantity": "quantity"}

WRITES = Writes(
    Verb.AMEND_SUBSCRIPTION.value,
    System.SUBSCRIPTIONS,
    "Subscription",
    SETS,
    input=AmendSubscriptionInput,
    options=frozenset({"effective"}),
)


async def amend_subscription(info: Info[Any, Any], input: AmendSubscriptionInput) -> Any:
    changes = given(input, *SETS)
    if not changes:
        return refusal(Refused(UserErrorCode.INVALID, "nothing to change was given").mistake)
    for name, value in changes.items():
        if value is None or (name == "quantity" and value < 1):
            place = "planCode" if name == "plan_code" else "quantity"
            message = f"{place}: a subscription has a plan, and a quantity of 1 or more"
            return refusal(Refused(UserErrorCode.INVALID, message, place).mistake)
    return await carry_out(
        info,
        Ask(
            Verb.AMEND_SUBSCRIPTION,
            RecordType.SUBSCRIPTION,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            unmodified_since=text_or_none(input.if_unmodified_since),
            fields={name: SETS[name] for name in changes},
            changes=changes,
            options={"effective": input.effective.value},
        ),
    )
