"""updateCustomerBilling: what the ERP knows of a customer."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.context import RequestContext
from resolvers.ids import Ref
from resolvers.mutations.flow import Ask, Record, carry_out, given, text_or_none
from resolvers.mutations.outcome import Refused, refusal
from schema.mutation_inputs import UpdateCustomerBillingInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

FIELDS = ("legal_name", "tax_id", "billing_address")

WRITES = Writes(
    Verb.UPDATE_CUSTOMER_BILLING.value,
    System.ERP,
    "Customer",
    {name: name for name in FIELDS},
    input=UpdateCustomerBillingInput,
)


async def update_customer_billing(info: Info[Any, Any], input: UpdateCustomerBillingInput) -> Any:
    changes = given(input, *FIELDS)
    if not changes:
        return refusal(Refused(UserErrorCode.INVALID, "nothing to change was given").mistake)
    return await carry_out(
        info,
        Ask(
            Verb.UPDATE_CUSTOMER_BILLING,
            RecordType.CUSTOMER,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            unmodified_since=text_or_none(input.if_unmodified_since),
            fields={name: name for name in changes},
            changes=changes,
        ),
        _in_the_erp,
    )


async def _in_the_erp(context: RequestContext, ref: Ref) -> Record:
    located = await context.identity.customer_in(context.entity(ref), System.ERP)
    if located is None:
        raise Refused(UserErrorCode.NOT_FOUND, "id: the ERP has no record of this customer", "id")
    return Record(located.connection, located.record_id)
