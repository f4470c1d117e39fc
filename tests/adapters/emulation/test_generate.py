"""The generated world holds together: proportions, amounts, dates, references."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import pairwise

import pytest

from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentMethodKind,
    PaymentStatus,
    SubscriptionStatus,
)
from adapters.emulation.generate import generate
from adapters.emulation.ids import salesforce_checksum
from adapters.emulation.world import PaymentFact, World

TODAY = date(2026, 11, 17)
MIDNIGHT = datetime.combine(TODAY, time(), UTC)
ARRIVED = {
    PaymentStatus.SUCCEEDED,
    PaymentStatus.PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED,
    PaymentStatus.DISPUTED,
}


@pytest.fixture(scope="module")
def world() -> World:
    return generate(seed=7, customers=500, today=TODAY)


def test_same_arguments_same_world(world: World) -> None:
    assert generate(7, 60, TODAY) == generate(7, 60, TODAY)
    assert generate(8, 60, TODAY).customers != generate(7, 60, TODAY).customers
    assert generate(7, 60, TODAY - timedelta(days=1)).invoices != generate(7, 60, TODAY).invoices


def test_today_is_the_utc_day_unless_given() -> None:
    before = datetime.now(UTC).date()
    assert before <= generate(customers=1).today <= datetime.now(UTC).date()


def test_size_of_the_default_world(world: World) -> None:
    assert len(world.customers) == 500
    assert len(world.subscriptions) == pytest.approx(1_500, rel=0.05)
    assert len(world.invoices) == pytest.approx(12_000, rel=0.05)
    assert len(world.payments) == pytest.approx(14_000, rel=0.05)
    assert {plan.period_months for plan in world.plans} == {1, 3, 12}
    assert {p.method.kind for p in world.payments} == set(PaymentMethodKind)
    assert {s.plan.code for s in world.subscriptions} == {plan.code for plan in world.plans}


@pytest.mark.parametrize("customers", [0, 1, 3])
def test_tiny_worlds(customers: int) -> None:
    assert len(generate(customers=customers, today=TODAY).customers) == customers


@pytest.mark.parametrize("seed", range(7, 17))
def test_every_status_from_40_customers_on(seed: int) -> None:
    world = generate(seed, 40, TODAY + timedelta(days=seed))
    for facts, enum in (
        (world.customers, CustomerStatus),
        (world.subscriptions, SubscriptionStatus),
        (world.invoices, InvoiceStatus),
        (world.payments, PaymentStatus),
    ):
        assert {fact.status for fact in facts} == _known(enum)


def _known(enum: type[Enum]) -> set[Enum]:
    return {member for member in enum if member.name != "UNKNOWN"}


def test_some_customers_are_missing_somewhere_and_some_are_doubled(world: World) -> None:
    missing = Counter(
        billing=sum(c.billing_id is None for c in world.customers),
        erp=sum(not c.erp_ids for c in world.customers),
        payments=sum(c.payments_id is None for c in world.customers),
        doubled=sum(len(c.erp_ids) == 2 for c in world.customers),
    )
    assert missing == {"billing": 10, "erp": 10, "payments": 10, "doubled": 5}
    small = generate(7, 40, TODAY).customers
    assert any(c.billing_id is None for c in small)
    assert any(not c.erp_ids for c in small)
    assert any(c.payments_id is None for c in small)
    assert any(len(c.erp_ids) == 2 for c in small)


def test_absent_customers_have_nothing_in_that_system(world: World) -> None:
    assert all(s.customer.billing_id for s in world.subscriptions)
    assert all(i.customer.erp_ids for i in world.invoices)
    assert all(p.customer.payments_id for p in world.payments)
    assert all(c.payments_id for c in world.customers if c.delinquent or c.payment_method)


def test_references_are_to_facts_of_the_same_world(world: World) -> None:
    customers = {id(c) for c in world.customers}
    subscriptions = {id(s) for s in world.subscriptions}
    invoices = {id(i) for i in world.invoices}
    assert all(c.entity in world.entities for c in world.customers)
    assert all(id(s.customer) in customers for s in world.subscriptions)
    for invoice in world.invoices:
        assert id(invoice.subscription) in subscriptions
        assert invoice.customer is invoice.subscription.customer
    for payment in world.payments:
        assert id(payment.invoice) in invoices
        assert payment.customer is payment.invoice.customer


def test_ids_are_unique_and_in_the_systems_forms(world: World) -> None:
    transactions = [i.id for i in world.invoices] + [p.ledger_id for p in world.payments if p.ledger_id]
    contracts = [s.contract for s in world.subscriptions if s.contract]
    for ids in (
        [c.crm_id for c in world.customers] + [contract.crm_id for contract in contracts],
        [c.billing_id for c in world.customers if c.billing_id],
        [c.payments_id for c in world.customers if c.payments_id],
        [erp_id for c in world.customers for erp_id in c.erp_ids],
        [c.email for c in world.customers],
        [c.name for c in world.customers],
        [contract.number for contract in contracts],
        [s.id for s in world.subscriptions],
        [i.number for i in world.invoices],
        transactions,
        [p.id for p in world.payments] + [p.charge_id for p in world.payments],
        [p.ledger_number for p in world.payments if p.ledger_number],
    ):
        assert len(ids) == len(set(ids))
    for customer in world.customers:
        assert len(customer.crm_id) == 18
        assert customer.crm_id.startswith("001")
        assert customer.crm_id[15:] == salesforce_checksum(customer.crm_id[:15])
    assert all(contract.crm_id.startswith("800") for contract in contracts)
    assert [i.id for i in world.invoices] == sorted(i.id for i in world.invoices)


def test_checksum_of_published_salesforce_ids() -> None:
    """The first is worked through at https://theblogreaders.com (15 and 18 digit Salesforce ids)."""
    assert salesforce_checksum("0019000000B98de") == "AAB"
    assert salesforce_checksum("001D000000IqhSL") == "IAZ"


