"""Stripe customers. https://docs.stripe.com/api/customers

A customer and its payment methods are two resources. The fewest calls the API allows for one customer:

- properties of the customer only: ``GET /v1/customers/{id}``;
- payment methods only: ``GET /v1/customers/{id}/payment_methods``;
- both: the second, with ``expand[]=data.customer``; a customer without payment methods has no row to
  be expanded in, and costs the first call as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from adapters.contracts.convert import utc_from_unix
from adapters.contracts.errors import Malformed, Unsupported
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import RecordType
from adapters.stripe import payment_method
from adapters.stripe.client import MAX_ROWS, StripeClient, expanding, together
from adapters.stripe.listing import list_page
from adapters.stripe.settings import StripeSettings

CUSTOMER, METHODS = "customer", "payment_methods"
"""The two resources a customer's fields come from, as the field map asks for them."""

CUSTOMER_ID = re.compile(r"(?!search$)[A-Za-z0-9_-]{1,255}")
"""Customers imported long ago can have an id of another form than ``cus_…``; ``search`` is an endpoint."""


def customer_fields(settings: StripeSettings) -> FieldMap:
    """The field map of a customer row: the Customer object, with ``payment_methods`` put into it."""
    return FieldMap(
        "customer",
        [
            Field("id", (), lambda row: row["id"]),
            Field(
                "customer_in_crm", (CUSTOMER,), lambda row: row["metadata"].get(settings.crm_id_key) or None
            ),
            Field("payment_methods", (METHODS,), lambda row: [payment_method.read(m) for m in row[METHODS]]),
            Field("delinquent", (CUSTOMER,), lambda row: row["delinquent"]),
            Field("name", (CUSTOMER,), lambda row: row["name"]),
            Field("email", (CUSTOMER,), lambda row: row["email"], filters={Op.IN: _email}),
            Field("phone", (CUSTOMER,), lambda row: row["phone"]),
            Field("currency", (CUSTOMER,), lambda row: row["currency"] and row["currency"].upper()),
            Field("billing_address", (CUSTOMER,), lambda row: _address(row["address"])),
            Field("shipping_address", (CUSTOMER,), _shipping_address),
            Field("created_at", (CUSTOMER,), lambda row: utc_from_unix(row["created"])),
        ],
    )


class Customers(Resource):
    """Customers, newest first. They cannot be found by metadata in a list, and search lags behind."""

    type = RecordType.CUSTOMER
    caps = Caps(ids_per_call=25, rows_per_call=MAX_ROWS, keys_per_call={"email": 1})

    def __init__(self, client: StripeClient, settings: StripeSettings) -> None:
        self._client = client
        self.fields = customer_fields(settings)

    async def page(self, request: PageRequest) -> Page:
        self.require(request)
        params = [pair for condition in request.where for pair in self.fields.condition(condition)]
        page = await list_page(self._client, "/v1/customers", params, request)
        if METHODS not in self.fields.projection(request.select):
            return page
        found = await together(self._methods(str(row["id"])) for row in page.rows)
        rows = [{**row, METHODS: methods or []} for row, methods in zip(page.rows, found, strict=True)]
        return Page(rows, page.positions, page.has_more)

    async def read_many(self, ids: Sequence[str], select: frozenset[str]) -> Mapping[str, Row]:
        parts = frozenset(self.fields.projection(select))
        wanted = [id for id in dict.fromkeys(ids) if CUSTOMER_ID.fullmatch(id)]
        rows = await together(self._read(id, parts) for id in wanted)
        return {id: row for id, row in zip(wanted, rows, strict=True) if row is not None}

    async def _read(self, id: str, parts: frozenset[str]) -> Row | None:
        if METHODS not in parts:
            return await self._client.retrieve(f"/v1/customers/{id}")
        methods = await self._methods(id, expanded=CUSTOMER in parts)
        if methods is None:
            return None
        if CUSTOMER not in parts:
            return {"id": id, METHODS: methods}
        if methods:
            return {**_expanded_customer(methods[0]), METHODS: methods}
        customer = await self._client.retrieve(f"/v1/customers/{id}")
        return customer and {**customer, METHODS: methods}

    async def _methods(self, id: str, *, expanded: bool = False) -> list[Row] | None:
        """All payment methods, newest first; None where there is no such customer."""
        methods: list[Row] = []
        params = [("limit", str(MAX_ROWS)), *expanding(["customer"] if expanded else [], "data.")]
        while True:
            after = [("starting_after", str(methods[-1]["id"]))] if methods else []
            page = await self._client.list(f"/v1/customers/{id}/payment_methods", [*params, *after])
            if page is None:
                return None
            methods.extend(page.rows)
            if not page.has_more or not page.rows:
                return methods


def _expanded_customer(method: Row) -> Row:
    customer: Any = method.get("customer")
    if not isinstance(customer, dict):
        raise Malformed("a payment method's customer was not expanded")
    return cast("Row", customer)


def _email(values: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(values) != 1:
        raise Unsupported("Stripe lists customers by one e-mail address at a time")
    return [("email", values[0])]


def _shipping_address(row: Row) -> Address | None:
    shipping: Mapping[str, Any] | None = row["shipping"]
    return _address(shipping.get("address")) if shipping else None


def _address(address: Mapping[str, Any] | None) -> Address | None:
    if not address:
        return None
    return Address(
        line1=address["line1"],
        line2=address["line2"],
        city=address["city"],
        region=address["state"],
        postal_code=address["postal_code"],
        country=address["country"],
    )
