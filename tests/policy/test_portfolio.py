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
def binding() -> Iterator[Issuer]:
    """An issuer whose tokens name customers."""
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    company: Sandbox, issuer: Issuer, binding: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    sections = {
        "auth": {
            "api_keys": True,
            "issuers": [
                {"issuer": issuer.url, "audience": "fieldgate"},
                {"issuer": binding.url, "audience": "fieldgate", "customer_claim": "customers"},
            ],
        },
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


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("customers", {"salesforce": 1}),
        # The portfolio, what links its customers, and what is theirs.
        ("subscriptions", {"salesforce": 2, "chargebee": 1}),
        ("invoices", {"salesforce": 2, "netsuite": 1}),
    ],
)
def test_the_systems_are_asked_for_a_portfolio_alone(
    company: Sandbox, gateway: Gateway, issuer: Issuer, kind: str, calls: dict[str, int]
) -> None:
    email = company.world.customers[0].account_manager.email
    company.emulators.clear()
    answer = ask(gateway, issuer, email, f"{{ {kind}(first: 100) {{ nodes {{ id }} }} }}")
    facts: Any = getattr(company.world, kind)
    own = [each for each in facts if getattr(each, "customer", each).account_manager.email == email]
    assert len(answer["data"][kind]["nodes"]) == min(100, len(own)) > 0
    assert company.emulators.counts() == calls


def test_a_caller_of_several_customers_lists_what_is_theirs(
    company: Sandbox, gateway: Gateway, binding: Issuer
) -> None:
    paying = {payment.customer.crm_id for payment in company.world.payments}
    own = [each for each in company.world.customers if each.billing_id and each.crm_id in paying][:3]
    customers = tuple(id_of(each) for each in own)
    token = binding.sign(roles=["admin"], customers=list(customers))

    def listed(kind: str) -> Any:
        company.emulators.clear()
        answer = httpx.post(
            f"{gateway.url}/graphql",
            json={"query": f"{{ {kind}(first: 100) {{ nodes {{ id }} }} }}"},
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=30,
        ).json()
        return (
            answer["errors"] if "errors" in answer else {each["id"] for each in answer["data"][kind]["nodes"]}
        )

    assert listed("customers") == set(customers)
    subscriptions = {id_of(each) for each in company.world.subscriptions if each.customer in own}
    assert listed("subscriptions") == subscriptions
    assert company.emulators.counts() == {"salesforce": 1, "chargebee": 1}
    # Stripe lists the payments of one customer at a time: all would have to be read.
    (refused,) = listed("payments")
    assert refused["extensions"]["code"] == "FORBIDDEN"
    assert "stripe" not in company.emulators.counts()


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
