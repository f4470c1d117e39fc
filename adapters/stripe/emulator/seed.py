"""What Stripe would hold of the world: customers with their payment methods, payments, refunds."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Any

from adapters.contracts.convert import MINOR_DIGITS as ISO_DIGITS
from adapters.contracts.vocabulary import PaymentMethodKind, PaymentStatus
from adapters.emulation.world import AddressFact, CardFact, CustomerFact, PaymentFact, World
from adapters.stripe.emulator import documents
from adapters.stripe.emulator.documents import Document
from adapters.stripe.emulator.objects import Objects
from adapters.stripe.money import MINOR_DIGITS

INTENT_STATUS: Mapping[PaymentStatus, str] = {
    PaymentStatus.PENDING: "requires_confirmation",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.REQUIRES_ACTION: "requires_action",
    PaymentStatus.SUCCEEDED: "succeeded",
    PaymentStatus.FAILED: "requires_payment_method",
    PaymentStatus.CANCELLED: "canceled",
    PaymentStatus.PARTIALLY_REFUNDED: "succeeded",
    PaymentStatus.REFUNDED: "succeeded",
    PaymentStatus.DISPUTED: "succeeded",
    PaymentStatus.UNKNOWN: "requires_review",
}
"""Stripe's status of an intent; ``requires_review`` stands for one that Stripe may add some day."""

CHARGE_STATUS: Mapping[str, str] = {
    "succeeded": "succeeded",
    "requires_payment_method": "failed",
    "processing": "pending",
}
"""Status of the charge by that of the intent; an intent of another status was not charged."""

METHOD_TYPES: Mapping[PaymentMethodKind, Mapping[str, str]] = {
    PaymentMethodKind.CARD: {},
    PaymentMethodKind.WALLET: {},
    PaymentMethodKind.BANK_DEBIT: {"EUR": "sepa_debit", "USD": "us_bank_account", "GBP": "bacs_debit"},
    PaymentMethodKind.BANK_TRANSFER: {"JPY": "customer_balance", "EUR": "customer_balance"},
    PaymentMethodKind.OTHER: {"JPY": "konbini", "EUR": "klarna", "USD": "klarna"},
}
_OTHERWISE: Mapping[PaymentMethodKind, str] = {
    PaymentMethodKind.CARD: "card",
    PaymentMethodKind.WALLET: "card",
    PaymentMethodKind.BANK_DEBIT: "us_bank_account",
    PaymentMethodKind.BANK_TRANSFER: "customer_balance",
    PaymentMethodKind.OTHER: "klarna",
}
"""Stripe's payment method type by kind and currency, and where the currency does not matter."""

_DETAILS: Mapping[str, Document] = {
    "sepa_debit": {
        "bank_code": None,
        "branch_code": None,
        "country": "DE",
        "fingerprint": None,
        "generated_from": None,
    },
    "us_bank_account": {"account_holder_type": "company", "account_type": "checking", "fingerprint": None},
    "bacs_debit": {"fingerprint": None, "sort_code": None},
}


def seed(store: sqlite3.Connection, world: World) -> None:
    """Creates the table and fills it, each type in the order of its creation."""
    objects = Objects(store)
    objects.create_tables()
    customers = [fact for fact in world.customers if fact.payments_id is not None]
    payments = [fact for fact in world.payments if fact.customer.payments_id is not None]
    invoices = Counter(fact.customer.index for fact in payments)
    seeded = [_Payment(fact) for fact in sorted(payments, key=lambda fact: fact.created_at)]
    objects.put(_customer(fact, invoices[fact.index]) for fact in _by_age(customers))
    stored = [_method_of(fact) for fact in _by_age(customers) if fact.payment_method is not None]
    used = [payment.method for payment in seeded if payment.method["customer"] is None]
    objects.put(sorted((*stored, *used), key=lambda method: method["created"]))
    objects.put(payment.intent for payment in seeded)
    objects.put(payment.charge for payment in seeded if payment.charge is not None)
    objects.put(payment.refund for payment in seeded if payment.refund is not None)
    kept_since = int(datetime.combine(world.today, time(), UTC).timestamp()) - EVENTS_KEPT_S
    objects.put(
        _charged(payment.charge) for payment in seeded if payment.charge and payment.created > kept_since
    )
    objects.put([documents.balance(_funds(payment.charge for payment in seeded))])


