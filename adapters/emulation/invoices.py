"""The invoices of a generated world, and the payments that settle them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from adapters.contracts.vocabulary import InvoiceStatus, SubscriptionStatus
from adapters.emulation.customers import MINOR_PER_UNIT, start_of
from adapters.emulation.deck import Deck
from adapters.emulation.ids import alphanumeric
from adapters.emulation.payments import Attempt, Attempts
from adapters.emulation.subscriptions import Billed
from adapters.emulation.world import InvoiceFact, LineFact, PaymentFact, SubscriptionFact

TAX_BASIS_POINTS = {"US": 825, "DE": 1900, "JP": 1000}
"""By the country of the billing address."""

FIRST_TRANSACTION_ID = 100_000
"""Invoices have the even ids from here on, customer payments the odd: they share one table of the ERP."""

_S = InvoiceStatus
_NO_MONEY = (_S.DRAFT, _S.PENDING_APPROVAL, _S.VOID, _S.WRITTEN_OFF)
_PARTLY = (_S.OVERDUE, _S.PARTIALLY_PAID)
_AGES: tuple[tuple[int, dict[InvoiceStatus, int]], ...] = (
    (121, {_S.PAID: 96, _S.VOID: 2, _S.WRITTEN_OFF: 1, _S.OVERDUE: 1}),
    (1, {_S.PAID: 33, _S.OVERDUE: 6, _S.VOID: 1}),
)
"""What becomes of invoices that many days past due, or more."""

_FRESH_DAYS = 10
_FRESH = {_S.DRAFT: 1, _S.PENDING_APPROVAL: 1, _S.OPEN: 3, _S.PAID: 2}
_RUNNING = {_S.OPEN: 5, _S.PARTIALLY_PAID: 1, _S.PAID: 8}
_MEMOS = (
    "Per the customer's purchase order",
    "PO 45-0098 / cost centre 7100",
    "Bitte Bestellnummer angeben – Kostenstelle 7100",
    "請求書の送付先：経理部",
    'Quote "Q-2041", agreed with O\'Brien',
)


@dataclass(slots=True)
class _Draft:
    """An invoice before it has its number, which goes by the date of issue."""

    subscription: SubscriptionFact
    is_first: bool
    issued_at: datetime
    due_on: date
    status: InvoiceStatus
    dunned: bool


def make_invoices(
    rng: Random, billed: Iterable[Billed], today: date
) -> tuple[list[InvoiceFact], list[PaymentFact]]:
    """The invoices of every billing period begun, by date of issue, and their payments, by time.

    Only for customers whom the ERP knows. Customers whom the payment gateway does not know pay by wire:
    their invoices are paid without a payment. ``paid_minor`` is the sum of the payments that arrived,
    refunded and disputed ones included: what was given back is not owed again.
    """
    now = start_of(today)
    drafts = sorted(_drafts(rng, billed, today), key=lambda draft: draft.issued_at)
    attempts = Attempts(rng, now)
    numbers = dict.fromkeys(TAX_BASIS_POINTS, 0)
    invoices: list[InvoiceFact] = []
    arrivals: list[tuple[InvoiceFact, Attempt]] = []
    for place, draft in enumerate(drafts):
        customer = draft.subscription.customer
        numbers[customer.entity.country] += 1
        invoice, made = _invoice(rng, draft, attempts, now, 2 * place, numbers[customer.entity.country])
        invoices.append(invoice)
        arrivals.extend((invoice, attempt) for attempt in made)
    arrivals.sort(key=lambda arrival: arrival[1].at)
    return invoices, list(_payments(rng, arrivals))


def _drafts(rng: Random, billed: Iterable[Billed], today: date) -> Iterator[_Draft]:
    decks = [(days, Deck(rng, counts)) for days, counts in _AGES]
    fresh, running = Deck(rng, _FRESH), Deck(rng, _RUNNING)
    dunned: set[int] = set()
    for entry in billed:
        subscription = entry.subscription
        customer = subscription.customer
        if not customer.erp_ids:
            continue
        suspended = subscription.status is SubscriptionStatus.SUSPENDED
        for place, issued_at in reversed(tuple(enumerate(entry.period_starts))):
            due_on = issued_at.date() + timedelta(days=customer.payment_terms_days)
            past_due_days = (today - due_on).days
            unpaid = suspended and place >= len(entry.period_starts) - 2
            if past_due_days >= 1:
                if customer.delinquent and customer.index not in dunned:
                    dunned.add(customer.index)
                    unpaid = True
                deck = next(deck for days, deck in decks if past_due_days >= days)
                status = _S.OVERDUE if unpaid else deck.draw()
            else:
                is_fresh = (today - issued_at.date()).days <= _FRESH_DAYS
                status = _S.OPEN if unpaid else (fresh if is_fresh else running).draw()
            yield _Draft(subscription, place == 0, issued_at, due_on, status, dunned=unpaid)


def _invoice(
    rng: Random, draft: _Draft, attempts: Attempts, now: datetime, offset: int, number: int
) -> tuple[InvoiceFact, list[Attempt]]:
    subscription, status = draft.subscription, draft.status
    customer = subscription.customer
    lines = _lines(rng, draft)
    subtotal = sum(line.amount_minor for line in lines)
    tax = (subtotal * TAX_BASIS_POINTS[customer.billing.country] + 5_000) // 10_000
    total = subtotal + tax
    posted = status not in (_S.DRAFT, _S.PENDING_APPROVAL)
    posted_at = draft.issued_at + timedelta(seconds=rng.randint(30, 3600)) if posted else None

    paid = 0
    if status is _S.PAID:
        paid = total
    elif status is _S.PARTIALLY_PAID or (status is _S.OVERDUE and rng.random() < 0.2):
        paid = max(1, min(total - 1, total * rng.randint(20, 80) // 100))
    made: list[Attempt] = []
    if customer.payments_id is not None and posted_at is not None and status not in _NO_MONEY:
        made = attempts.settle(customer, status, posted_at, total, paid, dunned=draft.dunned)

    changed = [posted_at or draft.issued_at, *(attempt.at for attempt in made if attempt.arrived)]
    if status in (_S.VOID, _S.WRITTEN_OFF):
        due = start_of(draft.due_on) + timedelta(days=1)
        changed.append(due + (now - due) * rng.uniform(0.1, 0.9))
    invoice = InvoiceFact(
        id=FIRST_TRANSACTION_ID + offset,
        number=f"INV-{customer.entity.country}-{number:06d}",
        customer=customer,
        subscription=subscription,
        status=status,
        lines=lines,
        subtotal_minor=subtotal,
        tax_minor=tax,
        total_minor=total,
        paid_minor=paid,
        issued_on=draft.issued_at.date(),
        due_on=draft.due_on,
        posted_at=posted_at,
        memo=rng.choice(_MEMOS) if rng.random() < 0.15 else None,
        updated_at=max(changed).replace(microsecond=0),
    )
    return invoice, made


def _lines(rng: Random, draft: _Draft) -> tuple[LineFact, ...]:
    subscription = draft.subscription
    currency = subscription.customer.currency
    unit = subscription.plan.unit_price_minor[currency]
    base = LineFact(subscription.plan.name, subscription.quantity, unit, unit * subscription.quantity)
    lines = [base]
    if draft.is_first and rng.random() < 0.6:
        fee = 500 * MINOR_PER_UNIT[currency]
        lines.append(LineFact("Onboarding", 1, fee, fee))
    if rng.random() < 0.15:
        calls, price = rng.randint(1, 40), 2 * MINOR_PER_UNIT[currency]
        lines.append(LineFact("API calls above the plan, per 1,000", calls, price, calls * price))
    if rng.random() < 0.1:
        discount = -(base.amount_minor // 10)
        lines.append(LineFact("Loyalty discount 10%", 1, discount, discount))
    return tuple(lines)


def _payments(rng: Random, arrivals: Iterable[tuple[InvoiceFact, Attempt]]) -> Iterator[PaymentFact]:
    ledger = 0
    for invoice, attempt in arrivals:
        ledger += attempt.arrived
        yield PaymentFact(
            id=alphanumeric(rng, 24, "pi_"),
            charge_id=alphanumeric(rng, 24, "ch_"),
            customer=invoice.customer,
            invoice=invoice,
            status=attempt.status,
            amount_minor=attempt.amount_minor,
            refunded_minor=attempt.refunded_minor,
            method=attempt.method,
            failure=attempt.failure,
            created_at=attempt.at,
            ledger_id=FIRST_TRANSACTION_ID + 2 * ledger - 1 if attempt.arrived else None,
            ledger_number=f"PYMT{ledger:06d}" if attempt.arrived else None,
        )
