"""Chargebee in the contract suite: the adapter against its emulator, seeded with a generated world."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.manifest import MANIFEST
from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import NotFound, OutcomeUnknown, Rejected, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, Money, Period, Plan
from adapters.contracts.vocabulary import RecordType, SubscriptionStatus
from adapters.contracts.writes import Verb, Write
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import CustomerFact, SubscriptionFact, World
from tests.contract.harness import FilterCase, Harness, Sample, WriteCase
from tests.support.server import serving

S = SubscriptionStatus
C, SUB = RecordType.CUSTOMER, RecordType.SUBSCRIPTION

# What Chargebee can say of a fact: it has neither suspension nor expiry.
SAID = {status: status for status in S} | {S.SUSPENDED: S.PAUSED, S.EXPIRED: S.CANCELLED}
PRICE_NAMES = {1: "Monthly", 3: "Every-3-months", 12: "Yearly"}
PLACES = {"JPY": 0}


def money(minor: Decimal | int, currency: str) -> Money:
    places = PLACES.get(currency, 2)
    return Money((Decimal(minor) / 10**places).quantize(Decimal(1).scaleb(-places)), currency)


def plan_code(fact: SubscriptionFact) -> str:
    family = fact.plan.code.split("-")[0]
    return f"{family}-{fact.customer.currency}-{PRICE_NAMES[fact.plan.period_months]}"


def subscription_sample(fact: SubscriptionFact) -> Sample:
    currency, months = fact.customer.currency, fact.plan.period_months
    price = fact.plan.unit_price_minor[currency]
    monthly = (Decimal(price) * fact.quantity / months).quantize(Decimal(1), ROUND_HALF_EVEN)
    last = fact.term_end - timedelta(seconds=1)
    ended = fact.term_end if fact.status is S.EXPIRED else fact.cancelled_at
    future = fact.status is S.FUTURE
    return Sample(
        fact.id,
        {
            "id": fact.id,
            "customer_in_subscriptions": fact.customer.billing_id,
            "customer_in_crm": fact.customer.crm_id,
            "number": fact.id,
            "status": SAID[fact.status],
            "plan": Plan(plan_code(fact), None, months),
            "plan_code": plan_code(fact),
            "quantity": fact.quantity,
            "unit_price": money(price, currency),
            "recurring_revenue": money(monthly, currency),
            "started_on": fact.started_at.date(),
            "trial_ends_on": fact.trial_end.date() if fact.trial_end else None,
            "current_term": None if future else Period(fact.term_start.date(), last.date()),
            "next_billing_on": fact.next_billing_at.date() if fact.next_billing_at else None,
            "cancelled_on": ended.date() if ended else None,
            "created_at": fact.created_at,
            "updated_at": fact.updated_at,
        },
    )


def customer_sample(fact: CustomerFact) -> Sample:
    assert fact.billing_id is not None
    return Sample(
        fact.billing_id,
        {
            "id": fact.billing_id,
            "customer_in_crm": fact.crm_id,
            "name": fact.name,
            "email": fact.email,
            "phone": fact.phone,
            "billing_address": Address(
                fact.billing.line1,
                fact.billing.line2,
                fact.billing.city,
                fact.billing.region,
                fact.billing.postal_code,
                fact.billing.country,
            ),
            "tax_id": fact.tax_id,
            "currency": fact.currency,
            "created_at": fact.created_at,
            "updated_at": fact.updated_at,
        },
    )


def filter_cases(world: World) -> list[FilterCase]:
    facts = world.subscriptions

    def those(holds: Any) -> frozenset[str]:
        return frozenset(fact.id for fact in facts if holds(fact))

    day: date = world.today + timedelta(days=20)
    codes = tuple(sorted({plan_code(fact) for fact in facts}))[:3]
    changed = sorted(fact.updated_at for fact in facts)[len(facts) // 2]
    known = [customer for customer in world.customers if customer.billing_id]
    billed_before = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [
        *(
            FilterCase(SUB, "status", Op.IN, wanted, those(lambda fact, w=wanted: SAID[fact.status] in w))
            for wanted in ((S.ACTIVE,), (S.CANCELLED, S.PAUSED), (S.TRIAL, S.FUTURE, S.NON_RENEWING))
        ),
        FilterCase(SUB, "plan_code", Op.IN, codes, those(lambda fact: plan_code(fact) in codes)),
        FilterCase(
            SUB,
            "next_billing_on",
            Op.BEFORE,
            day,
            those(lambda fact: fact.next_billing_at and fact.next_billing_at < billed_before),
        ),
        FilterCase(SUB, "updated_at", Op.SINCE, changed, those(lambda fact: fact.updated_at >= changed)),
        FilterCase(
            C,
            "email",
            Op.IN,
            (known[0].email, known[3].email),
            frozenset(fact.billing_id for fact in known if fact.email in (known[0].email, known[3].email)),
        ),
    ]


class Desk:
    """Subscriptions of their own for the writes: copies of seeded ones, in the status that is asked for."""

    def __init__(self, store: sqlite3.Connection, world: World) -> None:
        self._store = store
        self._facts = {fact.status: fact for fact in reversed(world.subscriptions[:-1])}
        self._count = 0

    def one(self, status: SubscriptionStatus) -> str:
        self._count += 1
        record_id = f"AzWritten{self._count}"
        self._store.execute(
            "INSERT INTO chargebee_subscription (id, document)"
            " SELECT ?, json_set(document, '$.id', ?) FROM chargebee_subscription WHERE id = ?",
            (record_id, record_id, self._facts[status].id),
        )
        return record_id

    def currency(self, status: SubscriptionStatus) -> str:
        return self._facts[status].customer.currency

    def code(self, status: SubscriptionStatus) -> str:
        return plan_code(self._facts[status])

    def quantity(self, status: SubscriptionStatus) -> int:
        return self._facts[status].quantity


def write_cases(store: sqlite3.Connection, world: World) -> list[WriteCase]:
    desk = Desk(store, world)
    codes = [f"{family}-{desk.currency(S.ACTIVE)}-Yearly" for family in ("enterprise", "team")]
    code = next(code for code in codes if code != desk.code(S.ACTIVE))
    quantity = desk.quantity(S.ACTIVE) + 7
    elsewhere = f"team-{'USD' if desk.currency(S.ACTIVE) != 'USD' else 'EUR'}-Monthly"

    def at(status: SubscriptionStatus, verb: Verb, **options: Any) -> Callable[[str], Write]:
        return lambda key: Write(verb, desk.one(status), key, options=options)

    def amend(status: SubscriptionStatus, effective: str, **changes: Any) -> Callable[[str], Write]:
        return lambda key: Write(
            Verb.AMEND_SUBSCRIPTION, desk.one(status), key, changes, {"effective": effective}
        )

    def reads(**expected: Any) -> Callable[[Write], Mapping[str, Any]]:
        return lambda write: {"id": write.record_id, **expected}

    now: dict[str, Any] = {"effective": "NOW"}
    later: dict[str, Any] = {"effective": "END_OF_TERM"}
    return [
        WriteCase(
            "amend plan and quantity now",
            amend(S.ACTIVE, "NOW", plan_code=code, quantity=quantity),
            reads(plan_code=code, quantity=quantity, plan=Plan(code, None, 12), status=S.ACTIVE),
            refused=amend(S.ACTIVE, "NOW", plan_code="no-such-price", quantity=1),
            wrong_state=amend(S.PAUSED, "NOW", quantity=quantity),
            path="/update_for_items",
        ),
        WriteCase(
            "amend the quantity now",
            amend(S.ACTIVE, "NOW", quantity=quantity),
            reads(plan_code=desk.code(S.ACTIVE), quantity=quantity),
            refused=amend(S.ACTIVE, "NOW", quantity=0),
            path="/update_for_items",
        ),
        WriteCase(
            "amend the plan now",
            amend(S.ACTIVE, "NOW", plan_code=code),
            reads(plan_code=code, quantity=desk.quantity(S.ACTIVE)),
            refused=amend(S.ACTIVE, "NOW", plan_code=elsewhere),
            path="/update_for_items",
        ),
        WriteCase(
            "amend at the end of the term",
            amend(S.ACTIVE, "END_OF_TERM", plan_code=code, quantity=quantity),
            reads(plan_code=desk.code(S.ACTIVE), quantity=desk.quantity(S.ACTIVE)),
            refused=amend(S.ACTIVE, "END_OF_TERM", plan_code=code, quantity=-1),
            wrong_state=amend(S.CANCELLED, "END_OF_TERM", quantity=quantity),
            path="/update_for_items",
        ),
        WriteCase(
            "amend what is cancelled",
            amend(S.CANCELLED, "NOW", quantity=desk.quantity(S.CANCELLED) + 1),
            reads(status=S.CANCELLED, quantity=desk.quantity(S.CANCELLED) + 1),
            path="/update_for_items",
        ),
        WriteCase(
            "pause",
            at(S.ACTIVE, Verb.PAUSE_SUBSCRIPTION),
            reads(status=S.PAUSED, next_billing_on=None),
            wrong_state=at(S.FUTURE, Verb.PAUSE_SUBSCRIPTION),
            path="/pause",
        ),
        WriteCase(
            "resume",
            at(S.PAUSED, Verb.RESUME_SUBSCRIPTION),
            reads(status=S.ACTIVE),
            wrong_state=at(S.CANCELLED, Verb.RESUME_SUBSCRIPTION),
            path="/resume",
        ),
        WriteCase(
            "cancel now",
            at(S.ACTIVE, Verb.CANCEL_SUBSCRIPTION, **now, reason="Too expensive"),
            reads(status=S.CANCELLED, cancelled_on=datetime.now(UTC).date(), next_billing_on=None),
            wrong_state=at(S.CANCELLED, Verb.CANCEL_SUBSCRIPTION, **now),
            path="/cancel_for_items",
        ),
        WriteCase(
            "cancel at the end of the term",
            at(S.ACTIVE, Verb.CANCEL_SUBSCRIPTION, **later, reason="in words of their own"),
            reads(status=S.NON_RENEWING, next_billing_on=None),
            wrong_state=at(S.NON_RENEWING, Verb.CANCEL_SUBSCRIPTION, **later),
            path="/cancel_for_items",
        ),
        WriteCase(
            "cancel at the end of the trial",
            at(S.TRIAL, Verb.CANCEL_SUBSCRIPTION, **later),
            reads(status=S.TRIAL, next_billing_on=None),
            wrong_state=at(S.FUTURE, Verb.CANCEL_SUBSCRIPTION, **later),
            path="/cancel_for_items",
        ),
        WriteCase(
            "reactivate what is cancelled",
            at(S.CANCELLED, Verb.REACTIVATE_SUBSCRIPTION),
            reads(status=S.ACTIVE, cancelled_on=None),
            wrong_state=at(S.ACTIVE, Verb.REACTIVATE_SUBSCRIPTION),
            path="/reactivate",
        ),
        WriteCase(
            "reactivate what is to end",
            at(S.NON_RENEWING, Verb.REACTIVATE_SUBSCRIPTION),
            reads(status=S.ACTIVE, cancelled_on=None),
            wrong_state=at(S.PAUSED, Verb.REACTIVATE_SUBSCRIPTION),
            path="/remove_scheduled_cancellation",
        ),
    ]


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    """Starts the emulator with 40 customers, and one subscription that was moved to another entity."""
    world = generate(seed=7, customers=40)
    moved = world.subscriptions[-1]
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    store.execute(
        "UPDATE chargebee_subscription SET document = json_set(document, '$.status', 'transferred')"
        " WHERE id = ?",
        (moved.id,),
    )
    known = [customer for customer in world.customers if customer.billing_id]
    by_customer: dict[str, list[str]] = defaultdict(list)
    for fact in world.subscriptions:
        by_customer[str(fact.customer.billing_id)].append(fact.id)
    front = EMULATOR.serve(store)
    with serving(front) as base_url:

        def connect(**changes: Any) -> Adapter:
            settings = MANIFEST.settings.model_validate({**EMULATOR.settings(base_url), **changes})
            return MANIFEST.connect("billing", settings)

        yield Harness(
            name="chargebee",
            connect=connect,
            front=front,
            samples={
                C: [customer_sample(fact) for fact in known],
                SUB: [subscription_sample(fact) for fact in world.subscriptions if fact is not moved],
            },
            totals={C: len(known), SUB: len(world.subscriptions)},
            links={(SUB, "customer_in_subscriptions"): by_customer},
            filters=[
                FilterCase(case.type, case.field, case.op, case.value, case.ids - {moved.id})
                if case.field == "status"
                else case
                for case in filter_cases(world)
            ],
            unknown_status=(SUB, moved.id),
            absent_id={C: "AzNoSuchCustomer", SUB: "AzNoSuchSubscription"},
            api_path="/api/v2/",
            wrong_credentials=lambda: connect(api_key="test_another_key"),
            errors=[
                (400, Rejected),
                (401, Unauthorised),
                (403, Unauthorised),
                (404, NotFound),
                (409, Rejected),
                (500, OutcomeUnknown),
                (503, OutcomeUnknown),
            ],
            writes=write_cases(store, world),
        )
    store.close()
