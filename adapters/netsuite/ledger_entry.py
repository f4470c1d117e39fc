"""Where a payment arrived in the books: transactions of type ``CustPymt``.

The account is the one that the main line's entry was posted to, in the configured accounting book: a
transaction has one such entry per book.
"""

from __future__ import annotations

from adapters.contracts.convert import date_from_iso
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.query import QueryResource
from adapters.netsuite.suiteql import Column, Join, Source, internal_ids, iso_date, texts

PAYMENT = link_field(RecordType.PAYMENT, System.PAYMENTS)


def ledger_entries(client: NetSuiteClient, settings: NetSuiteSettings) -> QueryResource:
    payment_column = f"t.{settings.payment_column}"
    source = Source(
        table="transaction t",
        key="t.id",
        always="t.type = 'CustPymt'",
        columns={
            "id": Column("t.id"),
            "payment_id": Column(payment_column),
            "tranid": Column("t.tranid"),
            "trandate": Column(iso_date("t.trandate")),
            "acctnumber": Column("acc.acctnumber", ("account",)),
            "acctname": Column("acc.accountsearchdisplayname", ("account",)),
        },
        joins={
            "main_line": Join(
                "LEFT JOIN transactionline main ON main.transaction = t.id AND main.mainline = 'T'"
            ),
            "entry": Join(
                "LEFT JOIN transactionaccountingline entry ON entry.transaction = main.transaction"
                f" AND entry.transactionline = main.id AND entry.accountingbook = {settings.accounting_book}",
                needs=("main_line",),
            ),
            "account": Join("LEFT JOIN account acc ON acc.id = entry.account", needs=("entry",)),
        },
    )
    fields = FieldMap(
        "NetSuite customer payment",
        [
            Field(
                "id", ("id",), lambda row: row["id"], filters={Op.IN: lambda ids: internal_ids("t.id", ids)}
            ),
            Field(
                PAYMENT,
                ("payment_id",),
                lambda row: row.get("payment_id"),
                filters={Op.IN: lambda values: texts(payment_column, values)},
            ),
            Field("number", ("tranid",), lambda row: row.get("tranid")),
            Field("posted_on", ("trandate",), lambda row: date_from_iso(row.get("trandate"))),
            Field("account", ("acctnumber", "acctname"), _account),
        ],
    )
    return QueryResource(client, RecordType.LEDGER_ENTRY, source, fields)


def _account(row: Row) -> str | None:
    """Number and name, as NetSuite's own lists show an account; numbers are optional there."""
    return " ".join(part for part in (row.get("acctnumber"), row.get("acctname")) if part) or None
