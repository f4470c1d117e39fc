"""Tryton's adapter, connected to a real Tryton server; what is expected is what its own client wrote there.

Connected with an application key; ``harness_tryton_session.py`` is the same with a password.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Conflict, OutcomeUnknown, Rejected, Throttled, Unauthorised
from adapters.contracts.fields import Op
from adapters.contracts.values import Address, InvoiceLine, LegalEntity, Money, Receivables
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.tryton.manifest import MANIFEST
from adapters.tryton.settings import TrytonSettings
from tests.contract.harness import FilterCase, Harness, Sample
from tests.contract.writes_tryton import write_cases
from tests.support.tryton_desk import Desk
from tests.support.tryton_front import TrytonFront, tryton_front

Facts = dict[str, Any]

RATES = {"EUR": Decimal(1), "USD": Decimal("1.25"), "JPY": Decimal(160)}
PLACES = {"EUR": 2, "USD": 2, "JPY": 0}
ALL_OPEN = (InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.OVERDUE)
STATUS_OF_LIFE = {
    "draft": InvoiceStatus.DRAFT,
    "validated": InvoiceStatus.PENDING_APPROVAL,
    "posted": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "cancelled": InvoiceStatus.VOID,
    "part": InvoiceStatus.PARTIALLY_PAID,
    "half": InvoiceStatus.PARTIALLY_PAID,
    "credit": InvoiceStatus.OPEN,
}
AFTERWARDS = date(2026, 1, 1)


def status(fact: Facts) -> InvoiceStatus:
    return InvoiceStatus.OVERDUE if fact["overdue"] else STATUS_OF_LIFE[fact["life"]]


def posted(fact: Facts) -> bool:
    return fact["life"] not in ("draft", "validated", "cancelled")


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def entity(company: Facts) -> LegalEntity:
    return LegalEntity(company["code"], company["name"], company["country"], company["currency"])


def invoice_sample(fact: Facts, company: Facts) -> Sample:
    def money(amount: Decimal | str) -> Money:
        return Money(Decimal(amount), fact["currency"])

    total, paid = Decimal(fact["total"]), Decimal(fact["paid"])
    return Sample(
        str(fact["id"]),
        {
            "id": str(fact["id"]),
            "customer_in_erp": str(fact["party"]),
            "customer_in_crm": fact["crm_id"],
            "subscription_in_subscriptions": fact["subscription"],
            "number": fact["number"],
            "status": status(fact),
            "legal_entity": entity(company),
            "subtotal": money(fact["subtotal"]),
            "tax": money(fact["tax"]),
            "total": money(total),
            "amount_paid": money(paid),
            "amount_due": money(total - paid if posted(fact) else 0),
            "issued_on": day(fact["issued_on"]),
            "due_on": day(fact["due_on"]),
            "memo": fact["memo"],
            "lines": [
                InvoiceLine(
                    description,
                    Decimal(quantity),
                    money(price),
                    money(Decimal(quantity) * Decimal(price)),
                )
                for description, quantity, price in fact["lines"]
            ],
        },
    )


def in_euro(fact: Facts, amount: Decimal) -> Decimal:
    return (amount / RATES[fact["currency"]]).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def receivables(fact: Facts, invoices: list[Facts]) -> Receivables:
    """From the lives of the customer's invoices: what is owed, and what of it was due in 2025."""
    balance, due = Decimal(0), Decimal(0)
    for invoice in invoices:
        if not posted(invoice):
            continue
        total, paid = Decimal(invoice["total"]), Decimal(invoice["paid"])
        balance += in_euro(invoice, total - paid)
        if invoice["life"] == "credit":
            due += in_euro(invoice, total)
        elif invoice["life"] == "part" or (invoice["life"] == "paid" and day(invoice["due_on"]) > AFTERWARDS):
            # Tryton counts money that came in early against what is due, until its own invoice is due.
            due -= in_euro(invoice, paid)
        elif invoice["overdue"]:
            due += Decimal(invoice["due_in_2025"])
    return Receivables(
        balance=Money(balance.quantize(Decimal("0.01")), "EUR"),
        overdue=Money(max(due, Decimal(0)).quantize(Decimal("0.01")), "EUR"),
        payment_terms_days=fact["payment_terms_days"],
    )


def customer_sample(fact: Facts, invoices: list[Facts], company: Facts) -> Sample:
    return Sample(
        str(fact["id"]),
        {
            "id": str(fact["id"]),
            "customer_in_crm": fact["crm_id"],
            "legal_name": fact["name"],
            "name": fact["name"],
            "tax_id": fact["tax_id"],
            "legal_entity": entity(company),
            "billing_address": Address(**fact["billing"]),
            "currency": company["currency"],
            "receivables": receivables(fact, invoices),
            "email": fact["email"],
            "phone": None,
            "website": fact["website"],
        },
    )


def payment_sample(fact: Facts) -> Sample:
    return Sample(
        str(fact["id"]),
        {
            "id": str(fact["id"]),
            "payment_in_payments": fact["payment"],
            "number": fact["number"],
            "posted_on": day(fact["posted_on"]),
            "account": fact["account"],
        },
    )


def by_key(facts: list[Facts], key: str) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        grouped[str(fact[key])].append(str(fact["id"]))
    return dict(grouped)


