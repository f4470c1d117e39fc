"""Writes that the contract suite asks of Tryton, each about a record that no other write touches."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date
from typing import Any

from adapters.contracts.values import Address
from adapters.contracts.vocabulary import InvoiceStatus
from adapters.contracts.writes import Verb, Write
from tests.contract.harness import WriteCase
from tests.support.tryton_desk import Desk

WRITE, POST, CANCEL = "/write", "/post", "/cancel"
_ABROAD = Address("9 Pine Road", "Rear", "Salem", "Oregon", "97301", "US")
_AT_HOME = Address("Am Markt 7", None, "Jena", None, "07743", "DE")


def write_cases(desk: Desk) -> list[WriteCase]:
    numbers = itertools.count(1)
    allowed = False

    def billing(changes: Callable[[], dict[str, Any]], **customer: bool) -> Callable[[str], Write]:
        return lambda key: Write(Verb.UPDATE_CUSTOMER_BILLING, desk.customer(**customer), key, changes())

    def invoice(verb: Verb, *buttons: str, term: str = "due 2065", **changes: Any) -> Callable[[str], Write]:
        def write(key: str) -> Write:
            nonlocal allowed
            if not allowed:
                desk.allow_cancelling()
                allowed = True
            return Write(verb, desk.invoice(*buttons, term=term), key, changes)

        return write

    def paid(verb: Verb, **changes: Any) -> Callable[[str], Write]:
        return lambda key: Write(verb, desk.paid_invoice(), key, changes)

    def new_number() -> str:
        return f"91-17{next(numbers):05d}"

    def moved() -> dict[str, Any]:
        return {"legal_name": "Quincunx GmbH", "tax_id": new_number(), "billing_address": _ABROAD}

    memo, due_on = "Agreed by phone: 'later' – \"77 days\"", date(2066, 7, 1)
    bare = {"tax_id": False, "invoice_address": False}
    return [
        WriteCase(
            "billing",
            billing(moved),
            lambda write: write.changes,
            refused=billing(lambda: {"tax_id": "99-99"}),
            wrong_state=billing(moved, active=False),
            path=WRITE,
        ),
        WriteCase(
            "first billing",
            billing(lambda: {"tax_id": new_number(), "billing_address": _AT_HOME}, **bare),
            lambda write: write.changes,
            refused=billing(lambda: {"billing_address": Address(line1="1 Elm Street", country="ZZ")}),
            path=WRITE,
        ),
        WriteCase(
            "billing cleared",
            billing(lambda: {"tax_id": None}),
            lambda write: write.changes,
            refused=billing(lambda: {"billing_address": None}),
            path=WRITE,
        ),
        WriteCase(
            "draft",
            invoice(Verb.UPDATE_INVOICE, due_on=due_on, memo=memo),
            lambda write: write.changes,
            wrong_state=invoice(Verb.UPDATE_INVOICE, "validate_invoice", due_on=due_on),
            path=WRITE,
        ),
        WriteCase(
            "draft cleared",
            invoice(Verb.UPDATE_INVOICE, memo=None),
            lambda write: write.changes,
            # The accounts' users may change the memo of drafts only.
            wrong_state=invoice(Verb.UPDATE_INVOICE, "post", memo=None),
            path=WRITE,
        ),
        WriteCase(
            "due date of a posted invoice",
            invoice(Verb.UPDATE_INVOICE, "post", due_on=due_on),
            lambda write: {**write.changes, "status": InvoiceStatus.OPEN},
            refused=invoice(Verb.UPDATE_INVOICE, "post", due_on=due_on, memo=memo),
            wrong_state=paid(Verb.UPDATE_INVOICE, due_on=due_on),
            path=WRITE,
        ),
        WriteCase(
            "post",
            invoice(Verb.POST_INVOICE),
            lambda write: {"status": InvoiceStatus.OPEN, "due_on": date(2065, 7, 1)},
            # Tryton asks whether a due date in the past is meant.
            refused=invoice(Verb.POST_INVOICE, term="due 2025"),
            wrong_state=invoice(Verb.POST_INVOICE, "cancel"),
            path=POST,
        ),
        WriteCase(
            "void",
            invoice(Verb.VOID_INVOICE, "post"),
            lambda write: {"status": InvoiceStatus.VOID},
            wrong_state=paid(Verb.VOID_INVOICE),
            path=CANCEL,
        ),
        WriteCase(
            "void a draft",
            invoice(Verb.VOID_INVOICE),
            lambda write: {"status": InvoiceStatus.VOID},
            wrong_state=invoice(Verb.VOID_INVOICE, "cancel"),
            path=CANCEL,
        ),
    ]
