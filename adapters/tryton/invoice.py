"""Invoices: Tryton's customer invoices and credit notes (``account.invoice`` of type ``out``)."""

from __future__ import annotations

from decimal import Decimal

from adapters.contracts.convert import money_from_decimal
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import InvoiceLine, Money
from adapters.contracts.vocabulary import RecordType
from adapters.tryton import invoice_status
from adapters.tryton.client import TrytonClient
from adapters.tryton.domain import UPDATED, days_since, ids_in, texts_in
from adapters.tryton.invoice_status import POSTED, Today, due_before, due_on, status_in, status_of
from adapters.tryton.legal_entity import ASKS as ENTITY_ASKS
from adapters.tryton.legal_entity import legal_entity
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.wire import at, day, decimal, from_day, many, moment, text

_CURRENCY = "currency.code"

DUE = "payment_term_date"
"""Where the due date is written before posting; once posted it is the ``maturity_date`` of a line to pay."""


def _money(row: Row, field: str) -> Money | None:
    return money_from_decimal(decimal(row[field]), at(row, _CURRENCY))


def _amount(name: str, field: str) -> Field:
    return Field(name, (field, _CURRENCY), lambda row: _money(row, field))


def _amount_paid(row: Row) -> Money | None:
    """What is no longer to pay of a posted invoice; nothing was paid on one that is not posted."""
    total = decimal(row["total_amount"])
    to_pay = decimal(row["amount_to_pay"])
    if total is None or to_pay is None:
        return None
    paid = total - to_pay if row["state"] in (POSTED, "paid") else Decimal(0)
    return money_from_decimal(paid, at(row, _CURRENCY))


def _lines(row: Row) -> list[InvoiceLine]:
    """Lines that sell something; titles, comments and subtotals are for paper."""
    currency = at(row, _CURRENCY)
    return [
        InvoiceLine(
            description=text(line["description"]) or text(at(line, "product.rec_name")),
            quantity=None if line["quantity"] is None else Decimal(line["quantity"]),
            unit_price=money_from_decimal(decimal(line["unit_price"]), currency),
            amount=money_from_decimal(decimal(line["amount"]), currency),
        )
        for line in many(row, "lines")
        if line["type"] == "line"
    ]


def invoice_fields(settings: TrytonSettings, today: Today) -> FieldMap:
    crm, subscription, memo = settings.customer_link, settings.subscription_link, settings.memo_field
    lines = ("type", "description", "quantity", "unit_price", "amount", "product.rec_name")
    return FieldMap(
        "account.invoice",
        (
            Field("id", ("id",), lambda row: str(row["id"]), filters={Op.IN: ids_in("id")}),
            Field(
                "customer_in_erp", ("party",), lambda row: str(row["party"]), filters={Op.IN: ids_in("party")}
            ),
            Field(
                "customer_in_crm",
                (f"party.{crm}",),
                lambda row: text(at(row, f"party.{crm}")),
                filters={Op.IN: texts_in(f"party.{crm}")},
            ),
            Field(
                "subscription_in_subscriptions",
                (subscription,),
                lambda row: text(row[subscription]),
                filters={Op.IN: texts_in(subscription)},
            ),
            Field("number", ("number",), lambda row: text(row["number"])),
            Field(
                "status",
                invoice_status.ASKS,
                lambda row: status_of(row, today()),
                filters={Op.IN: status_in(today)},
            ),
            Field(
                "legal_entity",
                tuple(f"company.{path}" for path in ENTITY_ASKS),
                lambda row: legal_entity(row["company."]),
                # Every invoice has a company, and every party a code: of none there is no row.
                filters={Op.IN: texts_in("company.party.code")},
            ),
            _amount("subtotal", "untaxed_amount"),
            _amount("tax", "tax_amount"),
            _amount("total", "total_amount"),
            Field("amount_paid", ("state", "total_amount", "amount_to_pay", _CURRENCY), _amount_paid),
            _amount("amount_due", "amount_to_pay"),
            Field(
                "issued_on",
                ("invoice_date",),
                lambda row: day(row["invoice_date"]),
                filters={Op.SINCE: days_since("invoice_date")},
            ),
            Field(
                "due_on",
                invoice_status.DUE_ASKS,
                due_on,
                write=lambda value: {DUE: None if value is None else from_day(value)},
                filters={Op.BEFORE: due_before},
            ),
            Field("memo", (memo,), lambda row: text(row[memo]), write=lambda value: {memo: value}),
            Field("lines", (*(f"lines.{part}" for part in lines), _CURRENCY), _lines),
            Field("created_at", ("create_date",), lambda row: moment(row["create_date"])),
            Field(
                "updated_at",
                ("write_date", "create_date"),
                lambda row: moment(row["write_date"] or row["create_date"]),
                filters=UPDATED,
            ),
        ),
    )


def invoices(client: TrytonClient, settings: TrytonSettings, today: Today) -> TrytonResource:
    """Tryton keeps the day of posting and no time, so there is no ``posted_at``."""
    return TrytonResource(
        client,
        RecordType.INVOICE,
        "account.invoice",
        invoice_fields(settings, today),
        base=[["type", "=", "out"]],
    )
