"""Creating and confirming payment intents, and the charges that come of it.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contracts.convert import MINOR_DIGITS
from adapters.stripe.emulator import documents
from adapters.stripe.emulator.declines import Decline, decline_of
from adapters.stripe.emulator.errors import StripeError, missing, unexpected_state
from adapters.stripe.emulator.events import new_id
from adapters.stripe.emulator.funds import move_funds
from adapters.stripe.emulator.objects import Document
from adapters.stripe.emulator.operation import Call, Operation, Outcome
from adapters.stripe.emulator.parameters import Kind

MINIMUM: Mapping[str, int] = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "aud": 50, "cad": 50, "chf": 50}
"""Least charge, in minor units (https://docs.stripe.com/currencies, minimum charge amounts)."""

MAXIMUM = 99_999_999

CURRENCIES = frozenset(
    {*MINIMUM, *(code.lower() for code in MINOR_DIGITS), "sek", "nok", "dkk", "pln", "czk"}
)

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})

CHARGED_LATER = frozenset({"sepa_debit", "us_bank_account", "bacs_debit"})
"""Debits: the bank says days later whether the money came."""

CHARGEABLE = frozenset({"card", *CHARGED_LATER})
"""What can be charged while the customer is away."""

_CREATE: Mapping[str, Kind] = {
    "amount": Kind.INTEGER,
    "confirm": Kind.BOOLEAN,
    "currency": Kind.TEXT,
    "customer": Kind.TEXT,
    "description": Kind.TEXT,
    "metadata": Kind.MAP,
    "off_session": Kind.TEXT,
    "payment_method": Kind.TEXT,
    "payment_method_types": Kind.LIST,
}
_CONFIRM: Mapping[str, Kind] = {"off_session": Kind.TEXT, "payment_method": Kind.TEXT}


def create(call: Call) -> Outcome:
    values = call.values
    currency = str(values["currency"]).lower()
    _check_amount(values["amount"], currency)
    customer = values.get("customer")
    if customer is not None:
        found = call.objects.get("customer", customer)
        if found is None or found.get("deleted"):
            raise missing("customer", customer, "customer", 400)
    if "off_session" in values and not values.get("confirm"):
        raise StripeError("You can only use `off_session` when `confirm=true`.", param="off_session")
    method = _method(call, customer)
    types = values.get("payment_method_types") or [method["type"] if method else "card"]
    _check_type(method, types)
    intent = documents.payment_intent(
        id=new_id("pi"),
        created=call.origin.now,
        customer=customer,
        amount=values["amount"],
        currency=currency,
        status="requires_confirmation" if method else "requires_payment_method",
        description=values.get("description"),
        method=method["id"] if method else None,
        method_types=types,
        latest_charge=None,
        last_payment_error=None,
        next_action=None,
        metadata={name: text for name, text in values.get("metadata", {}).items() if text},
    )
    call.objects.add(intent)
    call.happened("payment_intent.created", intent)
    if not values.get("confirm"):
        return Outcome(intent, intent["id"])
    if method is None:
        raise _no_method(intent)
    return _attempt(call, intent, method)


def confirm(call: Call) -> Outcome:
    intent = call.objects.get("payment_intent", call.id)
    if intent is None:
        raise missing("payment_intent", call.id, "intent", 404)
    if intent["status"] == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
            "confirmed.",
            intent,
        )
    if intent["status"] not in CONFIRMABLE:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.", intent
        )
    method = _method(call, intent["customer"])
    if method is None and intent["payment_method"]:
        method = call.objects.get("payment_method", intent["payment_method"])
    if method is None:
        raise _no_method(intent)
    _check_type(method, intent["payment_method_types"])
    return _attempt(call, intent, method)


def _check_amount(amount: int, currency: str) -> None:
    if currency not in CURRENCIES:
        raise StripeError(f"Invalid currency: {currency}.", param="currency")
    if amount < MINIMUM.get(currency, 1):
        raise StripeError(
            f"Amount must be at least {MINIMUM.get(currency, 1)} {currency} in its smallest unit.",
            code="amount_too_small",
            param="amount",
        )
    if amount > MAXIMUM:
        raise StripeError(f"Amount must be no more than {MAXIMUM}.", code="amount_too_large", param="amount")


