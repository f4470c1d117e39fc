"""The status of an invoice, read from it and searched for: the same conditions in both directions.

Tryton keeps draft, validated, posted, paid and cancelled. What a posted invoice is beyond that is worked
out from its lines to pay, which are the receivable lines of its moves (``Invoice.lines_to_pay``); that
field cannot be searched, the lines of the moves can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from adapters.contracts.convert import status_from, vendor_values
from adapters.contracts.fields import Row
from adapters.contracts.vocabulary import InvoiceStatus
from adapters.tryton.domain import NOTHING, Domain
from adapters.tryton.wire import day, decimal, from_day, from_decimal, many

POSTED, PAID, CANCELLED = "posted", "paid", "cancelled"
UNPOSTED = ("draft", "validated")

STATES: Mapping[str, InvoiceStatus] = {
    "draft": InvoiceStatus.DRAFT,
    "validated": InvoiceStatus.PENDING_APPROVAL,
    PAID: InvoiceStatus.PAID,
    CANCELLED: InvoiceStatus.VOID,
}
"""States that say it all; ``posted`` does not. A write-off in Tryton pays, and leaves no state of its own."""

ASKS = (
    "state",
    "lines_to_pay.maturity_date",
    "lines_to_pay.reconciliation",
    "lines_to_pay.debit",
    "payment_lines.reconciliation",
)
DUE_ASKS = (
    "state",
    "payment_term",
    "payment_term_date",
    "lines_to_pay.maturity_date",
    "lines_to_pay.reconciliation",
)

_OPEN: Domain = ["reconciliation", "=", None]
_SETTLED: Domain = ["reconciliation", "!=", None]

Today = Callable[[], date]


def status_of(row: Row, today: date) -> InvoiceStatus:
    """OVERDUE before PARTIALLY_PAID: what is late is late, paid in part or not."""
    if row["state"] != POSTED:
        return status_from(STATES, row["state"], InvoiceStatus.UNKNOWN)
    lines = many(row, "lines_to_pay")
    if any(_is_late(line, today) for line in lines):
        return InvoiceStatus.OVERDUE
    paid = any(line["reconciliation"] is not None for line in lines)
    if paid or any(line["reconciliation"] is None for line in many(row, "payment_lines")):
        return InvoiceStatus.PARTIALLY_PAID
    return InvoiceStatus.OPEN


def _is_late(line: Row, today: date) -> bool:
    due = day(line["maturity_date"])
    # A credit note's lines are credits: nobody is late with them.
    owed = (decimal(line["debit"]) or Decimal(0)) > 0
    return line["reconciliation"] is None and owed and due is not None and due < today


def due_on(row: Row) -> date | None:
    """The next day on which something is due; the last one once nothing is open.

    Before posting only an invoice without a payment term has one: the date that the term would count from.
    """
    if row["state"] in UNPOSTED:
        return day(row["payment_term_date"]) if row["payment_term"] is None else None
    lines = [(due, line) for line in many(row, "lines_to_pay") if (due := day(line["maturity_date"]))]
    still_open = [due for due, line in lines if line["reconciliation"] is None]
    return min(still_open) if still_open else max((due for due, _ in lines), default=None)


def _some_line(*conditions: Any) -> Domain:
    """Invoices with a line to pay that meets the conditions."""
    lines = ["lines", "where", [["account.type.receivable", "=", True], *conditions]]
    return ["OR", ["move", "where", [lines]], ["additional_moves", "where", [lines]]]


def _no_line(*conditions: Any) -> Domain:
    lines = ["lines", "where", [["account.type.receivable", "=", True], *conditions]]
    return [["move", "not where", [lines]], ["additional_moves", "not where", [lines]]]


def status_in(today: Today) -> Callable[[Iterable[InvoiceStatus]], Domain]:
    """The search for statuses; ``today`` is read when it is made."""

    def domain(values: Iterable[InvoiceStatus]) -> Domain:
        wanted = tuple(values)
        late = (_OPEN, ["debit", ">", from_decimal(Decimal(0))], ["maturity_date", "<", from_day(today())])
        paid_in_part = ["OR", _some_line(_SETTLED), ["payment_lines", "where", [_OPEN]]]
        unpaid = [_no_line(_SETTLED), ["payment_lines", "not where", [_OPEN]]]
        posted: Mapping[InvoiceStatus, Domain] = {
            InvoiceStatus.OVERDUE: [_some_line(*late)],
            InvoiceStatus.PARTIALLY_PAID: [_no_line(*late), paid_in_part],
            InvoiceStatus.OPEN: [_no_line(*late), unpaid],
        }
        choices: list[Any] = []
        if states := vendor_values(STATES, wanted):
            choices.append(["state", "in", states])
        if InvoiceStatus.UNKNOWN in wanted:
            choices.append(["state", "not in", [*STATES, POSTED]])
        if all(status in wanted for status in posted):
            choices.append(["state", "=", POSTED])
        else:
            choices += [
                [["state", "=", POSTED], clauses] for status, clauses in posted.items() if status in wanted
            ]
        return [["OR", *choices]] if choices else NOTHING

    return domain


def due_before(day: date) -> Domain:
    """The search for ``due_on``: open lines decide, and settled ones where none is open."""
    until, since = ["maturity_date", "<", from_day(day)], ["maturity_date", ">=", from_day(day)]
    dated = ["maturity_date", "!=", None]
    return [
        [
            "OR",
            _some_line(_OPEN, until),
            [_no_line(_OPEN, dated), _some_line(dated), _no_line(since)],
            [
                ["state", "in", list(UNPOSTED)],
                ["payment_term", "=", None],
                ["payment_term_date", "<", from_day(day)],
            ],
        ]
    ]
