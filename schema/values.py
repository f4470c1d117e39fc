"""Composite values of the graph: shapes without identity, and pages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import strawberry

from adapters.contracts.vocabulary import PaymentMethodKind, System
from schema.directives import personal
from schema.scalars import URL, CountryCode, CurrencyCode


@strawberry.type(description="An exact amount with its currency.")
class Money:
    amount: Decimal = strawberry.field(description="Major units, exact.")
    currency: CurrencyCode = strawberry.field(description="ISO 4217.")


@strawberry.type(description="Somebody at the customer, or the customer's account manager.")
class Person:
    name: str | None = personal("Full name.")
    email: str | None = personal("E-mail address.")
    phone: str | None = personal("Telephone number, as the CRM has it.")
    title: str | None = personal("Job title.")


@strawberry.type(description="A postal address.")
class Address:
    line1: str | None = personal("Street and number.")
    line2: str | None = personal("What does not fit the first line.")
    city: str | None = strawberry.field(description="Town.")
    region: str | None = strawberry.field(description="State, province or prefecture.")
    postal_code: str | None = personal("Postal code.")
    country: CountryCode | None = strawberry.field(description="ISO 3166-1 alpha-2.")


@strawberry.type(description="The company's own entity that sells to this customer: an ERP subsidiary.")
class LegalEntity:
    code: str = strawberry.field(description="The entity's short code in the ERP.")
    name: str | None = strawberry.field(description="Registered name.")
    country: CountryCode | None = strawberry.field(description="Where it is registered.")
    currency: CurrencyCode | None = strawberry.field(description="Its base currency.")


@strawberry.type(description="What a customer owes, and on which terms.")
class Receivables:
    balance: Money | None = strawberry.field(description="Open amount of all posted invoices.")
    overdue: Money | None = strawberry.field(description="The part of the balance that is past due.")
    credit_limit: Money | None = strawberry.field(description="How much may be open at once.")
    payment_terms_days: int | None = strawberry.field(description="Days from invoice to due date.")
    on_hold: bool | None = strawberry.field(
        description="Whether the ERP has put the customer on credit hold."
    )


@strawberry.type(description="What is subscribed to.")
class Plan:
    code: str = strawberry.field(description="The plan's code in the subscription platform.")
    name: str | None = strawberry.field(description="Its name for people.")
    billing_period_months: int | None = strawberry.field(description="Months from one bill to the next.")


@strawberry.type(description="A span of days, both ends included.")
class Period:
    starts_on: date | None = strawberry.field(description="First day.")
    ends_on: date | None = strawberry.field(description="Last day.")


@strawberry.type(description="The commercial agreement behind a subscription.")
class ContractTerms:
    number: str | None = strawberry.field(description="The contract's number in the CRM.")
    term_months: int | None = strawberry.field(description="Length of the term.")
    auto_renew: bool | None = strawberry.field(description="Whether it renews by itself.")
    renews_on: date | None = strawberry.field(description="The day the next term begins.")
    signed_on: date | None = strawberry.field(description="The day the customer signed.")


@strawberry.type(description="One line of an invoice.")
class InvoiceLine:
    description: str | None = strawberry.field(description="What is charged for.")
    quantity: Decimal | None = strawberry.field(description="How much of it.")
    unit_price: Money | None = strawberry.field(description="Price of one.")
    amount: Money | None = strawberry.field(description="Net amount of the line.")


@strawberry.type(description="How a payment was or will be made.")
class PaymentMethod:
    kind: PaymentMethodKind = strawberry.field(description="Card, bank debit and so on.")
    brand: str | None = strawberry.field(description="Card brand or bank.")
    last4: str | None = personal("Last four digits.")
    expires_on: date | None = strawberry.field(description="The card's last valid day.")


@strawberry.type(description="Why a payment failed.")
class PaymentFailure:
    code: str | None = strawberry.field(description="The payment gateway's own code.")
    message: str | None = strawberry.field(description="Its words.")
    retryable: bool | None = strawberry.field(description="Whether trying again can help.")


@strawberry.type(description="The entry in the ERP's ledger that a payment became.")
class LedgerEntry:
    number: str | None = strawberry.field(description="Its number in the ERP.")
    posted_on: date | None = strawberry.field(description="The day it was posted.")
    account: str | None = strawberry.field(description="The account it was posted to.")


@strawberry.type(
    description="Where an object lives in one system, and how fresh the gateway's view of it is."
)
class SystemRecord:
    system: System = strawberry.field(description="The role.")
    connection: str = strawberry.field(description="The configured account of it.")
    record_id: str = strawberry.field(description="The record's id there.")
    url: URL | None = strawberry.field(description="Opens the record in that system.")
    as_of: datetime | None = strawberry.field(
        description="When the gateway last read it; null when this request did not."
    )
    stale: bool = strawberry.field(
        description="Whether the view shown is older than the system's answer would be."
    )


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether some come before; forward paging only.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge.")
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last edge; give it as `after` for the next page."
    )
