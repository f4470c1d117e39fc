"""What the systems tell reaches whoever watches: real webhooks, one event each, with what caused it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adapters.contracts.vocabulary import PaymentStatus, SubscriptionStatus
from adapters.emulation.world import CustomerFact
from tests.contract.writes_stripe import card_payer
from tests.scenarios.people import id_of
from tests.scenarios.test_mutations import accepted, mutate
from tests.support.sandbox import Sandbox, sandbox

EVENT = "id type origin system correlationId summary customer { id } subject { id }"
LISTEN = f"subscription {{ businessEvents {{ {EVENT} }} }}"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: things happen here."""
    with sandbox(tmp_path_factory.mktemp("events") / "state") as running:
        running.data("{ customers(first: 1) { nodes { name legalName } } }")
        yield running


@contextlib.contextmanager
def listening(company: Sandbox, document: str = LISTEN) -> Iterator[Iterator[dict[str, Any]]]:
    """The data of a subscription, each as it comes."""
    with company.gateway.http.stream(
        "POST",
        f"{company.gateway.url}/graphql",
        json={"query": document},
        headers={"accept": "text/event-stream"},
        timeout=20,
    ) as answer:
        assert answer.status_code == 200, answer.read()
        yield _data(answer)


def _data(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            payload = json.loads(line.removeprefix("data: "))
            assert "errors" not in payload, payload
            yield payload["data"]


def until(events: Iterator[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    """Events up to the first of a type."""
    found: list[dict[str, Any]] = []
    for data in events:
        found.append(data["businessEvents"])
        if found[-1]["type"] == type:
            return found
    raise AssertionError(found)


def pay(company: Sandbox, customer: CustomerFact) -> dict[str, Any]:
    """A payment that somebody makes at Stripe, without the gateway."""
    base_url = company.emulators.urls["stripe"]
    keys = {"authorization": "Bearer sk_test_sandbox"}
    http = company.emulators.http
    methods = http.get(f"{base_url}/v1/customers/{customer.payments_id}/payment_methods", headers=keys)
    form = {
        "amount": "1250",
        "currency": customer.currency.lower(),
        "customer": customer.payments_id,
        "payment_method": methods.json()["data"][0]["id"],
        "confirm": "true",
        "off_session": "true",
        "metadata[crm_id]": customer.crm_id,
    }
    answer = http.post(f"{base_url}/v1/payment_intents", data=form, headers=keys).json()
    return answer["error"]["payment_intent"] if "error" in answer else answer


def timeline(company: Sandbox, customer: CustomerFact) -> list[dict[str, Any]]:
    document = f"query ($id: ID!) {{ customer(id: $id) {{ timeline {{ nodes {{ {EVENT} }} }} }} }}"
    return company.data(document, {"id": id_of(customer)})["customer"]["timeline"]["nodes"]


def test_a_payment_that_fails_at_stripe_arrives_as_one_event(company: Sandbox) -> None:
    customer = card_payer(company.world, delinquent=True)
    with listening(company) as events:
        intent = pay(company, customer)
        heard = until(events, "PAYMENT_FAILED")
    failed = [event for event in timeline(company, customer) if event["type"] == "PAYMENT_FAILED"]
    assert failed == [heard[-1]]
    assert failed[0] == {
        "id": failed[0]["id"],
        "type": "PAYMENT_FAILED",
        "origin": "SOURCE",
        "system": "PAYMENTS",
        "correlationId": None,
        "summary": f"{intent['id']} failed",
        "customer": {"id": id_of(customer)},
        "subject": failed[0]["subject"],
    }
    document = "query ($id: ID!) { node(id: $id) { ... on Payment { status } } }"
    read = company.data(document, {"id": failed[0]["subject"]["id"]})["node"]
    assert read == {"status": PaymentStatus.FAILED.value}


def test_a_mutation_and_its_webhook_are_one_event_with_its_correlation_id(company: Sandbox) -> None:
    fact = next(each for each in company.world.subscriptions if each.status is SubscriptionStatus.ACTIVE)
    with listening(company) as events:
        command = accepted(
            mutate(
                company,
                "pauseSubscription",
                {"id": id_of(fact)},
                input_type="SubscriptionActionInput",
            )
        )
        heard = until(events, "SUBSCRIPTION_PAUSED")
    assert heard[-1]["correlationId"] == command["correlationId"]
    about = [each for each in timeline(company, fact.customer) if each["subject"] == {"id": id_of(fact)}]
    assert about == [heard[-1]]


def test_a_retried_payment_is_one_event_with_the_mutations_correlation_id(company: Sandbox) -> None:
    """Matched by the idempotency key, which Stripe gives back in the event."""
    customer = card_payer(company.world, delinquent=True)
    with listening(company) as events:
        pay(company, customer)
        failed = until(events, "PAYMENT_FAILED")[-1]
        payload = mutate(
            company, "retryPayment", {"id": failed["subject"]["id"]}, input_type="PaymentActionInput"
        )
        assert payload["userErrors"] == []
        while (again := until(events, "PAYMENT_FAILED")[-1])["subject"] != failed["subject"]:
            pass
    assert again["correlationId"] == payload["command"]["correlationId"]
    assert again["id"] != failed["id"]


def test_the_company_moves_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("life") / "state"
    with sandbox(folder, customers=40, pace_s=0.02) as running, listening(running) as events:
        systems = {next(events)["businessEvents"]["system"] for _ in range(40)}
    assert {"PAYMENTS", "SUBSCRIPTIONS"} <= systems
