"""Events reach whom policy lets hear of them, and no other, at the moment they are delivered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.auth.development import CUSTOMER, ROLE
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Sandbox, sandbox


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: these write."""
    with sandbox(tmp_path_factory.mktemp("policy-events") / "state", customers=40) as running:
        yield running


class Stream:
    """What one caller hears, over server-sent events, from when it has begun."""

    def __init__(self, company: Sandbox, query: str, headers: dict[str, str]) -> None:
        self._gateway = company.gateway
        self._body = {"query": query}
        self._headers = {**headers, "accept": "text/event-stream"}
        self.heard: list[Any] = []
        self._wanted = 1
        self.begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self.begun.wait(30)

    def first(self) -> Any:
        self._thread.join(60)
        return self.heard[0]

    def _listen(self) -> None:
        url = f"{self._gateway.url}/graphql"
        with self._gateway.http.stream("POST", url, json=self._body, headers=self._headers) as answer:
            for line in answer.iter_lines():
                # The first byte is a comment: the stream is open.
                self.begun.set()
                if line.startswith("data: "):
                    self.heard.append(json.loads(line.removeprefix("data: ")))
                    return


def update(company: Sandbox, customer: Any, phone: str) -> None:
    company.data(
        "mutation ($id: ID!, $phone: String) { updateCustomer(input: {id: $id, phone: $phone}) "
        "{ command { status } userErrors { code } } }",
        {"id": id_of(customer), "phone": phone},
    )


def test_a_widget_hears_of_its_customer_only(company: Sandbox) -> None:
    mine = known_everywhere(company.world)
    other = next(each for each in company.world.customers if each != mine)
    query = "subscription { businessEvents { type customer { id phone } } }"
    widget = Stream(company, query, {ROLE: "widget", CUSTOMER: id_of(mine)})
    admin = Stream(company, query, {ROLE: "admin"})
    update(company, other, "+1 555 0101")
    heard = admin.first()["data"]["businessEvents"]
    assert heard["customer"]["id"] == id_of(other)
    update(company, mine, "+1 555 0102")
    told = widget.first()["data"]["businessEvents"]
    # Its phone is personal, and a widget sees that there is one.
    assert told == {"type": "CUSTOMER_UPDATED", "customer": {"id": id_of(mine), "phone": "•••"}}


def test_commands_are_told_to_who_asked_for_them(company: Sandbox) -> None:
    customer = known_everywhere(company.world)
    query = "subscription { commandStatusChanged { command { id } current } }"
    sales = Stream(company, query, {ROLE: "sales"})
    auditor = Stream(company, query, {ROLE: "auditor"})
    update(company, customer, "+1 555 0103")
    theirs = auditor.first()["data"]["commandStatusChanged"]["command"]["id"]
    mine = company.gateway.http.post(
        f"{company.gateway.url}/graphql",
        json={
            "query": 'mutation ($id: ID!) { updateCustomer(input: {id: $id, industry: "Ships"}) '
            "{ command { id } } }",
            "variables": {"id": id_of(customer)},
        },
        headers={ROLE: "sales"},
    ).json()["data"]["updateCustomer"]["command"]["id"]
    assert mine != theirs
    assert sales.first()["data"]["commandStatusChanged"]["command"]["id"] == mine


def test_sales_hear_nothing_of_payments(company: Sandbox) -> None:
    answer = company.gateway.http.post(
        f"{company.gateway.url}/graphql",
        json={"query": "subscription { paymentStatusChanged { current } }"},
        headers={ROLE: "sales", "accept": "text/event-stream"},
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
