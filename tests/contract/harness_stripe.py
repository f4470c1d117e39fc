"""Stripe's adapter, connected to its emulator over a generated world."""

from __future__ import annotations

import calendar
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.contracts.errors import Conflict, OutcomeUnknown, Rejected, Throttled, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, Money, PaymentFailure, PaymentMethod
from adapters.contracts.vocabulary import PaymentStatus, RecordType
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import AddressFact, CardFact, CustomerFact, PaymentFact
from adapters.stripe.emulator import EMULATOR
from adapters.stripe.emulator.objects import Objects
from adapters.stripe.manifest import MANIFEST
from tests.contract.harness import FilterCase, Harness, Sample
from tests.contract.writes_stripe import stripe_writes
from tests.support.server import serving

PLACES = {"USD": 2, "EUR": 2, "JPY": 0}
RETRYABLE = {
    "insufficient_funds": True,
    "processing_error": True,
    "expired_card": False,
    "debit_not_authorized": False,
}


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    """A world of 40 customers; one payment has a status that the adapter's table does not know."""
    world = generate(seed=7, customers=40, today=date(2026, 11, 20))
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    customers = [fact for fact in world.customers if fact.payments_id is not None]
    payments = list(world.payments)
    odd = _give_unknown_status(Objects(store), payments[0].id)
    front = EMULATOR.serve(store)
    with serving(front) as base_url:
        settings = MANIFEST.settings.model_validate(EMULATOR.settings(base_url))
        wrong = MANIFEST.settings.model_validate({**EMULATOR.settings(base_url), "api_key": "sk_test_wrong"})
        yield Harness(
            name="stripe",
            connect=lambda **changes: MANIFEST.connect("payments", settings.model_copy(update=changes)),
            front=front,
            samples={
                RecordType.CUSTOMER: [Sample(str(fact.payments_id), _customer(fact)) for fact in customers],
                RecordType.PAYMENT: [Sample(fact.id, _payment(fact)) for fact in _varied(payments[1:])],
            },
            totals={RecordType.CUSTOMER: len(customers), RecordType.PAYMENT: len(payments)},
            links={(RecordType.PAYMENT, "customer_in_payments"): _by_customer(customers, payments)},
            filters=_filters(customers, payments),
            unknown_status=(RecordType.PAYMENT, odd),
            absent_id={RecordType.CUSTOMER: "cus_NoSuchCustomer", RecordType.PAYMENT: "pi_NoSuchIntent"},
            api_path="/v1/",
            bulk=False,
            wrong_credentials=lambda: MANIFEST.connect("payments", wrong),
            errors=[
                (400, Rejected),
                (401, Unauthorised),
                (403, Unauthorised),
                (409, Conflict),
                (429, Throttled),
                (500, OutcomeUnknown),
                (503, OutcomeUnknown),
            ],
            writes=stripe_writes(base_url, world),
        )
    store.close()


def _give_unknown_status(objects: Objects, id: str) -> str:
    intent = objects.get("payment_intent", id)
    assert intent is not None
    objects.replace({**intent, "status": "requires_review"})
    return id


def _varied(payments: list[PaymentFact]) -> list[PaymentFact]:
    """Some of every status and every kind of method."""
    chosen: dict[tuple[Any, ...], list[PaymentFact]] = defaultdict(list)
    for fact in payments:
        code = fact.failure and (fact.failure[1] or fact.failure[0])
        chosen[fact.status, fact.method.kind, fact.customer.currency, code].append(fact)
    return [fact for group in chosen.values() for fact in group[:2]]


def _filters(customers: list[CustomerFact], payments: list[PaymentFact]) -> list[FilterCase]:
    middle = sorted(fact.created_at for fact in payments)[len(payments) // 2]
    email = customers[3].email
    return [
        FilterCase(
            RecordType.PAYMENT,
            "created_at",
            Op.SINCE,
            middle,
            frozenset(fact.id for fact in payments if fact.created_at >= middle),
        ),
        FilterCase(
            RecordType.CUSTOMER,
            "email",
            Op.IN,
            (email,),
            frozenset(str(fact.payments_id) for fact in customers if fact.email == email),
        ),
    ]


def _by_customer(customers: list[CustomerFact], payments: list[PaymentFact]) -> dict[str, list[str]]:
    """Newest first, as Stripe lists them."""
    found: dict[str, list[str]] = {str(fact.payments_id): [] for fact in customers}
    for fact in sorted(payments, key=lambda fact: fact.created_at):
        found[str(fact.customer.payments_id)].insert(0, fact.id)
    return found


def _customer(fact: CustomerFact) -> dict[str, Any]:
    method = fact.payment_method
    return {
        "id": fact.payments_id,
        "customer_in_crm": fact.crm_id,
        "payment_methods": [] if method is None else [_method(method)],
        "delinquent": fact.delinquent,
        "name": fact.name,
        "email": fact.email,
        "phone": fact.phone,
        "currency": fact.currency,
        "billing_address": _address(fact.billing),
        "shipping_address": _address(fact.shipping),
        "created_at": _to_the_second(fact.created_at),
    }


def _payment(fact: PaymentFact) -> dict[str, Any]:
    failure = None
    if fact.failure is not None:
        code, decline_code, message = fact.failure
        failure = PaymentFailure(decline_code or code, message, RETRYABLE.get(decline_code or code))
    return {
        "id": fact.id,
        "customer_in_payments": fact.customer.payments_id,
        "invoice_in_erp": str(fact.invoice.id),
        "customer_in_crm": fact.customer.crm_id,
        "status": fact.status,
        "amount": _money(fact.amount_minor, fact.customer.currency),
        "amount_refunded": _money(fact.refunded_minor, fact.customer.currency),
        "method": _method(fact.method),
        "failure": failure if fact.status is PaymentStatus.FAILED else None,
        "created_at": _to_the_second(fact.created_at),
    }


def _money(amount_minor: int, currency: str) -> Money:
    return Money(Decimal(amount_minor) / 10 ** PLACES[currency], currency)


def _method(fact: CardFact) -> PaymentMethod:
    expires_on = None
    if fact.exp_year is not None and fact.exp_month is not None:
        last = calendar.monthrange(fact.exp_year, fact.exp_month)[1]
        expires_on = date(fact.exp_year, fact.exp_month, last)
    return PaymentMethod(fact.kind, fact.brand, fact.last4, expires_on)


def _address(fact: AddressFact) -> Address:
    return Address(fact.line1, fact.line2, fact.city, fact.region, fact.postal_code, fact.country)


def _to_the_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
