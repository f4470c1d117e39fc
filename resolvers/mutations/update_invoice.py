"""updateInvoice: when it is due, and the note on it."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, given, text_or_none
from resolvers.mutations.outcome import Refused, refusal
from schema.mutation_inputs import UpdateInvoiceInput
from schema.ownership import Writes
from schema.payloads import UserErrorCode

FIELDS = ("due_on", "memo")

WRITES = Writes(
    Verb.UPDATE_INVOICE.value,
    System.ERP,
    "Invoice",
    {name: name for name in FIELDS},
    input=UpdateInvoiceInput,
)


async def update_invoice(info: Info[Any, Any], input: UpdateInvoiceInput) -> Any:
    changes = given(input, *FIELDS)
    if not changes:
        return refusal(Refused(UserErrorCode.INVALID, "nothing to change was given").mistake)
    if "due_on" in changes and changes["due_on"] is None:
        return refusal(Refused(UserErrorCode.INVALID, "dueOn: an invoice is due some day", "dueOn").mistake)
    return await carry_out(
        info,
        Ask(
            Verb.UPDATE_INVOICE,
            RecordType.INVOICE,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            unmodified_since=text_or_none(input.if_unmodified_since),
            fields={name: name for name in changes},
            changes=changes,
        ),
    )
