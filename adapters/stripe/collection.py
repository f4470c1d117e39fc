"""Collecting a payment: a payment intent that is confirmed at once, while the customer is away.

https://docs.stripe.com/payments/save-and-reuse, charge the saved payment method later
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from adapters.contracts.errors import NotFound, Rejected
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.writes import Settled, Settlement, Write
from adapters.stripe.client import MAX_ROWS, StripeClient, expanding
from adapters.stripe.customer import CUSTOMER_ID
from adapters.stripe.marker import LOOK_BACK_S, find_marked, marking


class Collection:
    """``Verb.COLLECT_PAYMENT``: the customer's default payment method is charged, else their newest.

    Which one that is costs one read: an intent has no default of its own.
    """

    def __init__(self, client: StripeClient, fields: FieldMap, clock: Callable[[], float]) -> None:
        self._client = client
        self._fields = fields
        self._clock = clock

    async def perform(self, write: Write) -> str:
        form = self._form(write)
        method = await self._method(_customer(write))
        intent = await self._client.post(
            "/v1/payment_intents",
            [
                *form.items(),
                ("payment_method", str(method["id"])),
                ("payment_method_types[]", str(method["type"])),
                ("confirm", "true"),
                ("off_session", "true"),
                marking(write.key),
            ],
            write.key,
        )
        return str(intent["id"])

    async def settle(self, write: Write) -> Settled:
        """Sure: an intent is made with its marker, and lists by customer show it at once.

        An attempt that Stripe is still working on is not there yet; sent again, its key is in use.
        """
        since = int(self._clock()) - LOOK_BACK_S
        found = await find_marked(
            self._client,
            "/v1/payment_intents",
            [("customer", _customer(write)), ("created[gte]", str(since))],
            write.key,
        )
        if found is None:
            return Settled(Settlement.NOT_DONE)
        return Settled(Settlement.DONE, str(found["id"]))

    def _form(self, write: Write) -> dict[str, str]:
        form: dict[str, str] = {}
        for name, value in {"invoice_in_erp": write.record_id, **write.changes}.items():
            if name not in self._fields or (to_form := self._fields[name].write) is None:
                raise Rejected(f"a payment cannot be collected with {name!r}")
            if value is None:
                continue
            try:
                form |= to_form(value)
            except ValueError as error:
                raise Rejected("the amount is finer than the currency allows") from error
        if "amount" not in form:
            raise Rejected("a payment needs an amount")
        return form

    async def _method(self, customer: str) -> Row:
        """One call gives the methods, newest first, and through the first of them the customer's default."""
        page = await self._client.list(
            f"/v1/customers/{customer}/payment_methods",
            [("limit", str(MAX_ROWS)), *expanding(["customer"], "data.")],
        )
        if page is None:
            raise NotFound("Stripe has no such customer", vendor_code="resource_missing")
        if not page.rows:
            raise Rejected("the customer has no payment method", vendor_code="no_payment_method")
        default = default_method(page.rows[0].get("customer"))
        return next((row for row in page.rows if row["id"] == default), page.rows[0])


def default_method(customer: Any) -> Any:
    """What an expanded customer is charged with by default: an id, an object where expanded, or None."""
    if not isinstance(customer, dict):
        return None
    settings = cast("dict[str, dict[str, Any] | None]", customer).get("invoice_settings")
    return settings.get("default_payment_method") if settings else None


def _customer(write: Write) -> str:
    id = write.changes.get("customer_in_payments")
    if not isinstance(id, str) or not CUSTOMER_ID.fullmatch(id):
        raise Rejected("the customer is not known to Stripe", vendor_code="no_customer")
    return id
