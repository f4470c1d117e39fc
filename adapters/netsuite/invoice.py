"""Invoices: transactions of type ``CustInvc``, with their customer, subsidiary and currency in one query.

``transaction`` has no subsidiary: it stands on the main line. Amounts are the ``foreign…`` columns, in
the transaction's currency. Tax is the sum of the tax lines, negative there as they credit an account.

``posted_at``: NetSuite keeps no time of posting. An invoice whose ``posting`` is T posted when it was
created (or approved, where approval is on, of which it keeps no time); that is the time given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from adapters.contracts.convert import date_from_iso, money_from_decimal
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import Money
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.invoice_lines import LINES, lines_of, read_lines
from adapters.netsuite.invoice_status import InvoiceStatuses
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.query import QueryResource
from adapters.netsuite.suiteql import (
    Clause,
    Column,
    Join,
    Source,
    day,
    internal_ids,
    iso_date,
    iso_time,
    moment,
    texts,
)
from adapters.netsuite.values import (
    ENTITY_COLUMNS,
    command_column,
    in_legal_entities,
    legal_entity,
    money,
    number,
    utc,
)

IN_ERP = link_field(RecordType.CUSTOMER, System.ERP)
IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)
SUBSCRIPTION = link_field(RecordType.SUBSCRIPTION, System.SUBSCRIPTIONS)


class Invoices(QueryResource):
    """Invoices; their lines cost one further call for a whole page, and only when they are selected."""

    def __init__(self, client: NetSuiteClient, settings: NetSuiteSettings) -> None:
        super().__init__(client, RecordType.INVOICE, _source(settings), _fields(settings))

    async def complete(self, rows: Sequence[Row], select: frozenset[str]) -> Sequence[Row]:
        if "lines" not in select or not rows:
            return rows
        ids = [str(row["id"]) for row in rows]
        lines = await lines_of(self._client, ids)
        return [{**row, LINES: lines[row_id]} for row, row_id in zip(rows, ids, strict=True)]


def _source(settings: NetSuiteSettings) -> Source:
    checkbox = {"written_off": settings.written_off_column, "draft": settings.draft_column}
    return Source(
        table="transaction t",
        key="t.id",
        always="t.type = 'CustInvc'",
        columns={
            "id": Column("t.id"),
            "tranid": Column("t.tranid"),
            "status": Column("t.status"),
            "entity": Column("t.entity"),
            "subscription_id": Column(f"t.{settings.invoice_subscription_column}"),
            "trandate": Column(iso_date("t.trandate")),
            "duedate": Column(iso_date("t.duedate")),
            "createddate": Column(iso_time("t.createddate")),
            "lastmodifieddate": Column(iso_time("t.lastmodifieddate")),
            "posting": Column("t.posting"),
            "memo": Column("t.memo"),
            "foreigntotal": Column("t.foreigntotal"),
            "foreignamountpaid": Column("t.foreignamountpaid"),
            "foreignamountunpaid": Column("t.foreignamountunpaid"),
            **command_column("t", settings.invoice_command_column),
            "taxamount": Column(
                "(SELECT SUM(tax.foreignamount) FROM transactionline tax"
                " WHERE tax.transaction = t.id AND tax.taxline = 'T')"
            ),
            "currency": Column("cur.symbol", ("currency",)),
            "crm_id": Column(f"c.{settings.customer_crm_column}", ("customer",)),
            "subsidiary_id": Column("s.id", ("subsidiary",)),
            "subsidiary_code": Column(f"s.{settings.entity_code_column}", ("subsidiary",)),
            "subsidiary_name": Column("s.name", ("subsidiary",)),
            "subsidiary_country": Column("s.country", ("subsidiary",)),
            "subsidiary_currency": Column("scur.symbol", ("subsidiary_currency",)),
            **{
                name: Column(f"t.{column}") if column is not None else Column("'F'")
                for name, column in checkbox.items()
            },
        },
        joins={
            "currency": Join("LEFT JOIN currency cur ON cur.id = t.currency"),
            "customer": Join("LEFT JOIN customer c ON c.id = t.entity"),
            "main_line": Join(
                "LEFT JOIN transactionline main ON main.transaction = t.id AND main.mainline = 'T'"
            ),
            "subsidiary": Join("LEFT JOIN subsidiary s ON s.id = main.subsidiary", needs=("main_line",)),
            "subsidiary_currency": Join(
                "LEFT JOIN currency scur ON scur.id = s.currency", needs=("subsidiary",)
            ),
        },
    )


def _fields(settings: NetSuiteSettings) -> FieldMap:
    zone = ZoneInfo(settings.timezone)

    def today() -> date:
        return datetime.now(UTC).astimezone(zone).date()

    statuses = InvoiceStatuses(
        written_off=settings.written_off_column, draft=settings.draft_column, today=today
    )
    crm_column = f"c.{settings.customer_crm_column}"
    subscription_column = f"t.{settings.invoice_subscription_column}"
    return FieldMap(
        "NetSuite invoice",
        [
            Field(
                "id", ("id",), lambda row: row["id"], filters={Op.IN: lambda ids: internal_ids("t.id", ids)}
            ),
            Field(
                IN_ERP,
                ("entity",),
                lambda row: row.get("entity"),
                filters={Op.IN: lambda ids: internal_ids("t.entity", ids)},
            ),
            Field(
                IN_CRM,
                ("crm_id",),
                lambda row: row.get("crm_id"),
                filters={Op.IN: lambda values: texts(crm_column, values, ("customer",))},
            ),
            Field(
                SUBSCRIPTION,
                ("subscription_id",),
                lambda row: row.get("subscription_id"),
                filters={Op.IN: lambda values: texts(subscription_column, values)},
            ),
            Field("number", ("tranid",), lambda row: row.get("tranid")),
            Field("status", statuses.columns, statuses.read, filters={Op.IN: statuses.clause}),
            Field(
                "legal_entity",
                ENTITY_COLUMNS,
                legal_entity,
                filters={Op.IN: in_legal_entities(settings.entity_code_column)},
            ),
            Field("subtotal", ("currency", "foreigntotal", "taxamount"), _subtotal),
            Field("tax", ("currency", "taxamount"), _tax),
            Field("total", ("currency", "foreigntotal"), lambda row: money(row, "foreigntotal")),
            Field(
                "amount_paid", ("currency", "foreignamountpaid"), lambda row: money(row, "foreignamountpaid")
            ),
            Field(
                "amount_due",
                ("currency", "foreignamountunpaid"),
                lambda row: money(row, "foreignamountunpaid"),
            ),
            Field(
                "issued_on",
                ("trandate",),
                lambda row: date_from_iso(row.get("trandate")),
                filters={Op.SINCE: lambda since: Clause(f"t.trandate >= {day(since)}")},
            ),
            Field(
                "due_on",
                ("duedate",),
                lambda row: date_from_iso(row.get("duedate")),
                write=lambda value: {"dueDate": None if value is None else value.isoformat()},
                filters={Op.BEFORE: lambda before: Clause(f"t.duedate < {day(before)}")},
            ),
            Field(
                "posted_at",
                ("posting", "createddate"),
                lambda row: utc(row.get("createddate"), zone) if row.get("posting") == "T" else None,
            ),
            Field("memo", ("memo",), lambda row: row.get("memo"), write=lambda value: {"memo": value}),
            Field("lines", ("currency",), read_lines),
            Field(
                "updated_at",
                ("lastmodifieddate",),
                lambda row: utc(row.get("lastmodifieddate"), zone),
                filters={Op.SINCE: lambda since: Clause(f"t.lastmodifieddate >= {moment(since, zone)}")},
            ),
        ],
    )


def _tax(row: Row) -> Money | None:
    # No tax line: nothing was taxed.
    return money_from_decimal(-(number(row, "taxamount") or 0), row.get("currency"))


def _subtotal(row: Row) -> Money | None:
    total = number(row, "foreigntotal")
    if total is None:
        return None
    return money_from_decimal(total + (number(row, "taxamount") or 0), row.get("currency"))
