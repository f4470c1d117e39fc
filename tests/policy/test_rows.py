"""Callers limited to customers: what is another's is as if it did not exist, however it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.auth.development import CUSTOMER, LEGAL_ENTITIES, ROLE
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Sandbox


def ask(company: Sandbox, document: str, variables: dict[str, Any] | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    http = company.gateway.http
    return http.post(
        f"{company.gateway.url}/graphql",
        json={"query": document, "variables": variables or {}},
        headers=named,
    ).json()


@pytest.fixture
def widget(company: Sandbox) -> dict[str, str]:
    return {ROLE: "widget", CUSTOMER: id_of(known_everywhere(company.world))}


def other(company: Sandbox) -> Any:
    mine = known_everywhere(company.world)
    return next(each for each in company.world.customers if each != mine)


def test_a_widget_sees_its_customer_and_no_other(company: Sandbox, widget: dict[str, str]) -> None:
    mine, theirs = widget[CUSTOMER], id_of(other(company))
    answer = ask(
        company,
        "query ($mine: ID!, $theirs: ID!) { mine: customer(id: $mine) { id } "
        "theirs: customer(id: $theirs) { id } node(id: $theirs) { id } nodes(ids: [$mine, $theirs]) { id } }",
        {"mine": mine, "theirs": theirs},
        **widget,
    )
    assert answer["data"] == {
        "mine": {"id": mine},
        "theirs": None,
        "node": None,
        "nodes": [{"id": mine}, None],
    }
    assert "errors" not in answer


def test_root_lists_of_a_widget_hold_what_is_its_customers(company: Sandbox, widget: dict[str, str]) -> None:
    answer = ask(
        company,
        "query ($id: ID!) { customers { nodes { id } pageInfo { hasNextPage } } "
        "invoices(first: 100) { nodes { customer { id } id } } "
        "customer(id: $id) { invoices(first: 100) { nodes { id } } } }",
        {"id": widget[CUSTOMER]},
        **widget,
    )
    data = answer["data"]
    assert data["customers"] == {"nodes": [{"id": widget[CUSTOMER]}], "pageInfo": {"hasNextPage": False}}
    mine = [each["id"] for each in data["invoices"]["nodes"]]
    assert mine == [each["id"] for each in data["customer"]["invoices"]["nodes"]]
    assert {each["customer"]["id"] for each in data["invoices"]["nodes"]} == {widget[CUSTOMER]}


def test_objects_of_others_are_not_there_whatever_their_type(
    company: Sandbox, widget: dict[str, str]
) -> None:
    mine = known_everywhere(company.world).crm_id
    found = [
        id_of(next(each for each in kind if each.customer.crm_id != mine))
        for kind in (company.world.subscriptions, company.world.invoices, company.world.payments)
    ]
    answer = ask(company, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": found}, **widget)
    assert answer == {"data": {"nodes": [None, None, None]}}


def test_a_widget_without_a_customer_sees_none(company: Sandbox) -> None:
    answer = ask(company, "{ customers { nodes { id } } invoices { nodes { id } } }", **{ROLE: "widget"})
    assert answer == {"data": {"customers": {"nodes": []}, "invoices": {"nodes": []}}}


def test_a_legal_entity_limits_every_list(company: Sandbox) -> None:
    everybody = ask(company, "{ customers(first: 100) { nodes { id legalEntity { code } } } }")
    by_entity: dict[str | None, list[str]] = {}
    for each in everybody["data"]["customers"]["nodes"]:
        by_entity.setdefault((each["legalEntity"] or {}).get("code"), []).append(each["id"])
    code = next(code for code in by_entity if code is not None)
    assert len(by_entity) > 1
    limited = {ROLE: "finance", LEGAL_ENTITIES: code}
    answer = ask(company, "{ customers(first: 100) { nodes { id } } }", **limited)
    assert [each["id"] for each in answer["data"]["customers"]["nodes"]] == by_entity[code]
    answer = ask(company, "{ subscriptions(first: 100) { nodes { customer { id } } } }", **limited)
    assert {each["customer"]["id"] for each in answer["data"]["subscriptions"]["nodes"]} <= set(
        by_entity[code]
    )


def test_pages_of_a_limited_list_hold_together(company: Sandbox) -> None:
    everybody = ask(company, "{ customers(first: 100) { nodes { legalEntity { code } } } }")
    code = next(
        each["legalEntity"]["code"] for each in everybody["data"]["customers"]["nodes"] if each["legalEntity"]
    )
    limited = {ROLE: "finance", LEGAL_ENTITIES: code}
    whole = ask(company, "{ customers(first: 100) { nodes { id } } }", **limited)["data"]["customers"][
        "nodes"
    ]
    found: list[Any] = []
    after: str | None = None
    for _ in range(len(whole) + 1):
        page = ask(
            company,
            "query ($after: String) { customers(first: 2, after: $after) "
            "{ nodes { id } pageInfo { hasNextPage endCursor } } }",
            {"after": after},
            **limited,
        )["data"]["customers"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == whole


def test_a_write_to_what_is_not_seen_is_not_found_and_sends_nothing(company: Sandbox) -> None:
    target = id_of(other(company))
    company.emulators.clear()
    answer = ask(
        company,
        'mutation ($id: ID!) { updateCustomer(input: {id: $id, phone: "+1"}) '
        "{ command { id } userErrors { code message } } }",
        {"id": target},
        **{ROLE: "admin", CUSTOMER: id_of(known_everywhere(company.world))},
    )
    assert answer["data"]["updateCustomer"] == {
        "command": None,
        "userErrors": [{"code": "NOT_FOUND", "message": "id: there is no such Customer"}],
    }
    assert not [call for call in company.emulators.calls("salesforce") if call["method"] == "PATCH"]
