"""What the graph must say of the world's facts, as it stands on the wire: worked out here alone."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.contracts.vocabulary import InvoiceStatus, PaymentStatus, SubscriptionStatus
from adapters.emulation.world import (
    AddressFact,
    CardFact,
    ContractFact,
    CustomerFact,
    InvoiceFact,
    LegalEntityFact,
    PaymentFact,
    PersonFact,
    SubscriptionFact,
    World,
)

_I, _S = InvoiceStatus, SubscriptionStatus

PLACES = {"USD": 2, "EUR": 2, "JPY": 0}
OWED = (_I.OPEN, _I.PARTIALLY_PAID, _I.OVERDUE)
SUBSCRIPTION_STATUSES: Mapping[SubscriptionStatus, SubscriptionStatus] = {
    status: status for status in _S if status is not _S.UNKNOWN
} | {_S.SUSPENDED: _S.PAUSED, _S.EXPIRED: _S.CANCELLED}
"""Chargebee has neither suspension nor expiry: there a subscription is paused, or cancelled."""

RUNNING = (_S.ACTIVE, _S.NON_RENEWING)
"""Facts that are billed; what is paused in Chargebee brings nothing yet."""

PRICE_NAMES = {1: "Monthly", 3: "Every-3-months", 12: "Yearly"}
RETRYABLE = {
    "insufficient_funds": True,
    "processing_error": True,
    "expired_card": False,
    "debit_not_authorized": False,
}
"""By decline code or, without one, error code: https://docs.stripe.com/declines/codes. Others are unknown."""


def money(minor: int | Decimal, currency: str) -> dict[str, str]:
    places = PLACES[currency]
    amount = (Decimal(minor) / 10**places).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return {"amount": f"{amount:f}", "currency": currency}


def to_the_millisecond(moment: datetime) -> datetime:
    """Salesforce keeps milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def wire_time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_the_second(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment.replace(microsecond=0))


def wire_day(day: date | datetime | None) -> str | None:
    if isinstance(day, datetime):
        day = day.date()
    return None if day is None else day.isoformat()


def plan_code(fact: SubscriptionFact) -> str:
    """The code of the plan's price in Chargebee."""
    family = fact.plan.code.split("-")[0]
    return f"{family}-{fact.customer.currency}-{PRICE_NAMES[fact.plan.period_months]}"


def invoice_status(fact: InvoiceFact) -> InvoiceStatus:
    """As of today, which may be a day later than the world was made for."""
    if fact.status not in OWED:
        return fact.status
    if fact.due_on < datetime.now(UTC).date():
        return _I.OVERDUE
    return _I.PARTIALLY_PAID if fact.paid_minor else _I.OPEN


def monthly_minor(fact: SubscriptionFact) -> Decimal:
    price = Decimal(fact.plan.unit_price_minor[fact.customer.currency])
    return (price * fact.quantity / fact.plan.period_months).quantize(Decimal(1), ROUND_HALF_EVEN)


def person(fact: PersonFact) -> dict[str, Any]:
    return {"name": fact.name, "email": fact.email, "phone": fact.phone, "title": fact.title}


def address(fact: AddressFact) -> dict[str, Any]:
    return {
        "line1": fact.line1,
        "line2": fact.line2,
        "city": fact.city,
        "region": fact.region,
        "postalCode": fact.postal_code,
        "country": fact.country,
    }


def legal_entity(fact: LegalEntityFact) -> dict[str, Any]:
    return {"code": fact.code, "name": fact.name, "country": fact.country, "currency": fact.currency}


def payment_method(fact: CardFact) -> dict[str, Any]:
    expires_on = None
    if fact.exp_year is not None and fact.exp_month is not None:
        last_day = calendar.monthrange(fact.exp_year, fact.exp_month)[1]
        expires_on = date(fact.exp_year, fact.exp_month, last_day).isoformat()
    return {"kind": fact.kind.value, "brand": fact.brand, "last4": fact.last4, "expiresOn": expires_on}


def customer(fact: CustomerFact, world: World) -> dict[str, Any]:
    """Of a customer with at most one record in the ERP."""
    return {
        "name": fact.name,
        "status": fact.status.value,
        "segment": fact.segment,
        "industry": fact.industry,
        "website": fact.website,
        "phone": fact.phone,
        "email": fact.email,
        "accountManager": person(fact.account_manager),
        "contacts": [person(contact) for contact in fact.contacts],
        "shippingAddress": address(fact.shipping),
        "createdAt": wire_time(to_the_millisecond(fact.created_at)),
        "updatedAt": wire_time(to_the_millisecond(fact.updated_at)),
        **(
            _in_erp(fact, world)
            if fact.erp_ids
            else dict.fromkeys(
                ("legalName", "legalEntity", "taxId", "billingAddress", "currency", "receivables")
            )
        ),
        "paymentMethods": None
        if fact.payments_id is None
        else [payment_method(fact.payment_method)]
        if fact.payment_method
        else [],
        "delinquent": None if fact.payments_id is None else fact.delinquent,
        "recurringRevenue": _recurring_revenue(fact, world.subscriptions),
    }


