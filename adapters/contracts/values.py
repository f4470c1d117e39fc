"""Composite values a canonical field can have. Leaves of the graph, equal by value.

Attribute names are those of the public contract in snake case. Amounts are Decimal in major
units; times are aware UTC; anything a vendor leaves out is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from adapters.contracts.vocabulary import PaymentMethodKind


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in major units, with its ISO 4217 currency (upper case)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the customer, or the customer's account manager."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``country`` is ISO 3166-1 alpha-2."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """The company's own entity that sells to a customer: an ERP subsidiary."""

    code: str
    name: str | None = None
    country: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Receivables:
    """What a customer owes, and on which terms."""

    balance: Money | None = None
    overdue: Money | None = None
    credit_limit: Money | None = None
    payment_terms_days: int | None = None
    on_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is subscribed to."""

    code: str
    name: str | None = None
    billing_period_months: int | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A span of days, both ends included."""

    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice."""

    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Money | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """How a payment was or will be made; ``expires_on`` is the last valid day."""

    kind: PaymentMethodKind
    brand: str | None = None
    last4: str | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentFailure:
    """Why a payment failed, in the gateway's own code and words."""

    code: str | None = None
    message: str | None = None
    retryable: bool | None = None
