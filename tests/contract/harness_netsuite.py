"""The NetSuite adapter against its emulator. Expected values are worked out from the world's facts."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import NotFound, OutcomeUnknown, Rejected, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, InvoiceLine, LegalEntity, Money, Receivables
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import CustomerFact, InvoiceFact, LegalEntityFact, PaymentFact, World
from adapters.netsuite.emulator import EMULATOR
from adapters.netsuite.manifest import MANIFEST
from tests.contract.harness import FilterCase, Harness, Sample
from tests.contract.writes_netsuite import write_cases
from tests.support.server import serving

_S = InvoiceStatus
_DIGITS = {"JPY": 0}
_OWED = (_S.OPEN, _S.PARTIALLY_PAID, _S.OVERDUE)


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    world = generate(seed=7, customers=40)
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    unknown = _reject_one(store, world)
    front = EMULATOR.serve(store)
    with serving(front) as url:

        def connect(**changes: Any) -> Adapter:
            settings = MANIFEST.settings.model_validate({**EMULATOR.settings(url), **changes})
            return MANIFEST.connect("erp", settings)

        yield Harness(
            name="netsuite",
            connect=connect,
            front=front,
            samples=_samples(world, unknown),
            totals={
                RecordType.CUSTOMER: sum(len(customer.erp_ids) for customer in world.customers),
                RecordType.INVOICE: len(world.invoices),
                RecordType.LEDGER_ENTRY: len(_ledger(world)),
            },
            links=_links(world),
            filters=_filters(world, unknown),
            unknown_status=(RecordType.INVOICE, str(unknown.id)),
            absent_id=dict.fromkeys(
                (RecordType.CUSTOMER, RecordType.INVOICE, RecordType.LEDGER_ENTRY), "999999999"
            ),
            api_path="/services/rest/query/",
            token_path="/oauth2/v1/token",
            wrong_credentials=lambda: connect(certificate_id="of-another-integration"),
            errors=[
                (400, Rejected),
                (403, Unauthorised),
                (404, NotFound),
                (500, OutcomeUnknown),
                (503, OutcomeUnknown),
            ],
            writes=write_cases(world, store, unknown),
        )
    store.close()


def _reject_one(store: sqlite3.Connection, world: World) -> InvoiceFact:
    """Gives one invoice waiting for approval the letter of a rejected one, which nothing canonical is."""
    fact = next(invoice for invoice in world.invoices if invoice.status is _S.PENDING_APPROVAL)
    store.execute("UPDATE netsuite_transaction SET status = 'E' WHERE id = ?", (fact.id,))
    return fact


def _ledger(world: World) -> list[PaymentFact]:
    return [payment for payment in world.payments if payment.ledger_id is not None]


def _money(minor: int, currency: str) -> Money:
    return Money(Decimal(minor).scaleb(-_DIGITS.get(currency, 2)), currency)


def _entity(fact: LegalEntityFact) -> LegalEntity:
    return LegalEntity(code=fact.code, name=fact.name, country=fact.country, currency=fact.currency)


def status_of(invoice: InvoiceFact) -> InvoiceStatus:
    """As of today, which may be a day later than the world was made for."""
    if invoice.status not in _OWED:
        return invoice.status
    if invoice.due_on < datetime.now(UTC).date():
        return _S.OVERDUE
    return _S.PARTIALLY_PAID if invoice.paid_minor else _S.OPEN


def customer_values(world: World, customer: CustomerFact, erp_id: int) -> Mapping[str, Any]:
    owed = [
        (invoice.total_minor - invoice.paid_minor, invoice.due_on < world.today)
        for invoice in world.invoices
        if invoice.customer is customer and invoice.status in _OWED and erp_id == customer.erp_ids[0]
    ]
    currency, billing = customer.currency, customer.billing
    return {
        "id": str(erp_id),
        "customer_in_crm": customer.crm_id,
        "name": customer.name,
        "legal_name": customer.legal_name,
        "legal_entity": _entity(customer.entity),
        "tax_id": customer.tax_id,
        "email": customer.email,
        "phone": customer.phone,
        "website": customer.website,
        "currency": currency,
        "billing_address": Address(
            line1=billing.line1,
            line2=billing.line2,
            city=billing.city,
            region=billing.region,
            postal_code=billing.postal_code,
            country=billing.country,
        ),
        "receivables": Receivables(
            balance=_money(sum(amount for amount, _ in owed), currency),
            overdue=_money(sum(amount for amount, late in owed if late), currency),
            credit_limit=_money(customer.credit_limit_minor, currency),
            payment_terms_days=customer.payment_terms_days,
            on_hold=customer.on_hold,
        ),
        "created_at": customer.created_at.replace(microsecond=0),
        "updated_at": customer.updated_at.replace(microsecond=0),
    }


def invoice_values(invoice: InvoiceFact) -> Mapping[str, Any]:
    currency = invoice.customer.currency
    closed = invoice.status in (_S.VOID, _S.WRITTEN_OFF)
    return {
        "id": str(invoice.id),
        "customer_in_erp": str(invoice.customer.erp_ids[0]),
        "customer_in_crm": invoice.customer.crm_id,
        "subscription_in_subscriptions": invoice.subscription.id,
        "number": invoice.number,
        "status": status_of(invoice),
        "legal_entity": _entity(invoice.customer.entity),
        "subtotal": _money(invoice.subtotal_minor, currency),
        "tax": _money(invoice.tax_minor, currency),
        "total": _money(invoice.total_minor, currency),
        "amount_paid": _money(invoice.paid_minor, currency),
        "amount_due": _money(0 if closed else invoice.total_minor - invoice.paid_minor, currency),
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "posted_at": invoice.posted_at.replace(microsecond=0) if invoice.posted_at else None,
        "memo": invoice.memo,
        "lines": [
            InvoiceLine(
                description=line.description,
                quantity=Decimal(line.quantity),
                unit_price=_money(line.unit_minor, currency),
                amount=_money(line.amount_minor, currency),
            )
            for line in invoice.lines
        ],
        "updated_at": invoice.updated_at.replace(microsecond=0),
    }


def _samples(world: World, unknown: InvoiceFact) -> Mapping[RecordType, list[Sample]]:
    by_status: dict[InvoiceStatus, list[InvoiceFact]] = defaultdict(list)
    for invoice in world.invoices:
        if invoice is not unknown:
            by_status[invoice.status].append(invoice)
    by_currency = {invoice.customer.currency: invoice for invoice in world.invoices if invoice is not unknown}
    chosen = [invoice for known in by_status.values() for invoice in known[:4]]
    chosen += [invoice for invoice in by_currency.values() if invoice not in chosen]
    return {
        RecordType.CUSTOMER: [
            Sample(str(erp_id), customer_values(world, customer, erp_id))
            for customer in world.customers
            for erp_id in customer.erp_ids
        ],
        RecordType.INVOICE: [Sample(str(invoice.id), invoice_values(invoice)) for invoice in chosen],
        RecordType.LEDGER_ENTRY: [
            Sample(
                str(payment.ledger_id),
                {
                    "id": str(payment.ledger_id),
                    "payment_in_payments": payment.id,
                    "number": payment.ledger_number,
                    "posted_on": payment.created_at.date(),
                    "account": "1100 Undeposited Funds",
                },
            )
            for payment in _ledger(world)[-20:]
        ],
    }


def _links(world: World) -> Mapping[tuple[RecordType, str], Mapping[str, list[str]]]:
    customers, by_erp, by_crm, by_subscription, ledger = (defaultdict[str, list[str]](list) for _ in range(5))
    for customer in world.customers:
        if customer.erp_ids:
            customers[customer.crm_id] += [str(erp_id) for erp_id in customer.erp_ids]
    for invoice in world.invoices:
        by_erp[str(invoice.customer.erp_ids[0])].append(str(invoice.id))
        by_crm[invoice.customer.crm_id].append(str(invoice.id))
        by_subscription[invoice.subscription.id].append(str(invoice.id))
    for payment in _ledger(world):
        ledger[payment.id].append(str(payment.ledger_id))
    return {
        (RecordType.CUSTOMER, "customer_in_crm"): customers,
        (RecordType.INVOICE, "customer_in_erp"): by_erp,
        (RecordType.INVOICE, "customer_in_crm"): by_crm,
        (RecordType.INVOICE, "subscription_in_subscriptions"): by_subscription,
        (RecordType.LEDGER_ENTRY, "payment_in_payments"): ledger,
    }


def _filters(world: World, unknown: InvoiceFact) -> list[FilterCase]:
    known = [invoice for invoice in world.invoices if invoice is not unknown]
    statuses = [(status,) for status in _S if status is not _S.UNKNOWN] + [_OWED]
    cases = [
        FilterCase(
            RecordType.INVOICE,
            "status",
            Op.IN,
            wanted,
            frozenset(str(invoice.id) for invoice in known if status_of(invoice) in wanted),
        )
        for wanted in statuses
    ]
    month_ago = world.today - timedelta(days=30)
    changed = datetime.combine(month_ago, datetime.min.time(), UTC)
    times = sorted(customer.updated_at.replace(microsecond=0) for customer in world.customers)
    latest_ten = times[-10]
    email = world.customers[0].email
    entity = world.customers[0].entity
    return [
        *cases,
        FilterCase(
            RecordType.INVOICE,
            "legal_entity",
            Op.IN,
            (entity.code, None),
            frozenset(str(invoice.id) for invoice in world.invoices if invoice.customer.entity == entity),
        ),
        FilterCase(
            RecordType.CUSTOMER,
            "legal_entity",
            Op.IN,
            (entity.code,),
            frozenset(
                str(erp_id)
                for customer in world.customers
                if customer.entity == entity
                for erp_id in customer.erp_ids
            ),
        ),
        FilterCase(RecordType.CUSTOMER, "legal_entity", Op.IN, ("' OR 1 = 1",), frozenset()),
        FilterCase(
            RecordType.INVOICE,
            "due_on",
            Op.BEFORE,
            month_ago,
            frozenset(str(invoice.id) for invoice in world.invoices if invoice.due_on < month_ago),
        ),
        FilterCase(
            RecordType.INVOICE,
            "issued_on",
            Op.SINCE,
            month_ago,
            frozenset(str(invoice.id) for invoice in world.invoices if invoice.issued_on >= month_ago),
        ),
        FilterCase(
            RecordType.INVOICE,
            "updated_at",
            Op.SINCE,
            changed,
            frozenset(str(invoice.id) for invoice in world.invoices if invoice.updated_at >= changed),
        ),
        FilterCase(
            RecordType.CUSTOMER,
            "updated_at",
            Op.SINCE,
            latest_ten,
            frozenset(
                str(erp_id)
                for customer in world.customers
                if customer.updated_at.replace(microsecond=0) >= latest_ten
                for erp_id in customer.erp_ids
            ),
        ),
        FilterCase(
            RecordType.CUSTOMER,
            "email",
            Op.IN,
            (email.upper(),),
            frozenset(
                str(erp_id)
                for customer in world.customers
                if customer.email == email
                for erp_id in customer.erp_ids
            ),
        ),
    ]
