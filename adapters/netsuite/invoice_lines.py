"""The lines of many invoices in one further call.

A line that sells has a negative quantity and amount in ``transactionline``, as it credits income; both
are turned round here. The main line, tax lines and cost-of-goods lines are no lines of the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.contracts.convert import money_from_decimal
from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.contracts.values import InvoiceLine
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.suiteql import Column, Source, internal_ids, is_internal_id
from adapters.netsuite.values import number

LINES = "_lines"
"""The private key under which a row carries its lines' rows."""

_SOURCE = Source(
    table="transactionline tl",
    key="tl.uniquekey",
    columns={
        "uniquekey": Column("tl.uniquekey"),
        "invoice_id": Column("tl.transaction"),
        "linesequencenumber": Column("tl.linesequencenumber"),
        "memo": Column("tl.memo"),
        "quantity": Column("tl.quantity"),
        "rate": Column("tl.rate"),
        "foreignamount": Column("tl.foreignamount"),
    },
    joins={},
    always="tl.mainline = 'F' AND tl.taxline = 'F' AND NVL(tl.iscogs, 'F') = 'F'",
)


async def lines_of(client: NetSuiteClient, invoice_ids: Sequence[str]) -> Mapping[str, list[Row]]:
    """Line rows by invoice id, in the order of the document; every id asked for is there."""
    found: dict[str, list[Row]] = {invoice_id: [] for invoice_id in invoice_ids}
    where = [internal_ids("tl.transaction", invoice_ids)]
    after: str | None = None
    while found:
        result = await client.query(_SOURCE.select(list(_SOURCE.columns), where, after))
        for row in result.rows:
            found.setdefault(str(row.get("invoice_id")), []).append(row)
        if not result.has_more:
            break
        after = str(result.rows[-1].get("uniquekey")) if result.rows else ""
        if not is_internal_id(after):
            raise Malformed("NetSuite invoice lines: a page that says that more follow has no last key")
    for lines in found.values():
        lines.sort(key=lambda row: number(row, "linesequencenumber") or 0)
    return found


def read_lines(row: Row) -> list[InvoiceLine] | None:
    """The lines that ``lines_of`` brought, in the invoice's currency; None where they were not asked for."""
    lines: list[Row] | None = row.get(LINES)
    return None if lines is None else [_line(line, row.get("currency")) for line in lines]


def _line(line: Row, currency: str | None) -> InvoiceLine:
    quantity, amount = number(line, "quantity"), number(line, "foreignamount")
    return InvoiceLine(
        description=line.get("memo"),
        quantity=None if quantity is None else -quantity,
        unit_price=money_from_decimal(line.get("rate"), currency),
        amount=None if amount is None else money_from_decimal(-amount, currency),
    )
