"""What happens at Stripe by itself: payments come, fail, are tried again, given back and disputed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from adapters.emulation.life import Happening, pick
from adapters.emulation.store import transaction
from adapters.stripe.emulator import documents, intents, refunds
from adapters.stripe.emulator.declines import DEBIT, TEST_CARDS, Decline, decline_of
from adapters.stripe.emulator.events import Origin, new_id
from adapters.stripe.emulator.funds import move_funds
from adapters.stripe.emulator.objects import Document, Objects
from adapters.stripe.emulator.operation import Call

_RECENT = 400
"""How many of the newest payments things still happen to."""

_INTENTS = (
    "SELECT id, doc FROM"
    " (SELECT seq, id, CAST(doc AS TEXT) AS doc FROM stripe_object"
    f"  WHERE object = 'payment_intent' AND deleted = 0 ORDER BY seq DESC LIMIT {_RECENT})"
    " WHERE json_extract(doc, '$.status') = ? AND json_extract(doc, '$.customer') IS NOT NULL ORDER BY seq"
)
_METHODS = (
    "SELECT doc FROM stripe_object WHERE object = 'payment_method' AND customer IS NOT NULL"
    f" AND type IN ({', '.join(repr(type) for type in sorted(intents.CHARGEABLE))}) ORDER BY seq"
)
_CUSTOMERS = "SELECT doc FROM stripe_object WHERE object = 'customer' AND deleted = 0 ORDER BY seq"


class _Scene:
    """One thing that happens, now, without a request."""

    def __init__(self, store: sqlite3.Connection, rng: Random) -> None:
        self.store = store
        self.rng = rng
        self.objects = Objects(store)

    def call(self, id: str = "", values: Mapping[str, Any] | None = None) -> Call:
        return Call(self.objects, Origin(None, None, int(time.time())), id, values or {})

    def pick(self, query: str, *values: str) -> Document | None:
        row = pick(self.store, self.rng, query, values)
        return None if row is None else msgspec.json.decode(row["doc"])


_Play = Callable[[_Scene], str | None]


def _happening(name: str, weight: int, play: _Play) -> Happening:
    def happen(store: sqlite3.Connection, rng: Random) -> str | None:
        with transaction(store):
            return play(_Scene(store, rng))

    return Happening(name, weight, happen)


def _pay(scene: _Scene) -> str | None:
    """A payment of about what the customer paid before, from the stored method."""
    return _collect(scene, declines=False)


def _fail(scene: _Scene) -> str | None:
    """The same, and the bank declines."""
    return _collect(scene, declines=True)


def _collect(scene: _Scene, *, declines: bool) -> str | None:
    method = scene.pick(_METHODS)
    customer = None if method is None else scene.objects.get("customer", method["customer"])
    if method is None or customer is None or customer.get("deleted"):
        return None
    before = scene.objects.newest("payment_intent", where={"customer": customer["id"]}, rows=1)
    values = {
        "amount": before[0]["amount"] if before else scene.rng.randrange(5_000, 200_000),
        "currency": before[0]["currency"] if before else customer["currency"],
        "customer": customer["id"],
        "description": "Payment on account",
        "metadata": {name: text for name, text in customer["metadata"].items() if name == "crm_id"},
        "payment_method": method["id"],
    }
    call = scene.call(values=values)
    intent = intents.create(call).body
    decline = _decline(scene, method) if declines else decline_of(method, customer)
    return intents.charge(call, intent, method, decline).record_id


def _retry(scene: _Scene) -> str | None:
    """A failed payment is tried again, and the bank lets it pass."""
    intent = scene.pick(_INTENTS, "requires_payment_method")
    if intent is None or intent["last_payment_error"] is None:
        return None
    method = scene.objects.get("payment_method", intent["last_payment_error"]["payment_method"]["id"])
    if method is None or method["type"] not in intents.CHARGEABLE:
        return None
    return intents.charge(scene.call(intent["id"]), intent, method, None).record_id


def _settle(scene: _Scene) -> str | None:
    """A bank says whether the money of a debit came; of five, one did not."""
    intent = scene.pick(_INTENTS, "processing")
    charge = intent and scene.objects.get("charge", intent["latest_charge"] or "")
    method = charge and scene.objects.get("payment_method", charge["payment_method"])
    if not intent or not charge or not method:
        return None
    decline = _decline(scene, method) if scene.rng.random() < 0.2 else None
    status = "succeeded" if decline is None else "failed"
    came = charge["amount"] if decline is None else 0
    charge |= {
        "status": status,
        "paid": decline is None,
        "captured": decline is None,
        "amount_captured": came,
        "failure_code": decline and decline.code,
        "failure_message": decline and decline.message,
        "outcome": documents.outcome(status, decline and (decline.decline_code or decline.code)),
    }
    intent |= {
        "status": "succeeded" if decline is None else "requires_payment_method",
        "amount_received": came,
        "last_payment_error": None if decline is None else intents.error_of(decline, charge["id"], method),
        "payment_method": None if decline else intent["payment_method"],
    }
    call = scene.call(intent["id"])
    call.objects.replace(charge)
    call.objects.replace(intent)
    move_funds(call.objects, intent["currency"], came)
    call.happened(f"charge.{status}", charge)
    call.happened(f"payment_intent.{'succeeded' if decline is None else 'payment_failed'}", intent)
    return str(intent["id"])


def _refund(scene: _Scene) -> str | None:
    """Half or all of a payment goes back."""
    intent, charge = _kept(scene)
    if intent is None or charge is None:
        return None
    amount = charge["amount"] if scene.rng.random() < 0.5 else max(1, charge["amount"] // 2)
    refunds.create(
        scene.call(
            values={"payment_intent": intent["id"], "amount": amount, "reason": "requested_by_customer"}
        )
    )
    return str(intent["id"])


def _dispute(scene: _Scene) -> str | None:
    """A payer goes to the bank."""
    intent, charge = _kept(scene)
    if intent is None or charge is None:
        return None
    call = scene.call(intent["id"])
    charge["disputed"] = True
    dispute = documents.dispute(
        id=new_id("dp"),
        created=call.origin.now,
        charge=charge,
        reason=scene.rng.choice(("fraudulent", "product_not_received", "duplicate")),
        status="needs_response",
    )
    call.objects.replace(charge)
    call.objects.add(dispute)
    call.happened("charge.dispute.created", dispute)
    return str(intent["id"])


def _change_customer(scene: _Scene) -> str | None:
    """A customer falls behind, or has paid up."""
    customer = scene.pick(_CUSTOMERS)
    if customer is None:
        return None
    before = {"delinquent": customer["delinquent"]}
    # Most pay: a customer who is behind is picked by one in twenty, who is not, by chance.
    customer["delinquent"] = not customer["delinquent"] and scene.rng.random() < 0.2
    if customer["delinquent"] == before["delinquent"]:
        customer["phone"], before = _phone(scene, customer), {"phone": customer["phone"]}
    call = scene.call(customer["id"])
    call.objects.replace(customer)
    call.happened("customer.updated", customer, before)
    return str(customer["id"])


def _phone(scene: _Scene, customer: Document) -> str:
    """The same number with other last digits."""
    return f"{(customer['phone'] or '+1 555 0100 0000')[:-4]}{scene.rng.randrange(10_000):04d}"


def _kept(scene: _Scene) -> tuple[Document | None, Document | None]:
    """A payment that took the money and of which nothing was given back, with its charge."""
    intent = scene.pick(_INTENTS, "succeeded")
    charge = intent and scene.objects.get("charge", intent["latest_charge"] or "")
    if not charge or charge["amount_refunded"] or charge["disputed"]:
        return None, None
    return intent, charge


def _decline(scene: _Scene, method: Document) -> Decline:
    return DEBIT if method["type"] != "card" else scene.rng.choice(list(TEST_CARDS.values()))


LIFE = (
    _happening("payment succeeds", 10, _pay),
    _happening("payment fails", 4, _fail),
    _happening("payment is retried", 4, _retry),
    _happening("debit settles", 4, _settle),
    _happening("payment is refunded", 2, _refund),
    _happening("payment is disputed", 1, _dispute),
    _happening("customer changes", 2, _change_customer),
)
