"""The field map of a customer (https://apidocs.chargebee.com/docs/api/customers/customer-object)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.chargebee.resource import one_of, since
from adapters.contracts.convert import utc_from_unix
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import Address


def _of(name: str) -> Callable[[Row], Any]:
    return lambda row: row["customer"].get(name)


def _name(row: Row) -> str | None:
    customer = row["customer"]
    person = " ".join(part for part in (customer.get("first_name"), customer.get("last_name")) if part)
    return customer.get("company") or person or None


def _billing_address(row: Row) -> Address | None:
    address = row["customer"].get("billing_address")
    if not address:
        return None
    return Address(
        line1=address.get("line1"),
        line2=", ".join(line for line in (address.get("line2"), address.get("line3")) if line) or None,
        city=address.get("city"),
        region=address.get("state") or address.get("state_code"),
        postal_code=address.get("zip"),
        country=address.get("country"),
    )


def customer_fields(customer_in_crm: str) -> FieldMap:
    """``customer_in_crm`` names the custom field with the CRM's id.

    Chargebee's reference lists no filter on custom fields, so the link is read here and searched for in
    the CRM, which holds the Chargebee id.
    """
    return FieldMap(
        "Chargebee customers",
        (
            Field("id", ("id",), _of("id"), filters={Op.IN: lambda ids: one_of("id", ids)}),
            Field("customer_in_crm", (customer_in_crm,), _of(customer_in_crm)),
            Field("name", ("company", "first_name", "last_name"), _name),
            Field("email", ("email",), _of("email"), filters={Op.IN: lambda texts: one_of("email", texts)}),
            Field("phone", ("phone",), _of("phone")),
            Field("billing_address", ("billing_address",), _billing_address),
            Field("tax_id", ("vat_number",), _of("vat_number")),
            Field("currency", ("preferred_currency_code",), _of("preferred_currency_code")),
            Field(
                "created_at", ("created_at",), lambda row: utc_from_unix(row["customer"].get("created_at"))
            ),
            Field(
                "updated_at",
                ("updated_at",),
                lambda row: utc_from_unix(row["customer"].get("updated_at")),
                filters={Op.SINCE: lambda moment: since("updated_at", moment)},
            ),
        ),
    )
