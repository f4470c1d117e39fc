"""A small company's business as plain facts, before any vendor's form is put on it.

``World`` is neutral: each vendor's emulator seeds itself from it, keeping only what that system would
hold. Times are aware UTC; amounts are integers in the currency's minor units; record ids are those the
systems know each other by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentMethodKind,
    PaymentStatus,
    SubscriptionStatus,
)


@dataclass(frozen=True, slots=True)
class LegalEntityFact:
    """One of the company's own entities. ``erp_id`` is the ERP's internal id of the subsidiary."""

    erp_id: int
    code: str
    name: str
    country: str
    currency: str


@dataclass(frozen=True, slots=True)
class PersonFact:
    name: str
    email: str
    phone: str | None
    title: str


@dataclass(frozen=True, slots=True)
class AddressFact:
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class CardFact:
    """A stored payment method; brand, last4 and expiry belong to cards."""

    kind: PaymentMethodKind
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


@dataclass(frozen=True, slots=True)
class CustomerFact:
    """A business customer. A record id of None: that system does not know the customer.

    crm_id:      18 characters, the anchor.
    billing_id:  the subscription platform's customer id.
    erp_ids:     ERP customer records that claim this customer; two of them are a seeded duplicate.
    payments_id: the payment gateway's customer id.
    """

    index: int
    crm_id: str
    billing_id: str | None
    erp_ids: tuple[int, ...]
    payments_id: str | None
    name: str
    legal_name: str
    status: CustomerStatus
    segment: str
    industry: str
    website: str
    phone: str
    email: str
    account_manager: PersonFact
    contacts: tuple[PersonFact, ...]
    shipping: AddressFact
    billing: AddressFact
    tax_id: str | None
    entity: LegalEntityFact
    payment_method: CardFact | None
    delinquent: bool
    credit_limit_minor: int
    payment_terms_days: int
    on_hold: bool
    created_at: datetime
    updated_at: datetime

    @property
    def currency(self) -> str:
        return self.entity.currency


@dataclass(frozen=True, slots=True)
class PlanFact:
    """A plan; ``unit_price_minor`` is per seat and billing period, by currency."""

    code: str
    name: str
    period_months: int
    unit_price_minor: dict[str, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ContractFact:
    """The commercial agreement behind a subscription, kept by the CRM."""

    crm_id: str
    number: str
    term_months: int
    auto_renew: bool
    starts_on: date
    renews_on: date
    signed_on: date


@dataclass(frozen=True, slots=True)
class SubscriptionFact:
    id: str
    customer: CustomerFact
    plan: PlanFact
    status: SubscriptionStatus
    quantity: int
    started_at: datetime
    trial_end: datetime | None
    term_start: datetime
    term_end: datetime
    next_billing_at: datetime | None
    cancelled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    contract: ContractFact | None


@dataclass(frozen=True, slots=True)
class LineFact:
    description: str
    quantity: int
    unit_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class InvoiceFact:
    """An ERP invoice. ``id`` is its internal id, ``number`` its document number."""

    id: int
    number: str
    customer: CustomerFact
    subscription: SubscriptionFact
    status: InvoiceStatus
    lines: tuple[LineFact, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    issued_on: date
    due_on: date
    posted_at: datetime | None
    memo: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """One attempt to pay an invoice. ``failure`` is (code, decline code, message) of a failed one.

    ``ledger_id`` and ``ledger_number`` name the ERP's customer payment, where the money arrived.
    """

    id: str
    charge_id: str
    customer: CustomerFact
    invoice: InvoiceFact
    status: PaymentStatus
    amount_minor: int
    refunded_minor: int
    method: CardFact
    failure: tuple[str, str | None, str] | None
    created_at: datetime
    ledger_id: int | None
    ledger_number: str | None


@dataclass(frozen=True, slots=True)
class World:
    """Everything, in creation order. ``today`` is the day the world was made for: nothing is later."""

    seed: int
    today: date
    entities: tuple[LegalEntityFact, ...]
    plans: tuple[PlanFact, ...]
    customers: tuple[CustomerFact, ...]
    subscriptions: tuple[SubscriptionFact, ...]
    invoices: tuple[InvoiceFact, ...]
    payments: tuple[PaymentFact, ...]