def test_names_need_quoting_and_unicode() -> None:
    world = generate(7, 40, TODAY)
    text = " ".join(c.name + " ".join(p.name for p in c.contacts) for c in world.customers)
    assert "'" in text
    assert any(letter in text for letter in "äöüß")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
    assert all(c.email.endswith(".test") and c.email.isascii() for c in world.customers)


def test_invoice_amounts_add_up(world: World) -> None:
    for invoice in world.invoices:
        assert all(line.quantity * line.unit_minor == line.amount_minor for line in invoice.lines)
        assert sum(line.amount_minor for line in invoice.lines) == invoice.subtotal_minor > 0
        rate = {"US": 825, "DE": 1900, "JP": 1000}[invoice.customer.billing.country]
        assert abs(invoice.tax_minor * 10_000 - invoice.subtotal_minor * rate) <= 5_000
        assert invoice.total_minor == invoice.subtotal_minor + invoice.tax_minor
        match invoice.status:
            case InvoiceStatus.PAID:
                assert invoice.paid_minor == invoice.total_minor
            case InvoiceStatus.PARTIALLY_PAID:
                assert 0 < invoice.paid_minor < invoice.total_minor
            case InvoiceStatus.OVERDUE:
                assert 0 <= invoice.paid_minor < invoice.total_minor
            case _:
                assert invoice.paid_minor == 0


def test_invoice_dates_agree_with_the_status(world: World) -> None:
    for invoice in world.invoices:
        draft = invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.PENDING_APPROVAL)
        assert (invoice.posted_at is None) is draft
        assert invoice.issued_on < TODAY
        assert invoice.due_on == invoice.issued_on + timedelta(days=invoice.customer.payment_terms_days)
        assert (invoice.posted_at or invoice.updated_at) <= invoice.updated_at <= MIDNIGHT
        if invoice.status is InvoiceStatus.OVERDUE:
            assert invoice.due_on < TODAY
        if invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID) or draft:
            assert invoice.due_on >= TODAY
    issued = [invoice.issued_on for invoice in world.invoices]
    assert issued == sorted(issued)


def test_payments_that_arrived_are_what_the_invoice_says_is_paid(world: World) -> None:
    arrived: defaultdict[int, int] = defaultdict(int)
    for payment in world.payments:
        if payment.status in ARRIVED:
            arrived[payment.invoice.id] += payment.amount_minor
    for invoice in world.invoices:
        if invoice.customer.payments_id is not None:
            assert arrived[invoice.id] == invoice.paid_minor


