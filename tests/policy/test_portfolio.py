"""Account managers see the customers whose account manager they are, by the e-mail address in their token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.auth.issuer import Issuer, issuing
from tests.scenarios.people import id_of
from tests.support.sandbox import Gateway, Sandbox, serving_over

LISTS = (
    "{ customers(first: 100) { nodes { id } } "
    "subscriptions(first: 100) { nodes { customer { id } } } "
    "payments(first: 100) { nodes { customer { id } } } }"
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(company: Sandbox, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    sections = {
        "auth": {"api_keys": True, "issuers": [{"issuer": issuer.url, "audience": "fieldgate"}]},
        "policy": {
            "roles": {"account-manager": {"extends": ["sales", "finance"], "rows": {"own_portfolio": True}}}
        },
    }
    folder = tmp_path_factory.mktemp("portfolio")
    with serving_over(company.emulators.urls, folder, sections=sections) as running:
        yield running


def ask(gateway: Gateway, issuer: Issuer, email: str | None, document: str, **variables: Any) -> Any:
    token = issuer.sign(roles=["account-manager"], email=email)
    return httpx.post(
        f"{gateway.url}/graphql",
        json={"query": document, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    ).json()


def test_a_portfolio_is_what_its_manager_sees(company: Sandbox, gateway: Gateway, issuer: Issuer) -> None:
    managers = {each.account_manager.email for each in company.world.customers}
    assert len(managers) > 1
    email = sorted(managers)[0]
    own = {id_of(each) for each in company.world.customers if each.account_manager.email == email}
    # Mail addresses are one address however their letters are written.
    data = ask(gateway, issuer, email.upper(), LISTS)["data"]
    assert {each["id"] for each in data["customers"]["nodes"]} == own
    for kind in ("subscriptions", "payments"):
        assert data[kind]["nodes"]
        assert {each["customer"]["id"] for each in data[kind]["nodes"]} <= own


def test_others_customers_are_not_there_and_cannot_be_written(
    company: Sandbox, gateway: Gateway, issuer: Issuer
) -> None:
    one = company.world.customers[0]
    email = next(
        each.account_manager.email
        for each in company.world.customers
        if each.account_manager.email != one.account_manager.email
    )
    company.emulators.clear()
    answer = ask(gateway, issuer, email, "query ($id: ID!) { customer(id: $id) { name } }", id=id_of(one))
    assert answer == {"data": {"customer": None}}
    written = ask(
        gateway,
        issuer,
        email,
        "mutation ($id: ID!) { updateCustomer(input: {id: $id, phone: null}) "
        "{ command { id } userErrors { code } } }",
        id=id_of(one),
    )
    payload = written["data"]["updateCustomer"]
    assert payload["command"] is None
    assert [each["code"] for each in payload["userErrors"]] in (["NOT_FOUND"], ["FORBIDDEN"])
    assert not [call for call in company.emulators.calls("salesforce") if call["method"] == "PATCH"]


@pytest.mark.parametrize("email", [None, "", "nobody@fieldgate.example.com"])
def test_who_manages_nobody_sees_nobody(gateway: Gateway, issuer: Issuer, email: str | None) -> None:
    data = ask(gateway, issuer, email, LISTS)["data"]
    assert all(data[kind]["nodes"] == [] for kind in ("customers", "subscriptions", "payments"))
