"""Customers, with their subsidiary, currency, terms and default billing address, in one query.

Tables and columns are those of the Records Catalog: ``customeraddressbook.addressbookaddress`` is the
``nkey`` of ``customeraddressbookentityaddress``; balances are the ``…search`` columns (plain ``balance``
exists in REST records, not in SuiteQL). Amounts are in the customer's primary currency.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import Address, Receivables
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.netsuite.client import NetSuiteClient
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.query import QueryResource
from adapters.netsuite.suiteql import Clause, Column, Join, Source, internal_ids, iso_time, moment, texts
from adapters.netsuite.values import (
    ENTITY_COLUMNS,
    command_column,
    in_legal_entities,
    legal_entity,
    money,
    number,
    utc,
)

IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)

_ADDRESS_COLUMNS = ("addr1", "addr2", "city", "state", "zip", "country")
_RECEIVABLES = (
    "currency",
    "balancesearch",
    "overduebalancesearch",
    "creditlimit",
    "daysuntilnetdue",
    "creditholdoverride",
    "oncredithold",
)
ADDRESS_LINE = "address_line"
"""The column with the key of the address book's line that is the default for billing."""

ADDRESS_SHIPS = "address_ships"
"""The column that says whether that line is the default for shipping as well."""

ADDRESS_BOOK = "addressBook"

_REST_NAMES = {"vatregnumber": "vatRegNumber"}
"""Columns that REST spells otherwise; a custom field has one name in both."""

_HOLD_OVERRIDES = {"ON": True, "OFF": False}
"""``creditholdoverride``; the third value, AUTO, leaves it to ``oncredithold``."""


def customers(client: NetSuiteClient, settings: NetSuiteSettings) -> QueryResource:
    return QueryResource(client, RecordType.CUSTOMER, _source(settings), _fields(settings))


def _source(settings: NetSuiteSettings) -> Source:
    address = ("address_book", "address")
    return Source(
        table="customer c",
        key="c.id",
        columns={
            "id": Column("c.id"),
            "crm_id": Column(f"c.{settings.customer_crm_column}"),
            "companyname": Column("c.companyname"),
            "altname": Column("c.altname"),
            "tax_id": Column(f"c.{settings.tax_id_column}"),
            "email": Column("c.email"),
            "phone": Column("c.phone"),
            "url": Column("c.url"),
            "balancesearch": Column("c.balancesearch"),
            "overduebalancesearch": Column("c.overduebalancesearch"),
            "creditlimit": Column("c.creditlimit"),
            "creditholdoverride": Column("c.creditholdoverride"),
            "oncredithold": Column("c.oncredithold"),
            "datecreated": Column(iso_time("c.datecreated")),
            "lastmodifieddate": Column(iso_time("c.lastmodifieddate")),
            "currency": Column("cur.symbol", ("currency",)),
            "daysuntilnetdue": Column("trm.daysuntilnetdue", ("term",)),
            "subsidiary_id": Column("s.id", ("subsidiary",)),
            "subsidiary_code": Column(f"s.{settings.entity_code_column}", ("subsidiary",)),
            "subsidiary_name": Column("s.name", ("subsidiary",)),
            "subsidiary_country": Column("s.country", ("subsidiary",)),
            "subsidiary_currency": Column("scur.symbol", ("subsidiary_currency",)),
            **{name: Column(f"adr.{name}", address) for name in _ADDRESS_COLUMNS},
            ADDRESS_LINE: Column("book.internalid", ("address_book",)),
            ADDRESS_SHIPS: Column("book.defaultshipping", ("address_book",)),
            **command_column("c", settings.customer_command_column),
        },
        joins={
            "currency": Join("LEFT JOIN currency cur ON cur.id = c.currency"),
            "term": Join("LEFT JOIN term trm ON trm.id = c.terms"),
            "subsidiary": Join("LEFT JOIN subsidiary s ON s.id = c.subsidiary"),
            "subsidiary_currency": Join(
                "LEFT JOIN currency scur ON scur.id = s.currency", needs=("subsidiary",)
            ),
            "address_book": Join(
                "LEFT JOIN customeraddressbook book ON book.entity = c.id AND book.defaultbilling = 'T'"
            ),
            "address": Join(
                "LEFT JOIN customeraddressbookentityaddress adr ON adr.nkey = book.addressbookaddress",
                needs=("address_book",),
            ),
        },
    )


