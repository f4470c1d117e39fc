"""The plans and subscriptions of a generated world, with their contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from adapters.contracts.vocabulary import CustomerStatus, SubscriptionStatus
from adapters.emulation.customers import start_of
from adapters.emulation.deck import Deck
from adapters.emulation.ids import alphanumeric, salesforce_id
from adapters.emulation.world import ContractFact, CustomerFact, PlanFact, SubscriptionFact

_FAMILIES = {
    "starter": ("Starter", {"USD": 1_900, "EUR": 1_800, "JPY": 2_600}),
    "team": ("Team", {"USD": 4_900, "EUR": 4_500, "JPY": 6_500}),
    "business": ("Business", {"USD": 9_950, "EUR": 9_250, "JPY": 13_200}),
    "enterprise": ("Enterprise", {"USD": 24_900, "EUR": 22_900, "JPY": 33_000}),
}
_PERIODS = {"monthly": ("Monthly", 1, 100), "quarterly": ("Quarterly", 3, 95), "annual": ("Annual", 12, 80)}
"""Name, months, and the price as a percentage of the monthly one."""

PLANS = tuple(
    PlanFact(
        code=f"{family}-{period}",
        name=f"{title} {period_title}",
        period_months=months,
        unit_price_minor={currency: price * months * percent // 100 for currency, price in prices.items()},
    )
    for family, (title, prices) in _FAMILIES.items()
    for period, (period_title, months, percent) in _PERIODS.items()
)

_S = SubscriptionStatus
_ENDED = (_S.CANCELLED, _S.EXPIRED)
_FIRST = {
    CustomerStatus.ACTIVE: {_S.ACTIVE: 1},
    CustomerStatus.SUSPENDED: {_S.SUSPENDED: 1},
    CustomerStatus.CHURNED: {_S.CANCELLED: 2, _S.EXPIRED: 1},
    CustomerStatus.PROSPECT: {_S.TRIAL: 1},
}
"""A customer's first subscription shows why the customer stands where it stands."""

_FURTHER = {
    CustomerStatus.ACTIVE: {
        _S.ACTIVE: 14, _S.CANCELLED: 2, _S.EXPIRED: 1, _S.NON_RENEWING: 1,
        _S.FUTURE: 1, _S.TRIAL: 1, _S.PAUSED: 1,
    },
    CustomerStatus.SUSPENDED: {_S.SUSPENDED: 2, _S.CANCELLED: 1},
    CustomerStatus.CHURNED: {_S.CANCELLED: 2, _S.EXPIRED: 1},
    CustomerStatus.PROSPECT: {_S.TRIAL: 1},
}  # fmt: skip
_COUNTS = {
    CustomerStatus.ACTIVE: {1: 3, 2: 4, 3: 6, 4: 5, 5: 4, 6: 1, 7: 1},
    CustomerStatus.SUSPENDED: {1: 1, 2: 1, 3: 1},
    CustomerStatus.CHURNED: {1: 1, 2: 1, 3: 1},
    CustomerStatus.PROSPECT: {0: 1, 1: 1},
}
SETTLING_DAYS = 30
"""Days between meeting a customer and the first subscription, its trial included."""

_MOST_TERMS = {1: 24, 3: 12, 12: 4}
"""Billing periods of the oldest subscriptions, by months of the period."""


@dataclass(frozen=True, slots=True)
class Billed:
    """A subscription and the instants at which a billing period began, oldest first."""

    subscription: SubscriptionFact
    period_starts: tuple[datetime, ...]


