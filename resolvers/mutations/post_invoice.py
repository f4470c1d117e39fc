"""postInvoice: financial finalisation, worked off when the ERP can."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from adapters.contracts.vocabulary import System
from adapters.contracts.writes import Verb
from resolvers.mutations.flow import act_on
from schema.mutation_inputs import InvoiceActionInput
from schema.ownership import Writes

WRITES = Writes(
    Verb.POST_INVOICE.value, System.ERP, "Invoice", {"status": "status"}, input=InvoiceActionInput
)


async def post_invoice(info: Info[Any, Any], input: InvoiceActionInput) -> Any:
    return await act_on(info, Verb.POST_INVOICE, WRITES, input)
