"""voidInvoice: takes a posted invoice back, worked off when the ERP can."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import Ask, carry_out, text_or_none
from schema.mutation_inputs import InvoiceActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.VOID_INVOICE.value, System.ERP, "Invoice", {"status": "status"}, input=InvoiceActionInput
)


async def void_invoice(info: Info[Any, Any], input: InvoiceActionInput) -> Any:
    return await carry_out(
        info,
        Ask(
            Verb.VOID_INVOICE,
            RecordType.INVOICE,
            input.id,
            idempotency_key=text_or_none(input.idempotency_key),
            fields=WRITES.fields,
        ),
    )
