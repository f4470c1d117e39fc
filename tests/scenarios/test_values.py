"""Every field of the four entities, held against the facts that the systems were filled from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from adapters.contracts.vocabulary import CustomerStatus, InvoiceStatus, PaymentStatus, SubscriptionStatus
from tests.scenarios import expected
from tests.scenarios.people import id_of
from tests.support.sandbox import Sandbox

T = TypeVar("T")

MONEY = "{ amount currency }"
PERSON = "{ name email phone title }"
ADDRESS = "{ line1 line2 city region postalCode country }"
ENTITY = "{ code name country currency }"
METHOD = "{ kind brand last4 expiresOn }"

FIELDS = {
    "Customer": f"""
        name status segment industry website phone email accountManager {PERSON} contacts {PERSON}
        shippingAddress {ADDRESS} createdAt updatedAt
        legalName legalEntity {ENTITY} taxId billingAddress {ADDRESS} currency
        receivables {{
            balance {MONEY} overdue {MONEY} creditLimit {MONEY} paymentTermsDays onHold
        }}
        paymentMethods {METHOD} delinquent recurringRevenue {MONEY}
    """,
    "Subscription": f"""
        number status plan {{ code name billingPeriodMonths }} quantity unitPrice {MONEY}
        recurringRevenue {MONEY} startedOn trialEndsOn currentTerm {{ startsOn endsOn }} nextBillingOn
        cancelledOn updatedAt contract {{ number termMonths autoRenew renewsOn signedOn }}
    """,
    "Invoice": f"""
        number status legalEntity {ENTITY} subtotal {MONEY} tax {MONEY} total {MONEY} amountPaid {MONEY}
        amountDue {MONEY} issuedOn dueOn postedAt memo
        lines {{ description quantity unitPrice {MONEY} amount {MONEY} }} updatedAt
    """,
    "Payment": f"""
        status amount {MONEY} amountRefunded {MONEY} method {METHOD} failure {{ code message retryable }}
        createdAt ledgerEntry {{ number postedOn account }}
    """,
}


def read(company: Sandbox, kind: str, facts: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """The graph's view of facts of one kind, by id."""
    ids = [id_of(fact) for fact in facts]
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on {kind} {{ {FIELDS[kind]} }} }} }}"
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), 100):
        for node in company.data(document, {"ids": ids[start : start + 100]})["nodes"]:
            found[node.pop("id")] = node
    assert list(found) == ids
    return found


def some_of_each(facts: Iterable[T], kind: Callable[[T], Any], most: int) -> list[T]:
    """The first and the last of each kind."""
    groups: dict[Any, list[T]] = defaultdict(list)
    for fact in facts:
        groups[kind(fact)].append(fact)
    return [fact for group in groups.values() for fact in (group[: most - 1] + group[most - 1 :][-1:])]


def test_customers(company: Sandbox) -> None:
    world = company.world
    facts = [fact for fact in world.customers if len(fact.erp_ids) < 2]
    assert {fact.status for fact in facts} == set(CustomerStatus) - {CustomerStatus.UNKNOWN}
    assert {fact.currency for fact in facts} == set(expected.PLACES)
    for id, node in read(company, "Customer", facts).items():
        fact = next(each for each in facts if id_of(each) == id)
        assert node == expected.customer(fact, world), fact.name


def test_subscriptions(company: Sandbox) -> None:
    facts = company.world.subscriptions
    assert {fact.status for fact in facts} == set(SubscriptionStatus) - {SubscriptionStatus.UNKNOWN}
    nodes = read(company, "Subscription", facts)
    for fact in facts:
        assert nodes[id_of(fact)] == expected.subscription(fact), fact.id


def test_invoices(company: Sandbox) -> None:
    facts = some_of_each(company.world.invoices, lambda fact: (fact.status, fact.customer.currency), 7)
    assert {fact.status for fact in facts} == set(InvoiceStatus) - {InvoiceStatus.UNKNOWN}
    assert any(line.amount_minor < 0 for fact in facts for line in fact.lines)
    assert any(fact.memo for fact in facts)
    nodes = read(company, "Invoice", facts)
    for fact in facts:
        assert nodes[id_of(fact)] == expected.invoice(fact), fact.number