def test_a_payment_fits_its_status(world: World) -> None:
    for payment in world.payments:
        assert payment.amount_minor > 0
        assert (payment.ledger_id is not None) is (payment.status in ARRIVED)
        assert (payment.ledger_number is not None) is (payment.status in ARRIVED)
        assert (payment.failure is not None) is (payment.status is PaymentStatus.FAILED)
        assert payment.invoice.posted_at is not None
        assert payment.invoice.posted_at <= payment.created_at < MIDNIGHT
        match payment.status:
            case PaymentStatus.REFUNDED:
                assert payment.refunded_minor == payment.amount_minor
            case PaymentStatus.PARTIALLY_REFUNDED:
                assert 0 < payment.refunded_minor < payment.amount_minor
            case _:
                assert payment.refunded_minor == 0
    times = [payment.created_at for payment in world.payments]
    assert times == sorted(times)


def test_a_declined_payment_of_a_paid_invoice_was_tried_again(world: World) -> None:
    by_invoice: defaultdict[int, list[PaymentFact]] = defaultdict(list)
    for payment in world.payments:
        by_invoice[payment.invoice.id].append(payment)
    retried = 0
    for attempts in by_invoice.values():
        if attempts[0].invoice.status is InvoiceStatus.PAID:
            assert attempts[-1].status in ARRIVED
            for declined, after in pairwise(attempts):
                if declined.status is PaymentStatus.FAILED:
                    assert after.amount_minor == declined.amount_minor
                    assert after.created_at >= declined.created_at
                    retried += 1
    assert retried > 1_000


def test_a_delinquent_customer_has_an_overdue_declined_invoice(world: World) -> None:
    declined = {
        p.customer.index
        for p in world.payments
        if p.status is PaymentStatus.FAILED and p.invoice.status is InvoiceStatus.OVERDUE
    }
    past_due = {i.customer.index for i in world.invoices if i.due_on < TODAY}
    delinquent = {c.index for c in world.customers if c.delinquent}
    assert delinquent & past_due
    assert delinquent & past_due <= declined


def test_subscription_dates_agree_with_the_status(world: World) -> None:
    for s in world.subscriptions:
        assert s.customer.created_at < s.created_at <= s.updated_at < MIDNIGHT
        assert s.started_at <= s.term_start < s.term_end
        match s.status:
            case SubscriptionStatus.FUTURE:
                assert s.started_at > MIDNIGHT
                assert s.next_billing_at == s.started_at
            case SubscriptionStatus.TRIAL:
                assert s.trial_end is not None
                assert s.started_at < MIDNIGHT < s.trial_end
            case SubscriptionStatus.CANCELLED:
                assert s.cancelled_at is not None
                assert s.cancelled_at < MIDNIGHT
            case SubscriptionStatus.EXPIRED:
                assert s.term_end < MIDNIGHT
            case SubscriptionStatus.ACTIVE:
                assert s.next_billing_at == s.term_end > MIDNIGHT
            case SubscriptionStatus.NON_RENEWING:
                assert s.cancelled_at == s.term_end > MIDNIGHT
            case _:
                assert s.term_end > MIDNIGHT
        live = (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIAL, SubscriptionStatus.FUTURE)
        assert (s.next_billing_at is not None) is (s.status in live)
        if s.contract:
            assert s.contract.signed_on <= s.contract.starts_on < s.contract.renews_on


def test_customer_status_is_what_the_subscriptions_show(world: World) -> None:
    statuses: defaultdict[int, set[SubscriptionStatus]] = defaultdict(set)
    for subscription in world.subscriptions:
        statuses[subscription.customer.index].add(subscription.status)
    ended = {SubscriptionStatus.CANCELLED, SubscriptionStatus.EXPIRED}
    for customer in world.customers:
        held = statuses[customer.index]
        if customer.billing_id is None:
            assert not held
        elif customer.status is CustomerStatus.ACTIVE:
            assert SubscriptionStatus.ACTIVE in held
        elif customer.status is CustomerStatus.CHURNED:
            assert held <= ended
        elif customer.status is CustomerStatus.PROSPECT:
            assert held <= {SubscriptionStatus.TRIAL}
        else:
            assert SubscriptionStatus.SUSPENDED in held


def test_leap_days_and_month_ends() -> None:
    for today in (date(2024, 2, 29), date(2025, 3, 1), date(2026, 12, 31), date(2027, 1, 31)):
        for subscription in generate(3, 60, today).subscriptions:
            if subscription.status is SubscriptionStatus.ACTIVE:
                assert subscription.term_start.date() < today <= subscription.term_end.date()
