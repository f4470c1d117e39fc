"""Who is who: customers that some systems do not know, know twice, or know under a shared name."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.world import CustomerFact
from resolvers.ids import Ref
from tests.scenarios.people import CONNECTIONS, id_of, known_everywhere
from tests.support.sandbox import Emulators, Sandbox, closed_port, serving_over

CUSTOMER = """
query ($id: ID!) {
  customer(id: $id) {
    id name email
    legalName taxId receivables { balance { amount } }
    delinquent paymentMethods { kind }
    recurringRevenue { amount }
    subscriptions { nodes { id } pageInfo { hasNextPage } }
    invoices { nodes { id } }
    payments { nodes { id } }
    records { system connection recordId url }
  }
}
"""
NONE = {"nodes": []}


def of(company: Sandbox, holds: Any) -> CustomerFact:
    return next(fact for fact in company.world.customers if holds(fact))


def test_a_customer_unknown_to_the_subscription_platform(company: Sandbox) -> None:
    fact = of(company, lambda each: each.billing_id is None)
    customer = company.data(CUSTOMER, {"id": id_of(fact)})["customer"]
    assert customer["subscriptions"] == {"nodes": [], "pageInfo": {"hasNextPage": False}}
    assert customer["recurringRevenue"] is None
    assert (customer["name"], customer["legalName"]) == (fact.name, fact.legal_name)
    assert [each["system"] for each in customer["records"]] == ["CRM", "ERP", "PAYMENTS"]


def test_a_customer_unknown_to_the_erp(company: Sandbox) -> None:
    fact = of(company, lambda each: not each.erp_ids)
    customer = company.data(CUSTOMER, {"id": id_of(fact)})["customer"]
    assert (customer["legalName"], customer["taxId"], customer["receivables"]) == (None, None, None)
    assert customer["invoices"] == NONE
    assert customer["name"] == fact.name
    assert customer["delinquent"] == fact.delinquent
    assert [each["system"] for each in customer["records"]] == ["CRM", "SUBSCRIPTIONS", "PAYMENTS"]


def test_a_customer_unknown_to_the_payment_gateway(company: Sandbox) -> None:
    fact = of(company, lambda each: each.payments_id is None)
    customer = company.data(CUSTOMER, {"id": id_of(fact)})["customer"]
    assert (customer["delinquent"], customer["paymentMethods"]) == (None, None)
    assert customer["payments"] == NONE
    assert customer["legalName"] == fact.legal_name
    assert [each["system"] for each in customer["records"]] == ["CRM", "SUBSCRIPTIONS", "ERP"]


def test_every_record_of_a_customer_is_named(company: Sandbox) -> None:
    fact = known_everywhere(company.world)
    records = company.data(CUSTOMER, {"id": id_of(fact)})["customer"]["records"]
    assert {(each["system"], each["connection"], each["recordId"]) for each in records} == {
        ("CRM", "salesforce", fact.crm_id),
        ("SUBSCRIPTIONS", "chargebee", fact.billing_id),
        ("ERP", "netsuite", str(fact.erp_ids[0])),
        ("PAYMENTS", "stripe", fact.payments_id),
    }
    assert all(each["url"] is None or each["recordId"] in each["url"] for each in records)


def test_two_erp_records_of_one_customer_are_reported_and_neither_is_picked(company: Sandbox) -> None:
    fact = of(company, lambda each: len(each.erp_ids) == 2)
    answer = company.query(CUSTOMER, {"id": id_of(fact)})
    customer = answer["data"]["customer"]
    assert (customer["legalName"], customer["taxId"], customer["receivables"]) == (None, None, None)
    assert sorted(error["path"][1] for error in answer["errors"]) == ["legalName", "receivables", "taxId"]
    for error in answer["errors"]:
        assert error["extensions"]["system"] == "ERP"
        assert error["extensions"]["retryable"] is False
        for erp_id in fact.erp_ids:
            assert str(erp_id) in error["message"]
    assert (customer["name"], customer["email"]) == (fact.name, fact.email)
    assert customer["delinquent"] == fact.delinquent
    subscriptions = [each for each in company.world.subscriptions if each.customer is fact]
    assert {each["id"] for each in customer["subscriptions"]["nodes"]} == {
        id_of(each) for each in subscriptions
    }
    # Invoices name their customer in the CRM: which of the two ERP records they stand on does not matter.
    invoices = [each for each in company.world.invoices if each.customer is fact]
    assert {each["id"] for each in customer["invoices"]["nodes"]} == {id_of(each) for each in invoices}


LOOKUP = "query ($lookup: CustomerLookup!) { customerBy(lookup: $lookup) { id name } }"


def test_a_customer_is_found_by_any_of_its_ids_and_by_e_mail(company: Sandbox) -> None:
    fact = known_everywhere(company.world)
    ids = {
        "CRM": fact.crm_id,
        "SUBSCRIPTIONS": fact.billing_id,
        "ERP": str(fact.erp_ids[0]),
        "PAYMENTS": fact.payments_id,
    }
    lookups: list[dict[str, Any]] = [
        {"id": id_of(fact)},
        {"email": fact.email},
        {"email": fact.email.upper()},
        *({"record": {"system": system, "recordId": id}} for system, id in ids.items()),
        *(
            {"record": {"system": system, "recordId": id, "connection": CONNECTIONS[system]}}
            for system, id in ids.items()
        ),
        # The first 15 characters are the same id at Salesforce.
        {"record": {"system": "CRM", "recordId": fact.crm_id[:15]}},
    ]
    for lookup in lookups:
        found = company.data(LOOKUP, {"lookup": lookup})["customerBy"]
        assert found == {"id": id_of(fact), "name": fact.name}, lookup


@pytest.mark.parametrize(
    "lookup",
    [
        {"email": "nobody@nowhere.test"},
        {"email": "o'brien@nowhere.test"},
        {"record": {"system": "CRM", "recordId": "001D000000IqhSLIAZ"}},
        {"record": {"system": "CRM", "recordId": "no id of Salesforce's"}},
        {"record": {"system": "SUBSCRIPTIONS", "recordId": "NoSuchCustomer"}},
        {"record": {"system": "ERP", "recordId": "999999999"}},
        {"record": {"system": "ERP", "recordId": "1 OR 1=1"}},
        {"record": {"system": "PAYMENTS", "recordId": "cus_NoSuchCustomer"}},
        {"record": {"system": "PAYMENTS", "recordId": "' OR Name != '"}},
    ],
    ids=str,
)
def test_nobody_is_null(company: Sandbox, lookup: dict[str, Any]) -> None:
    assert company.data(LOOKUP, {"lookup": lookup}) == {"customerBy": None}


@pytest.mark.parametrize(
    ("lookup", "place"),
    [
        ({"email": "no address"}, "lookup.email"),
        ({"email": ""}, "lookup.email"),
        ({"record": {"system": "ERP", "recordId": " "}}, "lookup.record.recordId"),
        (
            {"record": {"system": "ERP", "recordId": "1", "connection": "erp-moon"}},
            "lookup.record.connection",
        ),
        ({"record": {"system": "TAX", "recordId": "1"}}, "lookup.record.system"),
        ({"id": "rubbish"}, "lookup.id"),
        ({"id": ""}, "lookup.id"),
    ],
    ids=str,
)
def test_a_bad_lookup_is_named(company: Sandbox, lookup: dict[str, Any], place: str) -> None:
    error = company.refusal(LOOKUP, {"lookup": lookup})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert place in error["message"]


@pytest.mark.parametrize("lookup", ["{}", "{email: null}", '{email: "a@b.test", id: "x"}', "null"])
def test_a_lookup_by_nothing_or_by_two_things_is_no_query(
    company: Sandbox, emulators: Emulators, lookup: str
) -> None:
    response = company.gateway.post(f"{{ customerBy(lookup: {lookup}) {{ id }} }}")
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in response.json()
    assert emulators.counts() == {}


@pytest.fixture
def shared(company: Sandbox, emulators: Emulators) -> Iterator[str]:
    """An e-mail address that two customers have in the CRM."""
    one, other = company.world.customers[:2]
    change = "UPDATE salesforce_account SET Email__c = ? WHERE Id = ?"
    with emulators.tables() as tables:
        tables.execute(change, (one.email, other.crm_id))
        yield one.email
        tables.execute(change, (other.email, other.crm_id))


def test_an_e_mail_address_of_two_customers_is_reported(company: Sandbox, shared: str) -> None:
    answer = company.query(LOOKUP, {"lookup": {"email": shared}})
    assert answer["data"] == {"customerBy": None}
    (error,) = answer["errors"]
    assert error["path"] == ["customerBy"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["extensions"]["system"] == "CRM"
    assert "2 customers" in error["message"]
    assert shared not in error["message"], "an e-mail address is nobody's business but the caller's"


@pytest.fixture
def claimed(company: Sandbox, emulators: Emulators) -> Iterator[tuple[CustomerFact, CustomerFact]]:
    """Two customers of the CRM that claim one customer of the payment gateway."""
    one, other = [fact for fact in company.world.customers if fact.payments_id][:2]
    change = "UPDATE salesforce_account SET Stripe_Customer_Id__c = ? WHERE Id = ?"
    with emulators.tables() as tables:
        tables.execute(change, (one.payments_id, other.crm_id))
        yield one, other
        tables.execute(change, (other.payments_id, other.crm_id))


def test_a_record_that_two_customers_claim_is_reported(
    company: Sandbox, claimed: tuple[CustomerFact, CustomerFact]
) -> None:
    one, _ = claimed
    error = company.refusal(
        LOOKUP, {"lookup": {"record": {"system": "PAYMENTS", "recordId": one.payments_id}}}
    )
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert "2 customers" in error["message"]


SEEN = """
query ($id: ID!) {
  customer(id: $id) { name subscriptions { nodes { id } } payments { nodes { id } } delinquent legalName }
}
"""


def test_links_that_were_seen_serve_when_the_crm_is_down(
    company: Sandbox, tmp_path: Path, emulators: Emulators
) -> None:
    fact = known_everywhere(company.world)
    unseen = [each for each in company.world.customers if each.billing_id and each.payments_id][-1]
    assert unseen is not fact
    with serving_over(emulators.urls, tmp_path) as gateway:
        before = gateway.data(SEEN, {"id": id_of(fact)})["customer"]
        assert before["subscriptions"]["nodes"]
        assert before["payments"]["nodes"]

        emulators.arm("salesforce", "error")
        during = gateway.query(SEEN, {"id": id_of(fact)})
        emulators.disarm()
    assert during["data"]["customer"] == {**before, "name": None}
    assert [error["path"] for error in during["errors"]] == [["customer", "name"]]

    with closed_port() as nobody, serving_over({**emulators.urls, "salesforce": nobody}, tmp_path) as gateway:
        later = gateway.query(SEEN, {"id": id_of(fact)})
        never = gateway.query(SEEN, {"id": id_of(unseen)})
    assert later["data"]["customer"] == {**before, "name": None}
    assert [error["path"] for error in later["errors"]] == [["customer", "name"]]
    # Of a customer who was never seen, what the CRM alone links cannot be told; the fault is the CRM's.
    assert never["data"]["customer"] == {
        "name": None,
        "subscriptions": None,
        "payments": None,
        "delinquent": None,
        "legalName": unseen.legal_name,
    }
    assert {error["extensions"]["system"] for error in never["errors"]} == {"CRM"}


def text_of(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


ROOTS = {
    "customer": RecordType.CUSTOMER,
    "subscription": RecordType.SUBSCRIPTION,
    "invoice": RecordType.INVOICE,
    "payment": RecordType.PAYMENT,
}
ABSENT = {
    "customer": Ref(RecordType.CUSTOMER, "salesforce", "001D000000IqhSLIAZ"),
    "subscription": Ref(RecordType.SUBSCRIPTION, "chargebee", "NoSuchSubscription"),
    "invoice": Ref(RecordType.INVOICE, "netsuite", "999999999"),
    "payment": Ref(RecordType.PAYMENT, "stripe", "pi_NoSuchIntent"),
}
ODD = {
    "customer": Ref(RecordType.CUSTOMER, "salesforce", "' OR Id != '"),
    "subscription": Ref(RecordType.SUBSCRIPTION, "chargebee", '"] & status=active'),
    "invoice": Ref(RecordType.INVOICE, "netsuite", "1 OR 1=1"),
    "payment": Ref(RecordType.PAYMENT, "stripe", "../customers"),
}


@pytest.mark.parametrize(
    "id",
    ["", " ", "rubbish", "é", "0015g000002hpqCAAQ", text_of("c:salesforce"), text_of("x:salesforce:1"),
     text_of("c:salesforce:"), "Yz" * 400],
)  # fmt: skip
def test_a_malformed_id_is_refused_with_its_place(company: Sandbox, emulators: Emulators, id: str) -> None:
    fields = (*ROOTS, "node")
    roots = " ".join(f"{field}(id: $id) {{ id }}" for field in fields)
    answer = company.query(f"query ($id: ID!) {{ {roots} }}", {"id": id})
    assert answer["data"] == dict.fromkeys(fields)
    assert sorted(error["path"] for error in answer["errors"]) == sorted([field] for field in fields)
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].startswith("id: ")
    assert emulators.counts() == {}


@pytest.mark.parametrize("root", ROOTS)
def test_an_id_of_another_type_or_gateway_is_refused(
    company: Sandbox, emulators: Emulators, root: str
) -> None:
    document = f"query ($id: ID!) {{ {root}(id: $id) {{ id }} }}"
    others = [ref for name, ref in ABSENT.items() if name != root]
    foreign = [
        Ref(ROOTS[root], "erp-of-somebody-else", "1"),
        # A connection that is here, and has no such records.
        Ref(ROOTS[root], "stripe" if root != "payment" else "chargebee", "1"),
    ]
    for ref in (*others, *foreign):
        error = company.refusal(document, {"id": ref.encode()})
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].startswith("id: ")
    assert emulators.counts() == {}


def test_a_bad_id_among_many_is_named_by_its_place(company: Sandbox, emulators: Emulators) -> None:
    good = id_of(company.world.customers[0])
    error = company.refusal(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [good, good, "rubbish", good]}
    )
    assert error["message"].startswith("ids[2]: ")
    error = company.refusal("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [good] * 101})
    assert error["message"].startswith("ids: ")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert emulators.counts() == {}


@pytest.mark.parametrize("root", ROOTS)
def test_an_unknown_id_is_null(company: Sandbox, root: str) -> None:
    for ref in (ABSENT[root], ODD[root]):
        data = company.data(
            f"query ($id: ID!) {{ {root}(id: $id) {{ id }} node(id: $id) {{ id }}"
            " nodes(ids: [$id]) { id } }",
            {"id": ref.encode()},
        )
        assert data == {root: None, "node": None, "nodes": [None]}, ref


def test_objects_lead_back_to_their_customer(company: Sandbox) -> None:
    world = company.world
    for fact in (world.subscriptions[3], world.invoices[5], world.payments[7]):
        data = company.data(
            """query ($id: ID!) { node(id: $id) {
                ... on Subscription { customer { id name } }
                ... on Invoice { customer { id name } subscription { id } }
                ... on Payment { customer { id name } invoice { id number } }
            } }""",
            {"id": id_of(fact)},
        )["node"]
        assert data.pop("customer") == {"id": id_of(fact.customer), "name": fact.customer.name}
        if fact is world.invoices[5]:
            assert data == {"subscription": {"id": id_of(world.invoices[5].subscription)}}
        if fact is world.payments[7]:
            invoice = world.payments[7].invoice
            assert data == {"invoice": {"id": id_of(invoice), "number": invoice.number}}
