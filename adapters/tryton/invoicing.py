"""Writes to invoices: memo and due date, posting, cancelling.

What each state allows is Tryton's to judge, and was found out from the server (8.2):

- Only a draft can be changed. Its memo (``comment``) an accounts administrator can change in any state.
- A posted invoice is due when its line to pay is, and ``maturity_date`` of a line that is not paid is the one
  thing of a posted move that can be changed (``_check_modify_exclude`` of ``account.move.line``).
- Draft and validated invoices can be posted and cancelled; posted ones can be cancelled where the company
  has ``cancel_invoice_out``, by a second move that reverses the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.contracts.errors import Conflict, Rejected
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.writes import Verb, Write
from adapters.tryton.client import Call, TrytonClient
from adapters.tryton.domain import Domain
from adapters.tryton.guard import STAMPS, TIMESTAMP, read_one, require_unmodified, timestamps
from adapters.tryton.invoice import DUE
from adapters.tryton.invoice_status import CANCELLED, PAID, POSTED, UNPOSTED
from adapters.tryton.plan import Plan, Planner, same_text
from adapters.tryton.wire import many

INVOICE, LINE = "account.invoice", "account.move.line"
_TO_PAY = "lines_to_pay"
_ALLOWED = "allow_cancel"


@dataclass(frozen=True, slots=True)
class Transition:
    """A button of an invoice: its method, and the states in which it can be pushed."""

    method: str
    states: tuple[str, ...]


_TRANSITIONS: Mapping[Verb, Transition] = {
    Verb.POST_INVOICE: Transition("post", UNPOSTED),
    Verb.VOID_INVOICE: Transition("cancel", (*UNPOSTED, POSTED)),
}


class Invoicing(Planner):
    """Changes of customer invoices."""

    def __init__(self, client: TrytonClient, fields: FieldMap) -> None:
        self._client = client
        self._fields = fields

    async def plan(self, write: Write, number: int) -> Plan:
        asks = ["state", _ALLOWED, *STAMPS]
        if "due_on" in write.changes:
            asks += [f"{_TO_PAY}.{field}" for field in ("reconciliation", TIMESTAMP)]
        row = await self._read(number, asks)
        require_unmodified(write, row)
        transition = _TRANSITIONS.get(write.verb)
        if transition is None:
            return self._change(write, row)
        state = row["state"]
        if state not in transition.states:
            raise _wrong_state(f"an invoice that is {state} cannot {transition.method}")
        if write.verb is Verb.VOID_INVOICE and not row[_ALLOWED]:
            raise Rejected(
                "Tryton: the company does not cancel posted invoices; credit it in Tryton, or set "
                "cancel_invoice_out",
                vendor_code="cancel_invoice_out",
            )
        stamps = timestamps(write, [(INVOICE, row)])
        return Plan(Call(INVOICE, number, transition.method, timestamps=stamps))

    def _change(self, write: Write, row: Row) -> Plan:
        values = self._fields.patch(write.changes)
        state, draft = row["state"], row["state"] == "draft"
        if DUE in values and not draft:
            return self._reschedule(write, row, values)
        if values.get(DUE) is not None:
            # A payment term would count its days from that date.
            values["payment_term"] = None
        stamps = timestamps(write, [(INVOICE, row)])
        doubt = None if draft else f"an invoice that is {state} is changed by accounts administrators only"
        return Plan(Call(INVOICE, row["id"], "write", {"values": values}, stamps), doubt)

    def _reschedule(self, write: Write, row: Row, values: Mapping[str, Any]) -> Plan:
        """Another due date for what is still to pay of a posted invoice."""
        if row["state"] != POSTED:
            raise _wrong_state(f"an invoice that is {row['state']} cannot get another due date")
        if len(values) > 1:
            raise Rejected(
                "Tryton keeps the due date of a posted invoice apart from it: change it by itself",
                vendor_code=DUE,
            )
        unpaid = [line for line in many(row, _TO_PAY) if line["reconciliation"] is None]
        if len(unpaid) != 1:
            raise _wrong_state("an invoice due in several parts has no single due date")
        (line,) = unpaid
        changes = {"values": {"maturity_date": values[DUE]}}
        return Plan(Call(LINE, line["id"], "write", changes, timestamps(write, [(LINE, line)])))

    async def is_done(self, write: Write, number: int) -> bool:
        match write.verb:
            case Verb.POST_INVOICE:
                row = await self._read(number, ["state", "move"])
                # Cancelled later: it keeps the move that posting made.
                was_posted = row["state"] == CANCELLED and row["move"] is not None
                return row["state"] in (POSTED, PAID) or was_posted
            case Verb.VOID_INVOICE:
                return (await self._read(number, ["state"]))["state"] == CANCELLED
            case _:
                row = await self._read(number, self._fields.projection(write.changes))
                changes = write.changes.items()
                return all(same_text(self._fields.read(row, name), wanted) for name, wanted in changes)

    async def _read(self, number: int, asks: list[str]) -> Row:
        domain: Domain = [["id", "=", number], ["type", "=", "out"]]
        return await read_one(self._client, INVOICE, domain, asks)


def _wrong_state(message: str) -> Conflict:
    return Conflict(f"Tryton: {message}", vendor_code="wrong_state")
