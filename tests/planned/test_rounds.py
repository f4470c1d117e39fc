"""How many rounds and calls operations take, counted by the systems themselves; and what goes together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planned.world import Company, company
from tests.scenarios.people import id_of, known_everywhere

CUSTOMER_360 = """query ($id: ID!) { customer(id: $id) {
  id name email status legalName receivables { balance { amount currency } } delinquent
  subscriptions(first: 10) { nodes { id plan { code } status recurringRevenue { amount currency }
    invoices(first: 8) { nodes { id number status total { amount currency } dueOn
      payments(first: 5) { nodes { id status amount { amount currency } method { kind } } } } } } }
} }"""

FOUR = {"salesforce": 1, "chargebee": 1, "netsuite": 2, "stripe": 2}

TABLE: list[tuple[str, str, int, dict[str, int]]] = [
    ("a customer", "{ customer(id: %(customer)s) { name status } }", 1, {"salesforce": 1}),
    ("a customer of the ERP", "{ customer(id: %(customer)s) { legalName } }", 1,
     {"salesforce": 1, "netsuite": 1}),
    ("a customer of the payment gateway, its link seen", "{ customer(id: %(customer)s) { delinquent } }", 1,
     {"salesforce": 1, "stripe": 1}),
    ("the 360 of a customer, its links seen", CUSTOMER_360, 1, FOUR),
    ("a customer's subscriptions", "{ customer(id: %(customer)s) { subscriptions { nodes { status } } } }", 1,
     {"salesforce": 1, "chargebee": 1}),
    ("a customer's invoices", "{ customer(id: %(customer)s) { invoices { nodes { number } } } }", 1,
     {"salesforce": 1, "netsuite": 1}),
    ("a customer's payments", "{ customer(id: %(customer)s) { payments { nodes { status } } } }", 1,
     {"salesforce": 1, "stripe": 1}),
    ("invoices of subscriptions, with their places",
     "{ customer(id: %(customer)s) { subscriptions { nodes { invoices { pageInfo { endCursor } } } } } }", 2,
     {"salesforce": 1, "chargebee": 1, "netsuite": 1}),
    ("customers", "{ customers(first: 5) { nodes { id name } } }", 1, {"salesforce": 1}),
    ("customers with what they owe", "{ customers(first: 5) { nodes { receivables { onHold } } } }", 2,
     {"salesforce": 1, "netsuite": 1}),
    ("customers with subscriptions and their invoices",
     "{ customers(first: 5) { nodes { subscriptions { nodes { invoices { nodes { number } } } } } } }", 2,
     {"salesforce": 1, "chargebee": 1, "netsuite": 1}),
    ("subscriptions", "{ subscriptions(first: 20) { nodes { id status } } }", 1, {"chargebee": 1}),
    ("a subscription with its contract", "{ subscription(id: %(subscription)s) { contract { number } } }", 2,
     {"chargebee": 1, "salesforce": 1}),
    ("a subscription's customer", "{ subscription(id: %(subscription)s) { customer { name } } }", 2,
     {"chargebee": 1, "salesforce": 1}),
    ("an invoice", "{ invoice(id: %(invoice)s) { number } }", 1, {"netsuite": 1}),
    ("an invoice's customer", "{ invoice(id: %(invoice)s) { customer { name } } }", 2,
     {"netsuite": 1, "salesforce": 1}),
    ("an invoice's payments", "{ invoice(id: %(invoice)s) { payments { nodes { status } } } }", 3,
     {"netsuite": 1, "salesforce": 1, "stripe": 1}),
    ("payments with their ledger entries", "{ payments(first: 20) { nodes { ledgerEntry { number } } } }", 2,
     {"stripe": 1, "netsuite": 1}),
    ("two customers by aliases",
     "{ a: customer(id: %(customer)s) { name } b: customer(id: %(customer)s) { email } }", 1,
     {"salesforce": 1}),
    ("objects of every kind", "{ nodes(ids: [%(customer)s, %(subscription)s, %(invoice)s, %(payment)s]) { id "
     "... on Customer { name } ... on Invoice { number } } }", 1,
     {"salesforce": 1, "chargebee": 1, "netsuite": 1, "stripe": 1}),
]  # fmt: skip


class Running:
    def __init__(self, runner: asyncio.Runner, company: Company) -> None:
        self.runner = runner
        self.company = company
        world = company.world
        customer = known_everywhere(world)
        payment = next(each for each in world.payments if each.customer is customer)
        facts = {
            "customer": customer,
            "subscription": payment.invoice.subscription,
            "invoice": payment.invoice,
            "payment": payment,
        }
        self.ids = {name: f'"{id_of(fact)}"' for name, fact in facts.items()}
        self.customer = id_of(customer)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("rounds") / "state"
    with asyncio.Runner() as runner:
        entered = company(folder, customers=30)
        found = runner.run(entered.__aenter__())
        try:
            # Tokens are fetched, and the links of every customer are seen.
            runner.run(found.ask(found.plainly, "{ customers(first: 100) { nodes { id legalName } } }", {}))
            yield Running(runner, found)
        finally:
            runner.run(entered.__aexit__(None, None, None))


@pytest.mark.parametrize(("document", "rounds", "calls"), [e[1:] for e in TABLE], ids=[e[0] for e in TABLE])
def test_rounds_and_calls(running: Running, document: str, rounds: int, calls: dict[str, int]) -> None:
    found = running.company
    text = document % running.ids if "%(" in document else document
    found.clear()
    taken = running.runner.run(found.rounds(text, {"id": running.customer} if "$id" in text else {}))
    assert (taken, found.calls()) == (rounds, calls)


@pytest.mark.parametrize(("document", "rounds", "calls"), [e[1:] for e in TABLE], ids=[e[0] for e in TABLE])
def test_an_answer_tells_its_rounds_and_calls(
    running: Running, document: str, rounds: int, calls: dict[str, int]
) -> None:
    found = running.company
    text = document % running.ids if "%(" in document else document
    variables = {"id": running.customer} if "$id" in text else {}
    answer = running.runner.run(
        found.ask(found.by_plan, text, variables, extensions={"plan": True, "cost": True})
    )
    plan = answer["extensions"]["plan"]
    made: Counter[str] = Counter()
    for each in plan["rounds"]:
        for load in each["loads"]:
            made[load["connection"]] += load["calls"]
            assert load["fields"]
            assert load["places"] != []
    assert (plan["planned"], len(plan["rounds"]), made) == (True, rounds, calls)
    assert plan["points"] == answer["extensions"]["cost"]["points"]
    assert plan["text"].count("round ") == rounds
    assert plan["assembled"] == "by generated code"


@pytest.mark.parametrize("document", [e[1] for e in TABLE], ids=[e[0] for e in TABLE])
def test_fewer_rounds_bring_the_same(running: Running, document: str) -> None:
    """What comes along with a customer is told apart by links that nobody has to select."""
    found = running.company
    text = document % running.ids if "%(" in document else document
    variables = {"id": running.customer} if "$id" in text else {}
    by_plan = running.runner.run(found.ask(found.by_plan, text, variables))
    assert by_plan == running.runner.run(found.ask(found.plainly, text, variables))
    assert "errors" not in by_plan


def test_loads_of_one_turn_are_one_call_whoever_asks(running: Running) -> None:
    found = running.company

    async def all_at_once() -> list[dict[str, object]]:
        ids = [id_of(fact) for fact in found.world.customers[:20]]
        document = "query ($id: ID!) { customer(id: $id) { id name } }"
        return await asyncio.gather(*(found.ask(found.by_plan, document, {"id": each}) for each in ids * 3))

    found.clear()
    answers = running.runner.run(all_at_once())
    asked = [id_of(fact) for fact in found.world.customers[:20]] * 3
    assert [answer["data"]["customer"]["id"] for answer in answers] == asked  # type: ignore[index]
    assert found.calls() == {"salesforce": 1}


def test_what_one_caller_asks_wrongly_costs_the_others_nothing(running: Running) -> None:
    """A position that no list gave is refused; the same list from its beginning is answered."""
    found = running.company

    async def both() -> list[dict[str, object]]:
        document = "query ($after: String) { customers(first: 2, after: $after) { nodes { id } } }"
        page = "{ customers(first: 2) { nodes { id } } }"
        return await asyncio.gather(
            found.ask(found.by_plan, document, {"after": "nonsense"}), found.ask(found.by_plan, page, {})
        )

    refused, answered = running.runner.run(both())
    assert "errors" in refused
    assert "errors" not in answered
