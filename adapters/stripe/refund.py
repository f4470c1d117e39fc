"""Giving a payment back, in whole or in part. https://docs.stripe.com/api/refunds/create"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.errors import Conflict, NotFound, Rejected
from adapters.contracts.fields import Row
from adapters.contracts.values import Money
from adapters.contracts.writes import Settled, Settlement, Write
from adapters.stripe.client import StripeClient, expanding
from adapters.stripe.marker import find_marked, marking
from adapters.stripe.money import minor
from adapters.stripe.payment import PAYMENT_ID

REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
"""What Stripe takes as a reason; any other goes into the refund's metadata."""


class Refund:
    """``Verb.REFUND_PAYMENT``. One read before it: a refund is sent without a currency, which must be right.

    What was refunded meanwhile, and whether so much is left, is Stripe's to say.
    """

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def perform(self, write: Write) -> str:
        id = _payment(write)
        intent = await self._client.retrieve(f"/v1/payment_intents/{id}", expanding(["latest_charge"]))
        if intent is None:
            raise NotFound("Stripe has no such payment", vendor_code="resource_missing")
        charge: Mapping[str, Any] | None = intent["latest_charge"]
        if charge is None or charge["status"] != "succeeded":
            # Stripe's refusal of this has no code to know it by.
            raise Conflict("nothing was paid that could be refunded", vendor_code="wrong_state")
        form = [("payment_intent", id), *_amount(write, intent), *_reason(write), marking(write.key)]
        await self._client.post("/v1/refunds", form, write.key)
        return id

    async def settle(self, write: Write) -> Settled:
        """Sure, for as long as Stripe keeps the payment: a refund is made with its marker."""
        id = _payment(write)
        found = await find_marked(self._client, "/v1/refunds", [("payment_intent", id)], write.key)
        if found is None:
            return Settled(Settlement.NOT_DONE)
        return Settled(Settlement.DONE, id)


def _payment(write: Write) -> str:
    if not PAYMENT_ID.fullmatch(write.record_id):
        raise NotFound("this is no payment of Stripe's")
    return write.record_id


def _amount(write: Write, intent: Row) -> list[tuple[str, str]]:
    amount: Money | None = write.changes.get("amount")
    if amount is None:
        return []
    if amount.currency.lower() != intent["currency"]:
        raise Rejected(
            f"the payment is in {str(intent['currency']).upper()}, not {amount.currency}",
            vendor_code="currency_mismatch",
        )
    try:
        return [("amount", str(minor(amount)))]
    except ValueError as error:
        raise Rejected("the amount is finer than the currency allows") from error


def _reason(write: Write) -> list[tuple[str, str]]:
    reason: str | None = write.options.get("reason")
    if not reason:
        return []
    return [("reason" if reason in REASONS else "metadata[reason]", reason)]
