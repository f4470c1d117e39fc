"""updateCustomer: what the CRM knows of a customer."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, given, text_or_none
from resolvers.mutations.outcome import Refused, refusal
from schema.mutation_inputs import UpdateCustomerInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

FIELDS = ("name", "status", "segment", "industry", "website", "phone", "email", "shipping_address")

WRITES = Writes(
    Verb.UPDATE_CUSTOMER.value,
    System.CRM,
    "Customer",
    {name: name for name in FIELDS},
    input=UpdateCustomerInput,
)


async def update_customer(info: Info[Any, Any], input: UpdateCustomerInput) -> Any:
    changes = given(input, *FIELDS)
    if not changes:
        return refusal(Refused(UserErrorCode.INVALID, "nothing to change was given").mistake)
    return await carry_out(
        info,
        Ask(
            Verb.UPDATE_CUSTOMER,
            RecordType.CUSTOMER,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            unmodified_since=text_or_none(input.if_unmodified_since),
            fields={name: name for name in changes},
            changes=changes,
        ),
    )
