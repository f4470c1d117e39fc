"""Ledger entries: the posted moves of cash and bank journals (``account.move``), where payments arrive."""

from __future__ import annotations

from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.vocabulary import RecordType
from adapters.tryton.client import TrytonClient
from adapters.tryton.domain import ids_in, texts_in
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.wire import at, day, many, text

_LINES = "lines.account.type.receivable", "lines.account.rec_name"


def _account(row: Row) -> str | None:
    """The account on the other side of what the customer owed."""
    lines = many(row, "lines")
    return next(
        (at(line, "account.rec_name") for line in lines if not at(line, "account.type.receivable")), None
    )


def ledger_entry_fields(settings: TrytonSettings) -> FieldMap:
    link = settings.payment_link
    return FieldMap(
        "account.move",
        (
            Field("id", ("id",), lambda row: str(row["id"]), filters={Op.IN: ids_in("id")}),
            Field(
                "payment_in_payments", (link,), lambda row: text(row[link]), filters={Op.IN: texts_in(link)}
            ),
            Field("number", ("number",), lambda row: text(row["number"])),
            Field("posted_on", ("date",), lambda row: day(row["date"])),
            Field("account", _LINES, _account),
        ),
    )


def ledger_entries(client: TrytonClient, settings: TrytonSettings) -> TrytonResource:
    return TrytonResource(
        client,
        RecordType.LEDGER_ENTRY,
        "account.move",
        ledger_entry_fields(settings),
        base=[["journal.type", "=", "cash"], ["state", "=", "posted"]],
    )