def _fields(settings: NetSuiteSettings) -> FieldMap:
    zone = ZoneInfo(settings.timezone)
    crm_column = f"c.{settings.customer_crm_column}"
    tax_id_name = _REST_NAMES.get(settings.tax_id_column, settings.tax_id_column)
    return FieldMap(
        "NetSuite customer",
        [
            Field(
                "id", ("id",), lambda row: row["id"], filters={Op.IN: lambda ids: internal_ids("c.id", ids)}
            ),
            Field(
                IN_CRM,
                ("crm_id",),
                lambda row: row.get("crm_id"),
                filters={Op.IN: lambda values: texts(crm_column, values)},
            ),
            Field(
                "legal_name",
                ("companyname",),
                lambda row: row.get("companyname"),
                write=lambda value: {"companyName": value},
            ),
            Field(
                "legal_entity",
                ENTITY_COLUMNS,
                legal_entity,
                filters={Op.IN: in_legal_entities(settings.entity_code_column)},
            ),
            Field(
                "tax_id",
                ("tax_id",),
                lambda row: row.get("tax_id"),
                write=lambda value: {tax_id_name: value},
            ),
            Field("billing_address", _ADDRESS_COLUMNS, _address, write=_address_patch),
            Field("currency", ("currency",), lambda row: row.get("currency")),
            Field("receivables", _RECEIVABLES, _receivables),
            Field(
                "name", ("altname", "companyname"), lambda row: row.get("altname") or row.get("companyname")
            ),
            Field(
                "email",
                ("email",),
                lambda row: row.get("email"),
                filters={Op.IN: lambda values: texts("LOWER(c.email)", (value.lower() for value in values))},
            ),
            Field("phone", ("phone",), lambda row: row.get("phone")),
            Field("website", ("url",), lambda row: row.get("url")),
            Field("created_at", ("datecreated",), lambda row: utc(row.get("datecreated"), zone)),
            Field(
                "updated_at",
                ("lastmodifieddate",),
                lambda row: utc(row.get("lastmodifieddate"), zone),
                filters={Op.SINCE: lambda since: Clause(f"c.lastmodifieddate >= {moment(since, zone)}")},
            ),
        ],
    )


def _address(row: Row) -> Address | None:
    if not any(row.get(name) for name in _ADDRESS_COLUMNS):
        return None
    return Address(
        line1=row.get("addr1"),
        line2=row.get("addr2"),
        city=row.get("city"),
        region=row.get("state"),
        postal_code=row.get("zip"),
        country=row.get("country"),
    )


def _address_patch(address: Address | None) -> dict[str, Any]:
    """The line that is the default for billing; its key is added by whoever has read it.

    A line of a sublist cannot be deleted alone, so a cleared address stays in the book and is no longer the
    default (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/chapter_1545142407.html).
    """
    line: dict[str, Any] = {"defaultBilling": address is not None}
    if address is not None:
        line["addressBookAddress"] = {
            "addr1": address.line1,
            "addr2": address.line2,
            "city": address.city,
            "state": address.region,
            "zip": address.postal_code,
            "country": None if address.country is None else {"id": address.country},
        }
    return {ADDRESS_BOOK: {"items": [line]}}


def _receivables(row: Row) -> Receivables:
    days = number(row, "daysuntilnetdue")
    override = _HOLD_OVERRIDES.get(row.get("creditholdoverride", ""))
    held = row.get("oncredithold")
    return Receivables(
        balance=money(row, "balancesearch"),
        overdue=money(row, "overduebalancesearch"),
        credit_limit=money(row, "creditlimit"),
        payment_terms_days=None if days is None else int(days),
        on_hold=override if override is not None else (None if held is None else held == "T"),
    )