def minor_units(amount_minor: int, currency: str) -> int:
    """ISO 4217 minor units, as the world counts, to Stripe's."""
    places = MINOR_DIGITS.get(currency, 2) - ISO_DIGITS.get(currency, 2)
    return amount_minor * 10**places if places >= 0 else amount_minor // 10**-places


EVENTS_KEPT_S = 30 * 24 * 3600
"""How long Stripe lists an event (https://docs.stripe.com/api/events)."""


class _Payment:
    """The objects behind one payment."""

    def __init__(self, fact: PaymentFact) -> None:
        self.fact = fact
        self.currency = fact.invoice.customer.currency
        self.amount = minor_units(fact.amount_minor, self.currency)
        self.status = INTENT_STATUS[fact.status]
        self.created = int(fact.created_at.timestamp())
        self.customer = str(fact.customer.payments_id)
        self.description = f"Invoice {fact.invoice.number}"
        self.metadata = {"crm_id": fact.customer.crm_id, "erp_invoice_id": str(fact.invoice.id)}
        self.method = self._method()
        self.charge = self._charge()
        self.refund = self._refund()
        self.intent = self._intent()

    def _method(self) -> Document:
        """The customer's own where it was used, otherwise one that was used once and belongs to nobody."""
        customer = self.fact.customer
        if customer.payment_method == self.fact.method:
            return _method_of(customer)
        return _method(
            customer, self.fact.method, f"pm_{self.fact.id[3:]}", attached=False, created=self.created
        )

    def _charge(self) -> Document | None:
        status = CHARGE_STATUS.get(self.status)
        if status is None:
            return None
        fact, type = self.fact, self.method["type"]
        details = self.method[type]
        if type == "card":
            details = documents.charged_card(details, amount=self.amount)
        code, decline_code, message = fact.failure or (None, None, None)
        return documents.charge(
            id=fact.charge_id,
            created=self.created,
            customer=self.customer,
            payment_intent=fact.id,
            method=self.method["id"],
            method_details={"type": type, type: details},
            billing=self.method["billing_details"],
            amount=self.amount,
            amount_refunded=minor_units(fact.refunded_minor, self.currency),
            currency=self.currency.lower(),
            status=status,
            description=self.description,
            disputed=fact.status is PaymentStatus.DISPUTED,
            failure_code=code,
            failure_message=message,
            outcome=documents.outcome(status, decline_code or code),
            metadata=self.metadata,
        )

    def _refund(self) -> Document | None:
        if self.charge is None or not self.charge["amount_refunded"]:
            return None
        return documents.refund(
            id=f"re_{self.fact.id[3:]}",
            created=self.created + 3600,
            amount=self.charge["amount_refunded"],
            currency=self.currency.lower(),
            charge=self.charge["id"],
            payment_intent=self.fact.id,
            customer=self.customer,
            method=self.method["id"],
            method_type=self.method["type"],
            reason="requested_by_customer",
            metadata={},
        )

    def _intent(self) -> Document:
        error = None
        if self.fact.failure is not None and self.charge is not None:
            code, decline_code, message = self.fact.failure
            error = documents.last_payment_error(
                charge=self.charge["id"], code=code, decline_code=decline_code, message=message
            )
            error["payment_method"] = self.method
        return documents.payment_intent(
            id=self.fact.id,
            created=self.created,
            customer=self.customer,
            amount=self.amount,
            currency=self.currency.lower(),
            status=self.status,
            description=self.description,
            # An intent whose payment failed waits for another method.
            method=None if self.status == "requires_payment_method" else self.method["id"],
            method_types=[self.method["type"]],
            latest_charge=None if self.charge is None else self.charge["id"],
            last_payment_error=error,
            next_action=_next_action(self.status, self.fact.id),
            metadata=self.metadata,
        )


