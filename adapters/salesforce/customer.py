"""Account -> Customer. The account manager is the owner; contacts come in the same call.

Fields: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_account.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.contracts.convert import utc_from_iso
from adapters.contracts.errors import Rejected
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.resource import Order
from adapters.contracts.values import Address, Person
from adapters.contracts.vocabulary import CustomerStatus, RecordType, System, link_field
from adapters.salesforce import soql
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.position import Keyset
from adapters.salesforce.resource import SalesforceResource
from adapters.salesforce.settings import SalesforceSettings

IN_SUBSCRIPTIONS = link_field(RecordType.CUSTOMER, System.SUBSCRIPTIONS)
IN_PAYMENTS = link_field(RecordType.CUSTOMER, System.PAYMENTS)

ORDERS = {
    # Salesforce orders and compares Name by one collation, so a keyset on it neither skips nor repeats.
    Order("name"): Keyset("Name"),
    Order("name", descending=True): Keyset("Name", descending=True),
    Order("updated_at", descending=True): Keyset("SystemModstamp", descending=True, is_time=True),
}

_CONTACTS = "(SELECT Name, Email, Phone, Title FROM Contacts ORDER BY Id)"


def customers(client: SalesforceClient, settings: SalesforceSettings) -> SalesforceResource:
    """The accounts of an org."""
    return SalesforceResource(
        client,
        RecordType.CUSTOMER,
        customer_fields(settings),
        links=frozenset({IN_SUBSCRIPTIONS, IN_PAYMENTS}),
        orders=ORDERS,
    )


def customer_fields(settings: SalesforceSettings) -> FieldMap:
    """The field map, with the company's own columns."""
    status, segment, email = settings.status_column, settings.segment_column, settings.email_column
    in_subscriptions, in_payments = settings.subscriptions_column, settings.payments_column
    labels = {label.casefold(): value for label, value in settings.status_labels.items()}
    return FieldMap(
        "Account",
        (
            Field("id", ("Id",), _column("Id"), filters={Op.IN: soql.any_id("Id")}),
            Field("name", ("Name",), _column("Name"), _sets("Name")),
            Field("search", ("Name",), _column("Name"), filters={Op.SEARCH: soql.words("Name")}),
            Field(
                "status",
                (status,),
                lambda row: labels.get((row[status] or "").casefold(), CustomerStatus.UNKNOWN),
                _sets_status(status, settings.status_labels),
                filters={Op.IN: _any_status(status, settings.status_labels)},
            ),
            Field(
                "segment",
                (segment,),
                _column(segment),
                _sets(segment),
                filters={Op.IN: soql.any_text(segment)},
            ),
            Field("industry", ("Industry",), _column("Industry"), _sets("Industry")),
            Field("website", ("Website",), _column("Website"), _sets("Website")),
            Field("phone", ("Phone",), _column("Phone"), _sets("Phone")),
            Field("email", (email,), _column(email), _sets(email), filters={Op.IN: soql.any_text(email)}),
            Field(
                "account_manager",
                ("Owner.Name", "Owner.Email", "Owner.Phone", "Owner.Title"),
                lambda row: _person(row["Owner"]),
                filters={Op.IN: soql.any_text("Owner.Email")},
            ),
            Field("contacts", (_CONTACTS,), _contacts),
            Field(
                "shipping_address",
                (
                    "ShippingStreet",
                    "ShippingCity",
                    "ShippingState",
                    "ShippingPostalCode",
                    settings.country_column,
                ),
                lambda row: _address(row, settings),
                lambda address: _address_columns(address, settings),
            ),
            Field("created_at", ("CreatedDate",), lambda row: utc_from_iso(row["CreatedDate"])),
            # SystemModstamp is indexed and moves with every change, by users and by the system.
            Field(
                "updated_at",
                ("SystemModstamp",),
                lambda row: utc_from_iso(row["SystemModstamp"]),
                filters={Op.SINCE: soql.since("SystemModstamp")},
            ),
            Field(
                IN_SUBSCRIPTIONS,
                (in_subscriptions,),
                _column(in_subscriptions),
                filters={Op.IN: soql.any_text(in_subscriptions)},
            ),
            Field(
                IN_PAYMENTS,
                (in_payments,),
                _column(in_payments),
                filters={Op.IN: soql.any_text(in_payments)},
            ),
        ),
    )


def _column(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


def _sets(name: str) -> Callable[[Any], Mapping[str, Any]]:
    return lambda value: {name: value}


def _sets_status(
    column: str, labels: Mapping[str, CustomerStatus]
) -> Callable[[CustomerStatus | None], Mapping[str, Any]]:
    """The first label that reads as the status."""
    label_of: dict[CustomerStatus, str] = {}
    for label, status in labels.items():
        label_of.setdefault(status, label)

    def patch(wanted: CustomerStatus | None) -> Mapping[str, Any]:
        if wanted is not None and wanted not in label_of:
            raise Rejected(f"no label of status_labels reads as {wanted.name}", vendor_code="bad_value")
        return {column: None if wanted is None else label_of[wanted]}

    return patch


def _any_status(
    column: str, labels: Mapping[str, CustomerStatus]
) -> Callable[[tuple[CustomerStatus, ...]], soql.Clause]:
    """UNKNOWN is what reads as UNKNOWN: no value, or one outside the table."""

    def clause(wanted: tuple[CustomerStatus, ...]) -> soql.Clause:
        known = soql.any_text(column)(label for label, status in labels.items() if status in wanted)
        if CustomerStatus.UNKNOWN not in wanted:
            return known
        outside = ", ".join(
            soql.text(label) for label, status in labels.items() if status is not CustomerStatus.UNKNOWN
        )
        unknown = f"{column} = null OR {column} NOT IN ({outside})" if outside else ""
        return " OR ".join(filter(None, (known, unknown)))

    return clause


def _person(raw: Mapping[str, Any] | None) -> Person | None:
    if raw is None:
        return None
    return Person(name=raw["Name"], email=raw["Email"], phone=raw["Phone"], title=raw["Title"])


def _contacts(row: Row) -> list[Person]:
    # An account without contacts has null in the place of a list.
    found = row["Contacts"]
    people = (_person(raw) for raw in found["records"]) if found is not None else ()
    return [person for person in people if person is not None]


def _address(row: Row, settings: SalesforceSettings) -> Address | None:
    street = str(row["ShippingStreet"] or "").splitlines()
    country: str | None = row[settings.country_column]
    address = Address(
        line1=street[0] if street else None,
        line2=", ".join(street[1:]) or None,
        city=row["ShippingCity"],
        region=row["ShippingState"],
        postal_code=row["ShippingPostalCode"],
        country=_country_code(country, settings.country_codes),
    )
    return None if address == Address() else address


def _address_columns(address: Address | None, settings: SalesforceSettings) -> Mapping[str, Any]:
    """The whole address: what the new one leaves out is cleared, so that no two addresses are mixed."""
    wanted = address or Address()
    return {
        "ShippingStreet": "\n".join(filter(None, (wanted.line1, wanted.line2))) or None,
        "ShippingCity": wanted.city,
        "ShippingState": wanted.region,
        "ShippingPostalCode": wanted.postal_code,
        settings.country_column: _country_name(wanted.country, settings.country_codes),
    }


def _country_name(code: str | None, codes: Mapping[str, str]) -> str | None:
    """The first spelling that reads as the code, or the code itself."""
    return next((name for name, known in codes.items() if known == code), code)


def _country_code(country: str | None, codes: Mapping[str, str]) -> str | None:
    if country is None:
        return None
    return codes.get(country) or (country.upper() if len(country) == 2 else None)
