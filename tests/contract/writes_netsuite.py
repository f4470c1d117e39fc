"""Writes that the contract suite asks of NetSuite, each about a record that no other write touches."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from adapters.contracts.values import Address, Money
from adapters.contracts.vocabulary import InvoiceStatus
from adapters.contracts.writes import Verb, Write
from adapters.emulation.world import InvoiceFact, World
from tests.contract.harness import WriteCase

RECORDS, RESTLET = "/services/rest/record/", "/app/site/hosting/restlet.nl"

_S = InvoiceStatus
_ADDRESS = Address("9 Pine Road", None, "Salem", "OR", "97301", "US")


class _Pool:
    """Records to write to. An invoice is given once; customers are given in turn."""

    def __init__(self, world: World, store: sqlite3.Connection, unknown: InvoiceFact) -> None:
        self._store = store
        self._free = [fact for fact in world.invoices if fact is not unknown and fact.total_minor > 0]
        customers = [str(erp_id) for customer in world.customers for erp_id in customer.erp_ids]
        self._customers: Iterator[str] = cycle(customers)
        self.facts: dict[str, InvoiceFact] = {}

    def customer(self) -> str:
        return next(self._customers)

    def invoice(self, status: InvoiceStatus, *, due_in_days: int = 30) -> str:
        """An unpaid invoice, brought into a status at the server itself."""
        fact = self._free.pop()
        letter, approval, posting, paid = {
            _S.DRAFT: ("D", 1, "F", False),
            _S.OPEN: ("A", 2, "T", False),
            _S.PAID: ("B", 2, "T", True),
        }[status]
        total = str(Decimal(fact.total_minor).scaleb(0 if fact.customer.currency == "JPY" else -2))
        due = (datetime.now(UTC) + timedelta(days=due_in_days)).date()
        self._store.execute(
            "UPDATE netsuite_transaction SET status = ?, approvalstatus = ?, posting = ?, foreigntotal = ?,"
            " foreignamountpaid = ?, foreignamountunpaid = ?, duedate = ?, custbody_written_off = 'F',"
            " custbody_draft = ? WHERE id = ?",
            (
                *(letter, approval, posting, total),
                *((total, "0") if paid else ("0", total)),
                *(f"{due} 00:00:00", "T" if status is _S.DRAFT else "F", fact.id),
            ),
        )
        self.facts[str(fact.id)] = fact
        return str(fact.id)


def write_cases(world: World, store: sqlite3.Connection, unknown: InvoiceFact) -> list[WriteCase]:
    pool = _Pool(world, store, unknown)
    due_on = datetime.now(UTC).date() + timedelta(days=77)

    def billing(**changes: Any) -> Callable[[str], Write]:
        return lambda key: Write(Verb.UPDATE_CUSTOMER_BILLING, pool.customer(), key, changes)

    def invoice(verb: Verb, status: InvoiceStatus, **changes: Any) -> Callable[[str], Write]:
        return lambda key: Write(verb, pool.invoice(status), key, changes)

    def voided(write: Write) -> Mapping[str, Any]:
        nothing = Money(Decimal(0), pool.facts[write.record_id].customer.currency)
        return {"status": _S.VOID, "total": nothing, "amount_due": nothing, "tax": nothing}

    return [
        WriteCase(
            "billing",
            billing(legal_name="Quincunx GmbH", tax_id="DE811907980", billing_address=_ADDRESS),
            lambda write: write.changes,
            refused=billing(legal_name=None),
            method="PATCH",
            path=RECORDS,
        ),
        WriteCase(
            "billing cleared",
            billing(tax_id=None, billing_address=None),
            lambda write: write.changes,
            refused=billing(tax_id="9" * 21),
            method="PATCH",
            path=RECORDS,
        ),
        WriteCase(
            "invoice",
            invoice(
                Verb.UPDATE_INVOICE, _S.OPEN, due_on=due_on, memo="Agreed by phone: 'later' – \"77 days\""
            ),
            lambda write: write.changes,
            refused=invoice(Verb.UPDATE_INVOICE, _S.OPEN, memo="x" * 4001),
            method="PATCH",
            path=RECORDS,
        ),
        WriteCase(
            "invoice cleared",
            invoice(Verb.UPDATE_INVOICE, _S.PAID, memo=None),
            lambda write: write.changes,
            method="PATCH",
            path=RECORDS,
        ),
        WriteCase(
            "post",
            invoice(Verb.POST_INVOICE, _S.DRAFT),
            lambda write: {"status": _S.OPEN},
            wrong_state=invoice(Verb.POST_INVOICE, _S.OPEN),
            method="PATCH",
            path=RECORDS,
        ),
        WriteCase(
            "void",
            invoice(Verb.VOID_INVOICE, _S.OPEN),
            voided,
            wrong_state=invoice(Verb.VOID_INVOICE, _S.PAID),
            path=RESTLET,
        ),
    ]