def filter_cases(facts: Facts) -> list[FilterCase]:
    invoices, customers = facts["invoices"], [fact for fact in facts["customers"] if fact["active"]]

    def case(field: str, op: Op, value: Any, chosen: Any) -> FilterCase:
        ids = frozenset(str(fact["id"]) for fact in invoices if chosen(fact))
        return FilterCase(RecordType.INVOICE, field, op, value, ids)

    wanted = [(each,) for each in InvoiceStatus]
    wanted += [
        ALL_OPEN,
        (InvoiceStatus.DRAFT, InvoiceStatus.OVERDUE),
        (InvoiceStatus.OPEN, InvoiceStatus.PAID),
    ]
    since, until = date(2025, 4, 1), date(2025, 5, 1)
    everyone = frozenset(str(fact["id"]) for fact in invoices)
    return [
        *(
            case("status", Op.IN, statuses, lambda fact, statuses=statuses: status(fact) in statuses)
            for statuses in wanted
        ),
        case("issued_on", Op.SINCE, since, lambda fact: day(fact["issued_on"]) >= since),
        *(
            case(
                "due_on",
                Op.BEFORE,
                day_,
                lambda fact, day_=day_: fact["due_on"] is not None and day(fact["due_on"]) < day_,
            )
            for day_ in (until, AFTERWARDS, date(2099, 1, 1))
        ),
        FilterCase(RecordType.INVOICE, "legal_entity", Op.IN, (facts["company"]["code"], None), everyone),
        FilterCase(RecordType.INVOICE, "legal_entity", Op.IN, ("another", None), frozenset()),
        FilterCase(RecordType.INVOICE, "updated_at", Op.SINCE, datetime(2020, 1, 1, tzinfo=UTC), everyone),
        FilterCase(RecordType.INVOICE, "updated_at", Op.SINCE, datetime(2999, 1, 1, tzinfo=UTC), frozenset()),
        FilterCase(
            RecordType.CUSTOMER,
            "customer_in_crm",
            Op.IN,
            tuple(fact["crm_id"] for fact in facts["customers"]),
            frozenset(str(fact["id"]) for fact in customers),
        ),
    ]


@contextlib.contextmanager
def harness() -> Iterator[Harness]:
    with tryton_front() as front:
        cases = "billing", "first billing", "billing cleared", "draft", "draft cleared", "post", "void"
        yield tryton_harness("tryton", front, front.with_key(), front.with_key("0" * 128), cases)


def tryton_harness(
    name: str, front: TrytonFront, settings: Facts, wrong: Facts, cases: Iterable[str], **more: Any
) -> Harness:
    """What is true of the books, for an adapter connected by ``settings``, or by ``wrong`` credentials.

    cases: names of the writes. What is written does not depend on the way in, and posting takes its time: the
           two ways share them out, with at least one for each verb.
    """
    facts = front.server.facts
    company, invoices = facts["company"], facts["invoices"]
    active = [fact for fact in facts["customers"] if fact["active"]]
    of_party = {
        fact["id"]: [each for each in invoices if each["party"] == fact["id"]] for fact in facts["customers"]
    }

    def connected(settings: Facts) -> Adapter:
        return MANIFEST.connect("erp", TrytonSettings(**settings, tax_id_type="us_ein"))

    desk = Desk(front.server)
    return Harness(
        name=name,
        connect=lambda **changes: connected({**settings, **changes}),
        front=front.faults,
        samples={
            RecordType.INVOICE: [invoice_sample(fact, company) for fact in invoices],
            # Archived customers too: whatever names them can still read them.
            RecordType.CUSTOMER: [
                customer_sample(fact, of_party[fact["id"]], company) for fact in facts["customers"]
            ],
            RecordType.LEDGER_ENTRY: [payment_sample(fact) for fact in facts["payments"]],
        },
        # The company is a party as well.
        totals={
            RecordType.CUSTOMER: len(active) + 1,
            RecordType.INVOICE: len(invoices),
            RecordType.LEDGER_ENTRY: len(facts["payments"]),
        },
        links={
            (RecordType.CUSTOMER, "customer_in_crm"): by_key(active, "crm_id"),
            (RecordType.INVOICE, "customer_in_erp"): by_key(invoices, "party"),
            (RecordType.INVOICE, "customer_in_crm"): by_key(invoices, "crm_id"),
            (RecordType.INVOICE, "subscription_in_subscriptions"): by_key(invoices, "subscription"),
            (RecordType.LEDGER_ENTRY, "payment_in_payments"): by_key(facts["payments"], "payment"),
        },
        filters=filter_cases(facts),
        absent_id=dict.fromkeys(
            (RecordType.CUSTOMER, RecordType.INVOICE, RecordType.LEDGER_ENTRY), "987654321"
        ),
        api_path="/search_read",
        shrinks=False,
        wrong_credentials=lambda: connected(wrong),
        errors=[
            (400, Rejected),
            (401, Unauthorised),
            (403, Unauthorised),
            (404, Rejected),
            (409, Conflict),
            (423, Conflict),
            (429, Throttled),
            (500, OutcomeUnknown),
            (503, OutcomeUnknown),
        ],
        writes=[case for case in write_cases(desk) if case.name in cases],
        count_effects=desk.effects,
        **more,
    )
