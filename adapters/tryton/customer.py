"""Customers: Tryton's parties (``party.party``)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from adapters.contracts.convert import money_from_decimal
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import Address, Receivables
from adapters.contracts.vocabulary import RecordType
from adapters.tryton import legal_entity
from adapters.tryton.client import TrytonClient
from adapters.tryton.domain import UPDATED, Domain, ids_in, texts_in
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.wire import at, decimal, many, moment, text

_COMPANY = "company"
"""Not a field of a party: the user's company, which a party deals with."""

ADDRESSES, TAX_ID = "addresses", "tax_identifier"
"""Fields of a party whose changes are commands about other records: see ``billing.py``."""

_TERM = "customer_payment_term"
_DELAYS = tuple(
    f"{_TERM}.lines.relativedeltas.{part}" for part in ("day", "month", "weekday", "months", "weeks", "days")
)
_ADDRESS = tuple(
    f"{ADDRESSES}.{part}"
    for part in ("invoice", "street", "city", "postal_code", "subdivision.name", "country.code")
)


def _by_id(values: Iterable[object]) -> Domain:
    """Archived parties are found by id, for their invoices name them; other searches leave them out."""
    found = ids_in("id")(values)
    return [*found, ["active", "in", [True, False]]] if found[0][1] == "in" else found


def _billing_address(row: Row) -> Address | None:
    """As Tryton chooses it for an invoice: the first marked for invoices, else the first."""
    addresses = many(row, ADDRESSES)
    chosen = invoice_address(row) or next(iter(addresses), None)
    return None if chosen is None else address_of(chosen)


def invoice_address(row: Row) -> Row | None:
    """The first address marked for invoices."""
    return next((address for address in many(row, ADDRESSES) if address["invoice"]), None)


def address_of(chosen: Row) -> Address:
    """A row of ``party.address``; the lines of its street after the first are one."""
    first, _, rest = (text(chosen["street"]) or "").partition("\n")
    return Address(
        line1=text(first),
        line2=text(rest.replace("\n", ", ")),
        city=text(chosen["city"]),
        region=text(at(chosen, "subdivision.name")),
        postal_code=text(chosen["postal_code"]),
        country=text(at(chosen, "country.code")),
    )


def _address_patch(address: Address | None) -> dict[str, Any]:
    """The address with the codes of its country and region in place of their ids."""
    if address is None:
        return {ADDRESSES: None}
    return {
        ADDRESSES: {
            "street": "\n".join(line for line in (address.line1, address.line2) if line) or None,
            "city": address.city,
            "postal_code": address.postal_code,
            "country": address.country,
            "subdivision": address.region,
        }
    }


def _payment_terms_days(row: Row) -> int | None:
    """The days of a term that is one delay of days or weeks; None for no term or any other."""
    lines = many(row, f"{_TERM}.lines")
    if len(lines) != 1:
        return None
    days = 0
    for delay in many(lines[0], "relativedeltas"):
        if delay["months"] or any(delay[part] is not None for part in ("day", "month", "weekday")):
            return None
        days += delay["weeks"] * 7 + delay["days"]
    return days


def _receivables(row: Row) -> Receivables:
    """``receivable_today`` is what is due up to today, less what was paid before it was due.

    Credit limits need a module that not all have.
    """
    currency = at(row, "currency.code")
    due = decimal(row["receivable_today"])
    return Receivables(
        balance=money_from_decimal(decimal(row["receivable"]), currency),
        overdue=money_from_decimal(None if due is None else max(due, Decimal(0)), currency),
        payment_terms_days=_payment_terms_days(row),
    )


def customer_fields(settings: TrytonSettings) -> FieldMap:
    link = settings.customer_link
    return FieldMap(
        "party.party",
        (
            Field("id", ("id",), lambda row: str(row["id"]), filters={Op.IN: _by_id}),
            Field("customer_in_crm", (link,), lambda row: text(row[link]), filters={Op.IN: texts_in(link)}),
            Field(
                "legal_name",
                ("name",),
                lambda row: text(row["name"]),
                write=lambda value: {"name": value},
            ),
            Field("name", ("name",), lambda row: text(row["name"])),
            Field(
                "tax_id",
                (f"{TAX_ID}.code",),
                lambda row: text(at(row, f"{TAX_ID}.code")),
                write=lambda value: {TAX_ID: value},
            ),
            Field("legal_entity", (_COMPANY,), lambda row: legal_entity.legal_entity(row[_COMPANY])),
            Field("billing_address", _ADDRESS, _billing_address, write=_address_patch),
            Field("currency", ("currency.code",), lambda row: text(at(row, "currency.code"))),
            Field(
                "receivables",
                ("receivable", "receivable_today", "currency.code", *_DELAYS),
                _receivables,
            ),
            Field("email", ("email",), lambda row: text(row["email"])),
            Field("phone", ("phone",), lambda row: text(row["phone"])),
            Field("website", ("website",), lambda row: text(row["website"])),
            Field("created_at", ("create_date",), lambda row: moment(row["create_date"])),
            Field(
                "updated_at",
                ("write_date", "create_date"),
                lambda row: moment(row["write_date"] or row["create_date"]),
                filters=UPDATED,
            ),
        ),
    )


class Customers(TrytonResource):
    """Every party; Tryton does not mark which of them are customers."""

    def __init__(self, client: TrytonClient, settings: TrytonSettings) -> None:
        super().__init__(client, RecordType.CUSTOMER, "party.party", customer_fields(settings))

    def asks(self, select: frozenset[str]) -> list[str]:
        return [field for field in super().asks(select) if field != _COMPANY]

    async def complete(self, rows: list[Row], select: frozenset[str]) -> list[Row]:
        if "legal_entity" not in select or not rows:
            return rows
        company = await self.client.company(legal_entity.ASKS)
        return [{**row, _COMPANY: company} for row in rows]
