"""Inputs of mutations. Each holds only fields of the one system its mutation writes.

Every input takes an idempotency key: the same key with the same input gives the same command back; with
another input it is refused. Absent means untouched, null means cleared.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry

from adapters.contracts.vocabulary import CustomerStatus
from schema.scalars import URL, CountryCode, CurrencyCode


def _given(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


def _key() -> Any:
    return _given("The same key with the same input gives the same command back.")


def _unmodified() -> Any:
    return _given("Refused with CONFLICT if the record changed after this time.")


_ID = "The object's global id."


@strawberry.enum(description="When an amendment takes effect.")
class AmendmentTiming(Enum):
    NOW = "NOW"
    END_OF_TERM = "END_OF_TERM"


@strawberry.input(description="A postal address; it replaces the one there is.")
class AddressInput:
    line1: str | None = _given("Street and number.")
    line2: str | None = _given("What does not fit the first line.")
    city: str | None = _given("Town.")
    region: str | None = _given("State, province or prefecture.")
    postal_code: str | None = _given("Postal code.")
    country: CountryCode | None = _given("ISO 3166-1 alpha-2.")


@strawberry.input(description="What the CRM is to change about a customer.")
class UpdateCustomerInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    if_unmodified_since: datetime | None = _unmodified()
    name: str | None = _given("The name people use.")
    status: CustomerStatus | None = _given("Where the customer stands in its life with the company.")
    segment: str | None = _given("Market segment.")
    industry: str | None = _given("Line of business.")
    website: URL | None = _given("The customer's web site.")
    phone: str | None = _given("Main telephone number.")
    email: str | None = _given("Main e-mail address.")
    shipping_address: AddressInput | None = _given("Where goods and visits go.")


@strawberry.input(description="What the ERP is to change about a customer.")
class UpdateCustomerBillingInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    if_unmodified_since: datetime | None = _unmodified()
    legal_name: str | None = _given("The registered name, as invoices carry it.")
    tax_id: str | None = _given("VAT or other tax registration.")
    billing_address: AddressInput | None = _given("Where invoices go.")


@strawberry.input(description="What is to change about a subscription, and when.")
class AmendSubscriptionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    if_unmodified_since: datetime | None = _unmodified()
    plan_code: str | None = _given("The plan to move to.")
    quantity: int | None = _given("Seats or units.")
    effective: AmendmentTiming = strawberry.field(default=AmendmentTiming.NOW, description="From when.")


@strawberry.input(description="A subscription to act on.")
class SubscriptionActionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()


@strawberry.input(description="A subscription to cancel, and when.")
class CancelSubscriptionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    effective: AmendmentTiming = strawberry.field(
        default=AmendmentTiming.END_OF_TERM, description="From when."
    )
    reason: str | None = _given("Why, for the platform's record.")


@strawberry.input(description="An invoice to act on.")
class InvoiceActionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()


@strawberry.input(description="What is to change about an invoice.")
class UpdateInvoiceInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    if_unmodified_since: datetime | None = _unmodified()
    due_on: date | None = _given("The day it is to be paid by.")
    memo: str | None = _given("A note on it.")


@strawberry.input(description="An exact amount with its currency.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="Major units, exact.")
    currency: CurrencyCode = strawberry.field(description="ISO 4217.")


@strawberry.input(description="An invoice to collect.")
class CollectPaymentInput:
    invoice_id: strawberry.ID = strawberry.field(description="The invoice's global id.")
    idempotency_key: str | None = _key()


@strawberry.input(description="A payment to act on.")
class PaymentActionInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()


@strawberry.input(description="A payment to give back, whole or in part.")
class RefundPaymentInput:
    id: strawberry.ID = strawberry.field(description=_ID)
    idempotency_key: str | None = _key()
    amount: MoneyInput | None = _given("How much; all that is left when absent.")
    reason: str | None = _given("Why, for the payment gateway's record.")