def add_months(moment: datetime, months: int) -> datetime:
    """The same day, months later. Days are kept to 28 throughout, so the day exists."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1)


def make_subscriptions(rng: Random, customers: Iterable[CustomerFact], today: date) -> list[Billed]:
    """The subscriptions of the customers that the billing platform knows, in the order of creation."""
    first = {status: Deck(rng, counts) for status, counts in _FIRST.items()}
    further = {status: Deck(rng, counts) for status, counts in _FURTHER.items()}
    counts = {status: Deck(rng, cards) for status, cards in _COUNTS.items()}
    plans = Deck(rng, {plan: {1: 6, 3: 2, 12: 2}[plan.period_months] for plan in PLANS})
    billed: list[Billed] = []
    for customer in customers:
        if customer.billing_id is not None:
            for place in range(counts[customer.status].draw()):
                status = (further if place else first)[customer.status].draw()
                plan, known_days = plans.draw(), (start_of(today) - customer.created_at).days
                while _days(plan) + SETTLING_DAYS > known_days:
                    plan = plans.draw()
                billed.append(_subscribe(rng, customer, plan, status, start_of(today)))
    billed.sort(key=lambda entry: (entry.subscription.created_at, entry.subscription.id))
    return list(_with_contracts(rng, billed, today))


def _subscribe(
    rng: Random, customer: CustomerFact, plan: PlanFact, status: SubscriptionStatus, now: datetime
) -> Billed:
    months = plan.period_months
    quantity = rng.choice((1, 2, 3, 5, 5, 8, 10, 10, 15, 20, 25, 40, 75, 120))
    known_days = (now - customer.created_at).days - SETTLING_DAYS
    clock = timedelta(seconds=rng.randint(6 * 3600, 20 * 3600))
    trial_end = next_billing_at = cancelled_at = None
    starts: list[datetime] = []

    if status is _S.FUTURE:
        created_at = now - timedelta(days=rng.randint(1, 40)) + clock
        started_at = term_start = _month_safe(now + timedelta(days=rng.randint(5, 60))) + clock
        next_billing_at, term_end, updated_at = started_at, add_months(term_start, months), created_at
    elif status is _S.TRIAL:
        created_at = started_at = term_start = now - timedelta(days=rng.randint(1, 13)) + clock
        trial_end = next_billing_at = term_end = now + timedelta(days=rng.randint(1, 17)) + clock
        updated_at = created_at
    else:
        if status in _ENDED:
            ended_days = rng.randint(1, min(400, known_days - _days(plan) + 1))
            term_end = _month_safe(now - timedelta(days=ended_days)) + clock
            term_start = add_months(term_end, -months)
        else:
            # 27 days a month: such a period has not ended yet in the shortest February.
            term_start = (
                _month_safe(now - timedelta(days=rng.randint(1, min(27 * months - 1, known_days)))) + clock
            )
            term_end = add_months(term_start, months)
        starts = [term_start]
        for _ in range(rng.randint(1, _MOST_TERMS[months]) - 1):
            earlier = add_months(starts[-1], -months)
            if earlier - timedelta(days=15) < customer.created_at:
                break
            starts.append(earlier)
        starts.reverse()
        started_at = starts[0]
        if rng.random() < 0.2:
            trial_end, started_at = started_at, started_at - timedelta(days=14)
        created_at = started_at
        updated_at = term_start + timedelta(minutes=1)
        if status is _S.CANCELLED:
            cancelled_at = term_end = _between(rng, term_start, term_end)
            updated_at = cancelled_at
        elif status is _S.EXPIRED:
            updated_at = term_end
        elif status is _S.ACTIVE:
            next_billing_at = term_end
        else:
            cancelled_at = term_end if status is _S.NON_RENEWING else None
            updated_at = _between(rng, term_start, now)
    subscription = SubscriptionFact(
        id=alphanumeric(rng, 16),
        customer=customer,
        plan=plan,
        status=status,
        quantity=quantity,
        started_at=started_at,
        trial_end=trial_end,
        term_start=term_start,
        term_end=term_end,
        next_billing_at=next_billing_at,
        cancelled_at=cancelled_at,
        created_at=created_at,
        updated_at=updated_at,
        contract=None,
    )
    return Billed(subscription, tuple(starts))


def _days(plan: PlanFact) -> int:
    """The most days that a period of the plan can have."""
    return 31 * plan.period_months


def _with_contracts(rng: Random, billed: list[Billed], today: date) -> Iterator[Billed]:
    serial = 61_000_000
    for number, entry in enumerate(billed, start=1):
        subscription = entry.subscription
        if subscription.status is _S.TRIAL or rng.random() < 0.15:
            yield entry
            continue
        serial += rng.randint(1, 500)
        term_months = rng.choice((12, 12, 24, 36))
        starts_on = _month_safe(subscription.started_at)
        renews_on = add_months(starts_on, term_months)
        runs_until = subscription.term_end.date() if subscription.status in _ENDED else today
        while renews_on.date() <= runs_until:
            renews_on = add_months(renews_on, term_months)
        contract = ContractFact(
            crm_id=salesforce_id("800", serial),
            number=f"{number:08d}",
            term_months=term_months,
            auto_renew=subscription.status not in (*_ENDED, _S.NON_RENEWING),
            starts_on=starts_on.date(),
            renews_on=renews_on.date(),
            signed_on=min(starts_on, subscription.created_at).date() - timedelta(days=rng.randint(0, 9)),
        )
        yield Billed(replace(subscription, contract=contract), entry.period_starts)


def _month_safe(moment: datetime) -> datetime:
    """Midnight of the day, or of the 28th where the day is one that not every month has."""
    return moment.replace(day=min(moment.day, 28), hour=0, minute=0, second=0, microsecond=0)


def _between(rng: Random, start: datetime, end: datetime) -> datetime:
    """A whole second between the two, neither end included."""
    span_s = int((end - start).total_seconds())
    return start + timedelta(seconds=rng.randint(1, max(1, span_s - 1)))
