"""Exactly the calls that a query needs, counted by the systems themselves."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from adapters.emulation.world import World
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Emulators, Sandbox, serving_over

PATIENCE_S = 60.0

CUSTOMER_360 = """
fragment view on Customer {
  name status segment email phone website industry accountManager { name } contacts { name email }
  legalName taxId currency billingAddress { city country } legalEntity { code name }
  receivables { balance { amount currency } overdue { amount } creditLimit { amount } onHold }
  subscriptions(first: 100) {
    nodes {
      number status plan { code } quantity recurringRevenue { amount currency }
      invoices(first: 100) {
        nodes {
          number status total { amount currency } amountDue { amount } dueOn
          payments(first: 100) { nodes { status amount { amount currency } failure { code } createdAt } }
        }
      }
    }
  }
}
"""
ONE = CUSTOMER_360 + "query ($id: ID!) { customer(id: $id) { ...view } }"
MANY = CUSTOMER_360 + "query ($first: Int!) { customers(first: $first) { nodes { id ...view } } }"


def test_the_360_query_of_one_customer(company: Sandbox, emulators: Emulators) -> None:
    data = company.data(ONE, {"id": id_of(known_everywhere(company.world))})

    payments = [
        payment
        for subscription in data["customer"]["subscriptions"]["nodes"]
        for invoice in subscription["invoices"]["nodes"]
        for payment in invoice["payments"]["nodes"]
    ]
    assert payments, "the customer was to have payments"
    assert emulators.counts() == {"salesforce": 1, "chargebee": 1, "netsuite": 2, "stripe": 1}


def test_the_360_query_of_other_customers(company: Sandbox, emulators: Emulators) -> None:
    paid = Counter(fact.customer.crm_id for fact in company.world.payments)
    world = company.world
    odd = (
        next(fact for fact in world.customers if fact.billing_id is None),
        next(fact for fact in world.customers if fact.payments_id is None),
        *(next(fact for fact in world.customers if len(fact.erp_ids) == records) for records in (0, 2)),
    )
    for fact in (*odd, *world.customers[40:43]):
        emulators.clear()
        company.query(ONE, {"id": id_of(fact)})
        key = fact.crm_id
        expected = {
            "salesforce": 1,
            "chargebee": 1 if fact.billing_id else 0,
            # Invoices and payments are fetched along with the customer, whether it has any or not.
            "netsuite": 2,
            # 100 payments come in one call.
            "stripe": max(1, ceil(paid[key] / 100)) if fact.payments_id else 0,
        }
        assert emulators.counts() == {vendor: count for vendor, count in expected.items() if count}


def test_the_360_query_of_fifty_customers(company: Sandbox, emulators: Emulators) -> None:
    answer = company.query(MANY, {"first": 50})

    listed = {node["id"] for node in answer["data"]["customers"]["nodes"]}
    assert len(listed) == 50
    customers = [fact for fact in company.world.customers if id_of(fact) in listed]
    keys = {fact.crm_id for fact in customers}
    subscriptions = sum(fact.customer.crm_id in keys for fact in company.world.subscriptions)
    invoices = Counter(
        fact.customer.crm_id for fact in company.world.invoices if fact.customer.crm_id in keys
    )
    paid = Counter(fact.customer.crm_id for fact in company.world.payments)
    assert max(paid.values()) <= 100
    assert emulators.counts() == {
        "salesforce": 1,
        # 50 customers are asked for at once; a list has at most 100 rows.
        "chargebee": ceil(subscriptions / 100),
        # One call for the customers; an answer has at most 1,000 rows.
        "netsuite": 1 + ceil(sum(invoices.values()) / 1000),
        # No bulk read: one list for each customer that has invoices.
        "stripe": sum(1 for fact in customers if fact.payments_id and invoices[fact.crm_id]),
    }


SINGLE: list[tuple[str, str, dict[str, int]]] = [
    ("customers", "{ customers(first: 5) { nodes { id name email contacts { name } } } }", {"salesforce": 1}),
    ("customer", "{ customer(id: %(customer)s) { name } }", {"salesforce": 1}),
    (
        "a customer of the ERP",
        "{ customer(id: %(customer)s) { legalName receivables { onHold } } }",
        {"salesforce": 1, "netsuite": 1},
    ),
    (
        "a customer of the payment gateway",
        "{ customer(id: %(customer)s) { delinquent paymentMethods { kind } } }",
        {"salesforce": 1, "stripe": 1},
    ),
    (
        "a customer's subscriptions",
        "{ customer(id: %(customer)s) { subscriptions { nodes { status } } recurringRevenue { amount } } }",
        {"salesforce": 1, "chargebee": 1},
    ),
    ("a customer's invoices", "{ customer(id: %(customer)s) { invoices { nodes { number } } } }",
     {"salesforce": 1, "netsuite": 1}),
    ("a customer's payments", "{ customer(id: %(customer)s) { payments { nodes { status } } } }",
     {"salesforce": 1, "stripe": 1}),
    ("subscriptions", "{ subscriptions(first: 100) { nodes { id status } } }", {"chargebee": 1}),
    ("a subscription", "{ subscription(id: %(subscription)s) { status } }", {"chargebee": 1}),
    ("a subscription's contract", "{ subscription(id: %(subscription)s) { status contract { number } } }",
     {"chargebee": 1, "salesforce": 1}),
    ("invoices", "{ invoices(first: 100) { nodes { id number total { amount } } } }", {"netsuite": 1}),
    ("an invoice", "{ invoice(id: %(invoice)s) { number status } }", {"netsuite": 1}),
    ("invoices with their lines", "{ invoices(first: 100) { nodes { lines { description } } } }",
     {"netsuite": 2}),
    ("payments", "{ payments(first: 100) { nodes { id status amount { amount } } } }", {"stripe": 1}),
    ("a payment", "{ payment(id: %(payment)s) { status } }", {"stripe": 1}),
    ("ledger entries", "{ payments(first: 100) { nodes { ledgerEntry { number } } } }",
     {"stripe": 1, "netsuite": 1}),
    ("ownership", "{ ownership { type field system adapter } }", {}),
    ("health", "{ systems { connection status circuit } }", {}),
    ("the schema", "{ __schema { types { name } } }", {}),
    ("a field that is left out", "query { customers(first: 1) { nodes { name legalName @skip(if: true) } } }",
     {"salesforce": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"), [case[1:] for case in SINGLE], ids=[case[0] for case in SINGLE]
)
def test_a_system_with_no_selected_field_is_not_called(
    company: Sandbox, emulators: Emulators, document: str, expected: dict[str, int]
) -> None:
    company.data(document % sample_ids(company.world))
    assert emulators.counts() == expected


def sample_ids(world: World) -> dict[str, str]:
    """Quoted ids of one customer, and of one subscription, invoice and payment of theirs."""
    customer = known_everywhere(world)
    payment = next(each for each in world.payments if each.customer is customer)
    facts = {
        "customer": customer,
        "subscription": payment.invoice.subscription,
        "invoice": payment.invoice,
        "payment": payment,
    }
    return {name: f'"{id_of(fact)}"' for name, fact in facts.items()}


def test_many_aliases_of_one_object_are_one_call(company: Sandbox, emulators: Emulators) -> None:
    id = sample_ids(company.world)["customer"]
    fields = ("name", "email", "legalName", "segment", "taxId")
    roots = " ".join(f"{field}{n}: customer(id: {id}) {{ {field} }}" for field in fields for n in range(5))
    node = f"node: node(id: {id}) {{ ... on Customer {{ phone receivables {{ onHold }} }} }}"
    data = company.data(f"{{ {roots} {node} }}")
    assert len(data) == 26
    assert emulators.counts() == {"salesforce": 1, "netsuite": 1}


def test_many_objects_by_id_are_one_call(company: Sandbox, emulators: Emulators) -> None:
    roots = " ".join(
        f'c{n}: customer(id: "{id_of(fact)}") {{ name subscriptions {{ nodes {{ status }} }} }}'
        for n, fact in enumerate(company.world.customers[:20])
    )
    company.data(f"{{ {roots} }}")
    assert emulators.counts() == {"salesforce": 1, "chargebee": 1}


def test_one_edge_with_different_pages_is_one_call_and_with_a_filter_another(
    company: Sandbox, emulators: Emulators
) -> None:
    id = sample_ids(company.world)["customer"]
    company.data(
        f"""{{ customer(id: {id}) {{
            a: subscriptions(first: 1) {{ nodes {{ id }} }} b: subscriptions(first: 5) {{ nodes {{ id }} }}
            c: subscriptions(filter: {{status: [ACTIVE]}}) {{ nodes {{ id }} }}
        }} }}"""
    )
    assert emulators.counts() == {"salesforce": 1, "chargebee": 2}


def test_nodes_of_mixed_types_are_one_call_for_each_system(company: Sandbox, emulators: Emulators) -> None:
    world = company.world
    facts = [
        *world.invoices[:30],
        *world.customers[:30],
        world.payments[0],
        *world.subscriptions[:30],
    ]
    asked = [id_of(fact) for fact in facts]
    data = company.data(
        """query ($ids: [ID!]!) { nodes(ids: $ids) {
            id ... on Customer { name } ... on Subscription { status } ... on Invoice { number }
            ... on Payment { createdAt }
        } }""",
        {"ids": asked},
    )
    assert [node["id"] for node in data["nodes"]] == asked
    assert emulators.counts() == {"salesforce": 1, "chargebee": 1, "netsuite": 1, "stripe": 1}


def test_independent_systems_are_asked_at_the_same_time(
    company: Sandbox, emulators: Emulators, tmp_path: Path
) -> None:
    """Each has heard its question while none has given its answer."""
    systems = ("chargebee", "netsuite", "stripe")
    id = sample_ids(company.world)["customer"]
    asked = f"{{ customer(id: {id}) {{ legalName delinquent subscriptions {{ nodes {{ status }} }} }} }}"
    with (
        serving_over(emulators.urls, tmp_path, settings={"deadline_s": PATIENCE_S}) as patient,
        ThreadPoolExecutor(1) as pool,
    ):
        patient.data(asked)
        emulators.clear()
        for vendor in systems:
            emulators.arm(vendor, "latency", seconds=PATIENCE_S)
        asking = pool.submit(patient.data, asked)
        try:
            while not all(for_clients(emulators, vendor) for vendor in systems):
                assert not asking.done()
            assert not any(call["answered"] for vendor in systems for call in for_clients(emulators, vendor))
        finally:
            emulators.disarm()
        assert asking.result()["customer"]["legalName"]
        assert emulators.counts() == {"salesforce": 1} | dict.fromkeys(systems, 1)


def for_clients(emulators: Emulators, vendor: str) -> list[dict[str, Any]]:
    return [call for call in emulators.calls(vendor) if call["correlation"] is not None]
