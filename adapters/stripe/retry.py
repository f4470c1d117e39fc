"""Trying a payment again: its intent is confirmed once more. https://docs.stripe.com/api/payment_intents/confirm"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from adapters.contracts.errors import Malformed, NotFound
from adapters.contracts.fields import Row
from adapters.contracts.writes import Settled, Settlement, Write
from adapters.stripe.client import StripeClient, expanding
from adapters.stripe.collection import default_method
from adapters.stripe.marker import LOOK_BACK_S, newest
from adapters.stripe.payment import PAYMENT_ID

EVENT_WINDOW_S = 600
"""How long after a charge its event is looked for."""

_EXPAND = ("customer.invoice_settings.default_payment_method",)


class Retry:
    """``Verb.RETRY_PAYMENT``. Stripe itself refuses it for a payment that does not wait for one.

    A failed intent has lost its payment method, so one read tells what to charge: the customer's default
    where the intent takes its type, else what was charged before. The answer is the same before and after
    the attempt: were the parameters others, Stripe would not know the key's request again.
    """

    def __init__(self, client: StripeClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock

    async def perform(self, write: Write) -> str:
        path = _path(write)
        intent = await self._client.retrieve(path, expanding(_EXPAND))
        if intent is None:
            raise NotFound("Stripe has no such payment", vendor_code="resource_missing")
        method = _method(intent)
        form = [("off_session", "true"), *([("payment_method", method)] if method else [])]
        confirmed = await self._client.post(f"{path}/confirm", form, write.key)
        return str(confirmed["id"])

    async def settle(self, write: Write) -> Settled:
        """By Stripe's own memory: the event of a charge names the key of the request that made it.

        A confirmation takes no metadata, so nothing marks it; but each attempt makes a charge, and each
        charge an event (``request.idempotency_key``, https://docs.stripe.com/api/events/object), listed for
        30 days. Events follow within seconds: until a charge has its own, nobody knows whose it is, which
        is UNDECIDED. An attempt that made no charge at all is NOT_DONE, and sent again gets its old answer.
        """
        _path(write)
        since = int(self._clock()) - LOOK_BACK_S
        decided = True
        charges = newest(
            self._client,
            "/v1/charges",
            [("payment_intent", write.record_id), ("created[gte]", str(since))],
        )
        async for charge in charges:
            event = await self._event(charge)
            if event is None:
                decided = False
            elif event.get("idempotency_key") == write.key:
                return Settled(Settlement.DONE, write.record_id)
        return Settled(Settlement.NOT_DONE if decided else Settlement.UNDECIDED)

    async def _event(self, charge: Row) -> Mapping[str, Any] | None:
        """The request that made a charge, by the event of its making; None where there is no event yet."""
        made: int = charge["created"]
        events = newest(
            self._client,
            "/v1/events",
            [
                *(("types[]", f"charge.{status}") for status in ("succeeded", "failed", "pending")),
                ("created[gte]", str(made)),
                ("created[lte]", str(made + EVENT_WINDOW_S)),
            ],
        )
        found: Mapping[str, Any] | None = None
        async for event in events:
            if event["data"]["object"]["id"] == charge["id"]:
                found = cast("Mapping[str, Any]", event.get("request") or {})
                if found.get("idempotency_key"):
                    break
                # A debit that succeeds by itself: the event of its beginning is farther back.
        return found


def _path(write: Write) -> str:
    if not PAYMENT_ID.fullmatch(write.record_id):
        raise NotFound("this is no payment of Stripe's")
    return f"/v1/payment_intents/{write.record_id}"


def _method(intent: Row) -> str | None:
    """The id of what to charge; None leaves it to Stripe, which refuses an intent that has none."""
    default = default_method(intent["customer"])
    if isinstance(default, dict):
        method = cast("dict[str, Any]", default)
        if method.get("type") in intent["payment_method_types"]:
            return str(method["id"])
    current = intent["payment_method"]
    if current is not None and not isinstance(current, str):
        raise Malformed("the payment's method was expanded unasked")
    error: Mapping[str, Any] = intent["last_payment_error"] or {}
    failed: Mapping[str, Any] = error.get("payment_method") or {}
    return current or failed.get("id")
