"""Refunds of what a payment intent charged. https://docs.stripe.com/api/refunds/create"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.stripe.emulator import documents
from adapters.stripe.emulator.errors import StripeError, missing
from adapters.stripe.emulator.events import new_id
from adapters.stripe.emulator.funds import move_funds
from adapters.stripe.emulator.objects import Document
from adapters.stripe.emulator.operation import Call, Operation, Outcome
from adapters.stripe.emulator.parameters import Kind

REASONS = ("duplicate", "fraudulent", "requested_by_customer")

_PARAMETERS: Mapping[str, Kind] = {
    "amount": Kind.INTEGER,
    "charge": Kind.TEXT,
    "metadata": Kind.MAP,
    "payment_intent": Kind.TEXT,
    "reason": Kind.TEXT,
}


def create(call: Call) -> Outcome:
    values = call.values
    charge = _charge(call)
    if values.get("reason") not in (None, *REASONS):
        raise StripeError(f"Invalid reason: must be one of {', '.join(REASONS)}", param="reason")
    if charge["disputed"]:
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise StripeError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = values.get("amount", left)
    if amount < 1:
        raise StripeError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise StripeError(
            f"Refund amount ({amount} {charge['currency']}) is greater than unrefunded amount on charge "
            f"({left} {charge['currency']})",
            param="amount",
        )
    refund = documents.refund(
        id=new_id("re"),
        created=call.origin.now,
        amount=amount,
        currency=charge["currency"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        customer=charge["customer"],
        method=charge["payment_method"],
        method_type=charge["payment_method_details"]["type"],
        reason=values.get("reason"),
        metadata={name: text for name, text in values.get("metadata", {}).items() if text},
    )
    call.objects.add(refund)
    refunded = charge["amount_refunded"] + amount
    charge |= {"amount_refunded": refunded, "refunded": refunded == charge["amount_captured"]}
    call.objects.replace(charge)
    move_funds(call.objects, charge["currency"], -amount)
    call.happened("refund.created", refund)
    call.happened("charge.refunded", charge)
    return Outcome(refund, refund["id"])


def _charge(call: Call) -> Document:
    """The charge to refund: the one that is named, or the latest of the intent that is named."""
    charge_id, intent_id = call.values.get("charge"), call.values.get("payment_intent")
    if charge_id is None:
        if intent_id is None:
            raise StripeError(
                "One of the following params should be provided for this request: payment_intent or charge.",
                code="parameter_missing",
            )
        intent = call.objects.get("payment_intent", intent_id)
        if intent is None:
            raise missing("payment_intent", intent_id, "payment_intent", 400)
        charge_id = intent["latest_charge"]
    charge = call.objects.get("charge", charge_id) if charge_id else None
    if charge_id and charge is None:
        raise missing("charge", charge_id, "charge", 400)
    if charge is None or charge["status"] != "succeeded":
        raise StripeError(
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return charge


CREATE = Operation("refund.create", _PARAMETERS, (), create)