def _in_erp(fact: CustomerFact, world: World) -> dict[str, Any]:
    today = world.today
    owed = [
        (invoice.total_minor - invoice.paid_minor, invoice.due_on < today)
        for invoice in world.invoices
        if invoice.customer is fact and invoice.status in OWED
    ]
    return {
        "legalName": fact.legal_name,
        "legalEntity": legal_entity(fact.entity),
        "taxId": fact.tax_id,
        "billingAddress": address(fact.billing),
        "currency": fact.currency,
        "receivables": {
            "balance": money(sum(minor for minor, _ in owed), fact.currency),
            "overdue": money(sum(minor for minor, late in owed if late), fact.currency),
            "creditLimit": money(fact.credit_limit_minor, fact.currency),
            "paymentTermsDays": fact.payment_terms_days,
            "onHold": fact.on_hold,
        },
    }


def _recurring_revenue(
    fact: CustomerFact, subscriptions: Iterable[SubscriptionFact]
) -> dict[str, str] | None:
    running = [each for each in subscriptions if each.customer is fact and each.status in RUNNING]
    if not running:
        return None
    return money(sum(map(monthly_minor, running), Decimal(0)), fact.currency)


def subscription(fact: SubscriptionFact) -> dict[str, Any]:
    currency = fact.customer.currency
    future = fact.status is _S.FUTURE
    ended = fact.term_end if fact.status is _S.EXPIRED else fact.cancelled_at
    return {
        "number": fact.id,
        "status": SUBSCRIPTION_STATUSES[fact.status].value,
        "plan": {
            "code": plan_code(fact),
            "name": None,
            "billingPeriodMonths": fact.plan.period_months,
        },
        "quantity": fact.quantity,
        "unitPrice": money(fact.plan.unit_price_minor[currency], currency),
        "recurringRevenue": money(monthly_minor(fact), currency),
        "startedOn": wire_day(fact.started_at),
        "trialEndsOn": wire_day(fact.trial_end),
        # The last second of a term is the one before the next bill.
        "currentTerm": None
        if future
        else {
            "startsOn": wire_day(fact.term_start),
            "endsOn": wire_day(fact.term_end - timedelta(seconds=1)),
        },
        "nextBillingOn": wire_day(fact.next_billing_at),
        "cancelledOn": wire_day(ended),
        "updatedAt": to_the_second(fact.updated_at),
        "contract": None if fact.contract is None else contract(fact.contract),
    }


def contract(fact: ContractFact) -> dict[str, Any]:
    return {
        "number": fact.number,
        "termMonths": fact.term_months,
        "autoRenew": fact.auto_renew,
        "renewsOn": wire_day(fact.renews_on),
        "signedOn": wire_day(fact.signed_on),
    }


def invoice(fact: InvoiceFact) -> dict[str, Any]:
    currency = fact.customer.currency
    closed = fact.status in (_I.VOID, _I.WRITTEN_OFF)
    return {
        "number": fact.number,
        "status": invoice_status(fact).value,
        "legalEntity": legal_entity(fact.customer.entity),
        "subtotal": money(fact.subtotal_minor, currency),
        "tax": money(fact.tax_minor, currency),
        "total": money(fact.total_minor, currency),
        "amountPaid": money(fact.paid_minor, currency),
        "amountDue": money(0 if closed else fact.total_minor - fact.paid_minor, currency),
        "issuedOn": wire_day(fact.issued_on),
        "dueOn": wire_day(fact.due_on),
        "postedAt": to_the_second(fact.posted_at),
        "memo": fact.memo,
        "lines": [
            {
                "description": line.description,
                "quantity": str(line.quantity),
                "unitPrice": money(line.unit_minor, currency),
                "amount": money(line.amount_minor, currency),
            }
            for line in fact.lines
        ],
        "updatedAt": to_the_second(fact.updated_at),
    }


def payment(fact: PaymentFact) -> dict[str, Any]:
    currency = fact.customer.currency
    failure = None
    if fact.failure is not None and fact.status is PaymentStatus.FAILED:
        code, decline_code, message = fact.failure
        known = decline_code or code
        failure = {"code": known, "message": message, "retryable": RETRYABLE.get(known)}
    ledger_entry = None
    if fact.ledger_id is not None:
        ledger_entry = {
            "number": fact.ledger_number,
            "postedOn": wire_day(fact.created_at),
            "account": "1100 Undeposited Funds",
        }
    return {
        "status": fact.status.value,
        "amount": money(fact.amount_minor, currency),
        "amountRefunded": money(fact.refunded_minor, currency),
        "method": payment_method(fact.method),
        "failure": failure,
        "createdAt": to_the_second(fact.created_at),
        "ledgerEntry": ledger_entry,
    }