def _method(call: Call, customer: str | None) -> Document | None:
    """The payment method that the call names, which must be the customer's."""
    id = call.values.get("payment_method")
    if id is None:
        return None
    method = call.objects.get("payment_method", id)
    if method is None:
        raise missing("PaymentMethod", id, "payment_method", 400)
    if method["customer"] != customer:
        raise StripeError(
            f"The provided PaymentMethod ({id}) is not attached to the PaymentIntent's customer.",
            param="payment_method",
        )
    return method


def _check_type(method: Document | None, types: list[str]) -> None:
    if method is not None and method["type"] not in types:
        raise StripeError(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
            f"This PaymentIntent allows: {', '.join(types)}.",
            param="payment_method",
        )


def _no_method(intent: Document) -> StripeError:
    return unexpected_state(
        "You cannot confirm this PaymentIntent because it's missing a payment method.", intent
    )


def _attempt(call: Call, intent: Document, method: Document) -> Outcome:
    """Charges the method, as far as its bank lets it."""
    customer = call.objects.get("customer", intent["customer"]) if intent["customer"] else None
    if method["type"] not in CHARGEABLE:
        raise StripeError(
            f"A {method['type']} cannot be charged while the customer is away.", param="payment_method"
        )
    return charge(call, intent, method, decline_of(method, customer))


def charge(call: Call, intent: Document, method: Document, decline: Decline | None) -> Outcome:
    """Charges the method, and leaves the intent where that leads."""
    type = method["type"]
    status = "failed" if decline else "pending" if type in CHARGED_LATER else "succeeded"
    details = method[type]
    made = documents.charge(
        id=new_id("ch"),
        created=call.origin.now,
        customer=intent["customer"],
        payment_intent=intent["id"],
        method=method["id"],
        method_details={
            "type": type,
            type: documents.charged_card(details, amount=intent["amount"]) if type == "card" else details,
        },
        billing=method["billing_details"],
        amount=intent["amount"],
        amount_refunded=0,
        currency=intent["currency"],
        status=status,
        description=intent["description"],
        disputed=False,
        failure_code=decline and decline.code,
        failure_message=decline and decline.message,
        outcome=documents.outcome(status, decline and (decline.decline_code or decline.code)),
        metadata=intent["metadata"],
    )
    call.objects.add(made)
    error = None if decline is None else error_of(decline, made["id"], method)
    intent |= {
        "status": _AFTER[status],
        "latest_charge": made["id"],
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None if error else method["id"],
        "amount_received": intent["amount"] if status == "succeeded" else 0,
    }
    call.objects.replace(intent)
    if status == "succeeded":
        move_funds(call.objects, intent["currency"], intent["amount"])
    call.happened(f"charge.{status}", made)
    call.happened(_EVENTS[status], intent)
    if error is not None:
        return Outcome({"error": {**error, "payment_intent": intent}}, intent["id"], 402)
    return Outcome(intent, intent["id"])


def error_of(decline: Decline, charge_id: str, method: Document) -> Document:
    """What an intent says of its last attempt, which was declined."""
    error = documents.last_payment_error(
        charge=charge_id, code=decline.code, decline_code=decline.decline_code, message=decline.message
    )
    return {**error, "payment_method": method}


_AFTER: Mapping[str, str] = {
    "failed": "requires_payment_method",
    "pending": "processing",
    "succeeded": "succeeded",
}
"""The intent's status by that of its charge."""

_EVENTS: Mapping[str, str] = {
    "failed": "payment_intent.payment_failed",
    "pending": "payment_intent.processing",
    "succeeded": "payment_intent.succeeded",
}

CREATE = Operation("payment_intent.create", _CREATE, ("amount", "currency"), create)
CONFIRM = Operation("payment_intent.confirm", _CONFIRM, (), confirm)