def test_payments(company: Sandbox) -> None:
    facts = some_of_each(
        company.world.payments, lambda fact: (fact.status, fact.method.kind, fact.failure), 3
    )
    assert {fact.status for fact in facts} == set(PaymentStatus) - {PaymentStatus.UNKNOWN}
    assert {fact.customer.currency for fact in facts} == set(expected.PLACES)
    nodes = read(company, "Payment", facts)
    for fact in facts:
        assert nodes[id_of(fact)] == expected.payment(fact), fact.id


def test_money_of_a_currency_without_minor_units_has_no_fraction(company: Sandbox) -> None:
    invoice = next(fact for fact in company.world.invoices if fact.customer.currency == "JPY")
    payment = next(fact for fact in company.world.payments if fact.customer.currency == "JPY")
    node = read(company, "Invoice", [invoice])[id_of(invoice)]
    assert node["total"] == {"amount": str(invoice.total_minor), "currency": "JPY"}
    assert Decimal(node["subtotal"]["amount"]) + Decimal(node["tax"]["amount"]) == invoice.total_minor
    node = read(company, "Payment", [payment])[id_of(payment)]
    assert node["amount"] == {"amount": str(payment.amount_minor), "currency": "JPY"}


def test_money_of_other_currencies_has_two_places(company: Sandbox) -> None:
    for currency in ("USD", "EUR"):
        invoice = next(fact for fact in company.world.invoices if fact.customer.currency == currency)
        node = read(company, "Invoice", [invoice])[id_of(invoice)]
        for field in ("subtotal", "tax", "total", "amountPaid", "amountDue"):
            whole, _, fraction = node[field]["amount"].partition(".")
            assert (whole.isdigit(), len(fraction)) == (True, 2), node[field]


def test_times_are_aware_and_in_utc(company: Sandbox) -> None:
    data = company.data(
        """{ customers(first: 5) { nodes { createdAt updatedAt records { asOf } } }
             invoices(first: 5) { nodes { postedAt updatedAt } } payments(first: 5) { nodes { createdAt } }
             subscriptions(first: 5) { nodes { updatedAt } } }"""
    )
    moments = [
        node[field]
        for kind in data.values()
        for node in kind["nodes"]
        for field in node
        if field != "records" and node[field]
    ]
    moments += [record["asOf"] for node in data["customers"]["nodes"] for record in node["records"]
                if record["asOf"]]  # fmt: skip
    assert len(moments) > 20
    for text in moments:
        assert text.endswith("Z")
        assert datetime.fromisoformat(text).tzinfo is not None
        assert datetime.fromisoformat(text) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("kind", "table", "key", "change"),
    [
        ("Customer", "salesforce_account", "Id", "Customer_Status__c = 'Asleep'"),
        ("Subscription", "chargebee_subscription", "id",
         "document = json_set(document, '$.status', 'transferred')"),
        ("Invoice", "netsuite_transaction", "id", "status = 'E'"),
        ("Payment", "stripe_object", "id",
         "doc = CAST(json_set(doc, '$.status', 'requires_review') AS BLOB)"),
    ],
    ids=lambda value: value if value in FIELDS else "",
)  # fmt: skip
def test_a_status_nobody_knows_is_unknown(
    company: Sandbox, kind: str, table: str, key: str, change: str
) -> None:
    world = company.world
    fact: Any = {
        "Customer": world.customers[2],
        "Subscription": world.subscriptions[2],
        "Invoice": world.invoices[2],
        "Payment": world.payments[2],
    }[kind]
    record = fact.crm_id if kind == "Customer" else fact.id
    changed = change.partition(" =")[0]
    with company.emulators.tables() as tables:
        (before,) = tables.execute(f"SELECT {changed} FROM {table} WHERE {key} = ?", (record,)).fetchone()
        assert tables.execute(f"UPDATE {table} SET {change} WHERE {key} = ?", (record,)).rowcount == 1
        try:
            node = read(company, kind, [fact])[id_of(fact)]
        finally:
            tables.execute(f"UPDATE {table} SET {changed} = ? WHERE {key} = ?", (before, record))
    assert node["status"] == "UNKNOWN"
    whole = {
        "Customer": lambda: expected.customer(fact, world),
        "Subscription": lambda: expected.subscription(fact),
        "Invoice": lambda: expected.invoice(fact),
        "Payment": lambda: expected.payment(fact),
    }[kind]()
    if kind == "Payment":
        # What came after a status is read from it: only the rest is as it was.
        node, whole = ({**each, "status": None, "failure": None} for each in (node, whole))
    assert {**node, "status": None} == {**whole, "status": None}
