"""Lists for limited callers: what a vendor can leave out itself is not read, counted at the systems.

One customer and its invoices are of an entity that has no others: what is sifted for it is read to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.emulation.world import CustomerFact
from gateway.auth.development import CUSTOMER, LEGAL_ENTITIES, ROLE
from tests.policy.test_rows import ask
from tests.scenarios.people import id_of
from tests.support.sandbox import Sandbox, sandbox

CODE, SUBSIDIARY = "FG-XX", 99


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: its ERP is changed."""
    with sandbox(tmp_path_factory.mktemp("narrowing") / "state", customers=40) as running:
        running.data("{ customers(first: 1) { nodes { name } } }")
        yield running


@pytest.fixture(scope="module")
def alone(company: Sandbox) -> CustomerFact:
    """The customer of the entity that has no other."""
    world = company.world
    paying = {payment.customer.crm_id for payment in world.payments}
    found = next(
        each
        for each in reversed(world.customers)
        if len(each.erp_ids) == 1 and each.billing_id and each.payments_id and each.crm_id in paying
    )
    own = [each.id for each in world.invoices if each.customer == found]
    with company.emulators.tables() as tables, tables:
        tables.execute(
            "INSERT INTO netsuite_subsidiary (id, name, fullname, country, currency, externalid, isinactive) "
            "SELECT ?, 'Alone', 'Alone', country, currency, ?, 'F' FROM netsuite_subsidiary WHERE id = 1",
            (SUBSIDIARY, CODE),
        )
        tables.execute(
            "UPDATE netsuite_customer SET subsidiary = ? WHERE id = ?", (SUBSIDIARY, found.erp_ids[0])
        )
        tables.executemany(
            "UPDATE netsuite_transactionline SET subsidiary = ? WHERE [transaction] = ?",
            [(SUBSIDIARY, each) for each in own],
        )
    return found


def listed(company: Sandbox, headers: dict[str, str], kind: str, first: int = 100) -> tuple[list[str], Any]:
    """The ids of the first page of a list, and how often each system was called for it."""
    company.emulators.clear()
    answer = ask(company, f"{{ {kind}(first: {first}) {{ nodes {{ id }} }} }}", **headers)
    assert "errors" not in answer, answer["errors"]
    return [each["id"] for each in answer["data"][kind]["nodes"]], company.emulators.counts()


def facts(company: Sandbox, kind: str, customer: CustomerFact) -> set[str]:
    of_kind: Any = getattr(company.world, kind)
    if kind == "customers":
        return {id_of(customer)}
    return {id_of(each) for each in of_kind if each.customer == customer}


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        # The ERP's customers of the entity; these in the CRM; and what the ERP says of those.
        ("customers", {"netsuite": 2, "salesforce": 1}),
        # The invoices of the entity, and the entity of their customer.
        ("invoices", {"netsuite": 2}),
        # Whose they are is in the CRM: the customer of the entity, its link, what is by it, and its entity.
        ("subscriptions", {"netsuite": 2, "salesforce": 1, "chargebee": 1}),
        # Payments are held against their invoices besides.
        ("payments", {"netsuite": 3, "salesforce": 1, "stripe": 1}),
    ],
)
def test_a_list_by_legal_entity_is_asked_for(
    company: Sandbox, alone: CustomerFact, kind: str, calls: dict[str, int]
) -> None:
    expected = facts(company, kind, alone)
    assert expected
    headers = {ROLE: "admin", LEGAL_ENTITIES: CODE}
    ids, counts = listed(company, headers, kind)
    assert set(ids) == expected
    assert counts == calls


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("customers", {"salesforce": 1}),
        ("invoices", {"salesforce": 1, "netsuite": 1}),
        ("subscriptions", {"salesforce": 1, "chargebee": 1}),
        ("payments", {"salesforce": 1, "stripe": 1}),
    ],
)
def test_a_list_of_one_customer_is_asked_for(
    company: Sandbox, alone: CustomerFact, kind: str, calls: dict[str, int]
) -> None:
    ids, counts = listed(company, {ROLE: "admin", CUSTOMER: id_of(alone)}, kind)
    assert set(ids) == facts(company, kind, alone)
    assert counts == calls


def test_an_entity_without_anything_reads_nothing_of_others(company: Sandbox, alone: CustomerFact) -> None:
    del alone
    headers = {ROLE: "admin", LEGAL_ENTITIES: "NOBODY"}
    for kind in ("customers", "subscriptions", "payments"):
        assert listed(company, headers, kind) == ([], {"netsuite": 1})
    assert listed(company, headers, "invoices") == ([], {"netsuite": 1})


@pytest.mark.parametrize("kind", ["customers", "subscriptions", "invoices", "payments"])
def test_what_is_listed_is_what_is_seen_by_id(company: Sandbox, alone: CustomerFact, kind: str) -> None:
    """Of an entity with many customers, some of whom the systems link badly."""
    code = next(each.entity.code for each in company.world.customers if each != alone)
    limited = {ROLE: "admin", LEGAL_ENTITIES: code}
    everything = whole(company, {ROLE: "admin"}, kind)
    seen: list[str] = []
    for start in range(0, len(everything), 100):
        asked = {"ids": everything[start : start + 100]}
        answer = ask(company, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", asked, **limited)
        seen += [each["id"] for each in answer["data"]["nodes"] if each]
    assert 0 < len(seen) < len(everything)
    assert whole(company, limited, kind) == seen


def whole(company: Sandbox, headers: dict[str, str], kind: str) -> list[str]:
    """The ids of a list, to its end."""
    found: list[str] = []
    after = None
    while True:
        document = (
            f"query ($after: String) {{ {kind}(first: 100, after: $after) "
            "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
        )
        answer = ask(company, document, {"after": after}, **headers)
        assert "errors" not in answer, answer["errors"]
        page = answer["data"][kind]
        found += [each["id"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
