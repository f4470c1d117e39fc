"""The declarative REST adapter, connected to a company's own REST system by configuration alone."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Conflict, NotFound, OutcomeUnknown, Rejected, Throttled, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, InvoiceLine, Money, PaymentMethod, Person, Plan, Receivables
from adapters.contracts.vocabulary import CustomerStatus, InvoiceStatus, RecordType, SubscriptionStatus
from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.world import CustomerFact, InvoiceFact, PaymentFact, SubscriptionFact, World
from adapters.rest.manifest import MANIFEST
from tests.contract.harness import FilterCase, Harness, Sample
from tests.support.rest_company import PLACES, collections
from tests.support.rest_system import error_body, rest_system
from tests.support.server import serving

SETTINGS = Path(__file__).parents[1] / "support" / "rest_company.yaml"
C, SUB, INV, PAY, T = (
    RecordType.CUSTOMER,
    RecordType.SUBSCRIPTION,
    RecordType.INVOICE,
    RecordType.PAYMENT,
    RecordType.CONTRACT_TERMS,
)


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    world = generate(seed=7, customers=40)
    with_terms = [fact for fact in world.subscriptions if fact.contract is not None]
    front = Misbehaving(rest_system(collections(world)), error_body)
    with serving(front) as base_url:

        def connect(**changes: Any) -> Adapter:
            written = yaml.safe_load(SETTINGS.read_text())
            settings = MANIFEST.settings.model_validate({"base_url": base_url, **written, **changes})
            return MANIFEST.connect("company", settings)

        wrong_key = {"kind": "header", "name": "X-Company-Key", "value": "another"}
        yield Harness(
            name="rest",
            connect=connect,
            front=front,
            samples={
                C: [Sample(fact.crm_id, _customer(fact)) for fact in world.customers],
                SUB: [Sample(fact.id, _subscription(fact)) for fact in world.subscriptions],
                INV: [Sample(str(fact.id), _invoice(fact)) for fact in world.invoices[1:120]],
                PAY: [Sample(fact.id, _payment(fact)) for fact in world.payments[:120]],
                T: [Sample(fact.contract.crm_id, _terms(fact)) for fact in with_terms if fact.contract],
            },
            totals={
                C: len(world.customers),
                SUB: len(world.subscriptions),
                INV: len(world.invoices),
                PAY: len(world.payments),
                T: len(with_terms),
            },
            links=_links(world, with_terms),
            filters=_filters(world),
            unknown_status=(INV, str(world.invoices[0].id)),
            absent_id={C: "001NoSuch", SUB: "nobody", INV: "99999999", PAY: "pi_none"},
            api_path="/api/",
            wrong_credentials=lambda: connect(auth=wrong_key),
            errors=[
                (400, Rejected),
                (401, Unauthorised),
                (403, Unauthorised),
                (404, NotFound),
                (409, Conflict),
                (422, Rejected),
                (429, Throttled),
                (500, OutcomeUnknown),
                (503, OutcomeUnknown),
            ],
        )


def _links(
    world: World, with_terms: list[SubscriptionFact]
) -> dict[tuple[RecordType, str], dict[str, list[str]]]:
    def group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for value, record_id in pairs:
            found[value].append(record_id)
        return found

    return {
        (C, "customer_in_subscriptions"): group(
            (f.billing_id, f.crm_id) for f in world.customers if f.billing_id
        ),
        (SUB, "customer_in_crm"): group((f.customer.crm_id, f.id) for f in world.subscriptions),
        (INV, "subscription_in_subscriptions"): group((f.subscription.id, str(f.id)) for f in world.invoices),
        (INV, "customer_in_crm"): group((f.customer.crm_id, str(f.id)) for f in world.invoices),
        (PAY, "invoice_in_erp"): group((str(f.invoice.id), f.id) for f in world.payments),
        (T, "subscription_in_subscriptions"): group(
            (f.id, f.contract.crm_id) for f in with_terms if f.contract
        ),
    }


def _filters(world: World) -> list[FilterCase]:
    customers, subscriptions, invoices = world.customers, world.subscriptions, world.invoices
    changed = sorted(_second(fact.updated_at) for fact in customers)[20]
    due = sorted(fact.due_on for fact in invoices)[len(invoices) // 2]
    paid_at = sorted(fact.created_at for fact in world.payments)[len(world.payments) // 2]
    renewal = sorted(f.next_billing_at for f in subscriptions if f.next_billing_at)[5].date()
    statuses = (SubscriptionStatus.TRIAL, SubscriptionStatus.CANCELLED)
    open_states = (InvoiceStatus.OPEN, InvoiceStatus.OVERDUE)
    prospects = (CustomerStatus.PROSPECT, CustomerStatus.CHURNED)
    manager, entity = customers[6].account_manager, customers[6].entity
    word, email, code = customers[4].name.split()[0], customers[5].email, subscriptions[0].plan.code
    return [
        _case(C, "search", Op.SEARCH, word, (f for f in customers if word.casefold() in f.name.casefold())),
        _case(C, "status", Op.IN, prospects, (f for f in customers if f.status in prospects)),
        _case(C, "email", Op.IN, (email,), (f for f in customers if f.email == email)),
        _case(C, "updated_at", Op.SINCE, changed, (f for f in customers if _second(f.updated_at) >= changed)),
        _case(SUB, "status", Op.IN, statuses, (f for f in subscriptions if f.status in statuses)),
        _case(SUB, "plan_code", Op.IN, (code,), (f for f in subscriptions if f.plan.code == code)),
        _case(
            SUB,
            "next_billing_on",
            Op.BEFORE,
            renewal,
            (f for f in subscriptions if f.next_billing_at and f.next_billing_at.date() < renewal),
        ),
        _case(INV, "status", Op.IN, open_states, (f for f in invoices[1:] if f.status in open_states)),
        _case(
            C,
            "account_manager",
            Op.IN,
            (manager.email.upper(),),
            (f for f in customers if f.account_manager == manager),
        ),
        _case(
            INV,
            "legal_entity",
            Op.IN,
            (entity.code, None),
            (f for f in invoices if f.customer.entity == entity),
        ),
        _case(INV, "due_on", Op.BEFORE, due, (f for f in invoices if f.due_on < due)),
        _case(INV, "issued_on", Op.SINCE, due, (f for f in invoices if f.issued_on >= due)),
        _case(PAY, "created_at", Op.SINCE, paid_at, (f for f in world.payments if f.created_at >= paid_at)),
    ]


def _case(record_type: RecordType, field: str, op: Op, value: Any, facts: Iterable[Any]) -> FilterCase:
    ids = frozenset(fact.crm_id if record_type is C else str(fact.id) for fact in facts)
    return FilterCase(record_type, field, op, value, ids)


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _money(minor: int, currency: str) -> Money:
    places = PLACES.get(currency, 2)
    return Money((Decimal(minor) / 10**places).quantize(Decimal(1).scaleb(-places)), currency)


def _customer(fact: CustomerFact) -> dict[str, Any]:
    ship, method, manager = fact.shipping, fact.payment_method, fact.account_manager
    return {
        "id": fact.crm_id,
        "customer_in_subscriptions": fact.billing_id,
        "name": fact.name,
        "status": fact.status,
        "segment": fact.segment,
        "email": fact.email,
        "phone": fact.phone,
        "contacts": [Person(each.name, each.email, each.phone, each.title) for each in fact.contacts],
        "account_manager": Person(manager.name, manager.email),
        "shipping_address": Address(ship.line1, ship.line2, ship.city, None, ship.postal_code, ship.country),
        "currency": fact.currency,
        "receivables": Receivables(
            credit_limit=_money(fact.credit_limit_minor, fact.currency),
            payment_terms_days=fact.payment_terms_days,
            on_hold=fact.on_hold,
        ),
        "payment_methods": [] if method is None else [PaymentMethod(method.kind, last4=method.last4)],
        "created_at": fact.created_at,
        "updated_at": _second(fact.updated_at),
    }


def _subscription(fact: SubscriptionFact) -> dict[str, Any]:
    currency = fact.customer.currency
    return {
        "id": fact.id,
        "customer_in_crm": fact.customer.crm_id,
        "number": fact.id,
        "status": fact.status,
        "plan": Plan(fact.plan.code, fact.plan.name, fact.plan.period_months),
        "plan_code": fact.plan.code,
        "quantity": fact.quantity,
        "unit_price": _money(fact.plan.unit_price_minor[currency], currency),
        "started_on": fact.started_at.date(),
        "next_billing_on": fact.next_billing_at.date() if fact.next_billing_at else None,
        "updated_at": _second(fact.updated_at),
    }


def _invoice(fact: InvoiceFact) -> dict[str, Any]:
    currency = fact.customer.currency
    return {
        "id": str(fact.id),
        "number": fact.number,
        "customer_in_crm": fact.customer.crm_id,
        "subscription_in_subscriptions": fact.subscription.id,
        "status": fact.status,
        "total": _money(fact.total_minor, currency),
        "tax": _money(fact.tax_minor, currency),
        "issued_on": fact.issued_on,
        "due_on": fact.due_on,
        "lines": [
            InvoiceLine(line.description, Decimal(line.quantity), amount=_money(line.amount_minor, currency))
            for line in fact.lines
        ],
    }


def _payment(fact: PaymentFact) -> dict[str, Any]:
    return {
        "id": fact.id,
        "invoice_in_erp": str(fact.invoice.id),
        "status": fact.status,
        "amount": _money(fact.amount_minor, fact.customer.currency),
        "method": PaymentMethod(fact.method.kind),
        "created_at": fact.created_at,
    }


def _terms(fact: SubscriptionFact) -> dict[str, Any]:
    contract = fact.contract
    assert contract is not None
    return {
        "id": contract.crm_id,
        "number": contract.number,
        "subscription_in_subscriptions": fact.id,
        "term_months": contract.term_months,
        "auto_renew": contract.auto_renew,
        "renews_on": contract.renews_on,
        "signed_on": contract.signed_on,
    }