def _charged(charge: Document) -> Document:
    """The event of a charge's making."""
    return documents.event(
        id=f"evt_{charge['id'][3:]}",
        created=charge["created"],
        type=f"charge.{charge['status']}",
        about=charge,
        request_id=f"req_{charge['id'][3:]}",
        idempotency_key=f"seeded-{charge['id']}",
    )


def _by_age(customers: Iterable[CustomerFact]) -> list[CustomerFact]:
    return sorted(customers, key=lambda fact: fact.created_at)


def _customer(fact: CustomerFact, invoices: int) -> Document:
    return documents.customer(
        id=str(fact.payments_id),
        created=int(fact.created_at.timestamp()),
        name=fact.name,
        email=fact.email,
        phone=fact.phone,
        currency=fact.currency.lower(),
        delinquent=fact.delinquent,
        address=_address(fact.billing),
        shipping={"address": _address(fact.shipping), "name": fact.name, "phone": fact.phone},
        default_payment_method=None if fact.payment_method is None else _method_id(fact),
        next_invoice_sequence=invoices + 1,
        metadata={"crm_id": fact.crm_id},
    )


def _method_id(customer: CustomerFact) -> str:
    return f"pm_{str(customer.payments_id)[4:]}"


def _method_of(customer: CustomerFact) -> Document:
    """The method a customer has stored."""
    if customer.payment_method is None:
        raise ValueError("the customer has no payment method")
    created = int(customer.created_at.timestamp())
    return _method(customer, customer.payment_method, _method_id(customer), attached=True, created=created)


def _method(customer: CustomerFact, fact: CardFact, id: str, *, attached: bool, created: int) -> Document:
    type = METHOD_TYPES[fact.kind].get(customer.currency, _OTHERWISE[fact.kind])
    return documents.payment_method(
        id=id,
        created=created,
        customer=customer.payments_id if attached else None,
        type=type,
        details=_details(type, fact, customer),
        billing=documents.billing_details(name=customer.name, email=customer.email),
    )


def _details(type: str, fact: CardFact, customer: CustomerFact) -> Document:
    if type != "card":
        details: dict[str, Any] = {**_DETAILS.get(type, {})}
        if type in _DETAILS:
            details |= {"last4": fact.last4}
        return details | ({"bank_name": fact.brand} if type == "us_bank_account" else {})
    if fact.brand is None or fact.last4 is None or fact.exp_month is None or fact.exp_year is None:
        raise ValueError("a card has a brand, four digits and an expiry")
    card = documents.card(
        brand=fact.brand,
        last4=fact.last4,
        exp_month=fact.exp_month,
        exp_year=fact.exp_year,
        country=customer.entity.country,
        wallet="apple_pay" if fact.kind is PaymentMethodKind.WALLET else None,
    )
    return documents.stored_card(card)


def _address(fact: AddressFact) -> Document:
    return {
        "city": fact.city,
        "country": fact.country,
        "line1": fact.line1,
        "line2": fact.line2,
        "postal_code": fact.postal_code,
        "state": fact.region,
    }


def _next_action(status: str, intent: str) -> Document | None:
    if status != "requires_action":
        return None
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent}"
    return {"redirect_to_url": {"return_url": None, "url": url}, "type": "redirect_to_url"}


def _funds(charges: Iterable[Document | None]) -> dict[str, int]:
    funds: Counter[str] = Counter()
    for charge in charges:
        if charge is not None:
            funds[charge["currency"]] += charge["amount_captured"] - charge["amount_refunded"]
    return dict(funds)
