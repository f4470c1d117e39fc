"""``extensions.plan``: how an operation was carried out, told to who asks and may know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.emulation.faults import Fault
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.ids import decode_id
from resolvers.planned.fallback import REASONS
from tests.planned.world import Company, company
from tests.scenarios.people import id_of

POLICY = Policy()
PLAN = {"plan": True}
QUERY = "query ($id: ID!) { customer(id: $id) { name email legalName payments(first: 2) { nodes { id } } } }"


class Asking:
    def __init__(self, runner: asyncio.Runner, running: Company) -> None:
        self.runner = runner
        self.company = running
        self.id = id_of(next(each for each in running.world.customers if each.payments_id))

    def __call__(self, role: str, query: str = QUERY, **more: object) -> dict[str, Any]:
        viewer = POLICY.viewer(Principal("ada", (role,)))
        variables = {"id": self.id} if "$id" in query else {}
        asked = self.company.ask(self.company.by_plan, query, variables, viewer, more or PLAN)
        return self.runner.run(asked)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asyncio.Runner() as runner:
        entered = company(tmp_path_factory.mktemp("about") / "state", customers=12)
        running = runner.run(entered.__aenter__())
        try:
            yield Asking(runner, running)
        finally:
            runner.run(entered.__aexit__(None, None, None))


def test_what_was_asked_of_each_system_is_told(ask: Asking) -> None:
    plan = ask("admin")["extensions"]["plan"]
    loads = {load["connection"]: load for each in plan["rounds"] for load in each["loads"]}
    crm = loads["salesforce"]
    assert (crm["system"], crm["type"], crm["key"], crm["keys"], crm["rows"]) == (
        "CRM",
        "Customer",
        "id",
        1,
        1,
    )
    assert {"name", "email"} <= set(crm["fields"])
    assert loads["stripe"]["type"] == "Payment"
    assert loads["stripe"]["places"] == ["customer.payments"]
    assert plan["assembled"] == "by generated code"
    assert "salesforce: Customer by id (1 key, 1 call, 1 row) for customer: " in plan["text"]
    assert f"estimated at {plan['points']} points" in plan["text"]


def test_what_is_masked_is_read_and_what_is_refused_is_not(ask: Asking) -> None:
    """``developer`` may not read e-mail addresses as they are: a plan of its own, in generated code too."""
    answer = ask("developer")
    assert answer["data"]["customer"]["email"] == "•••"
    assert answer["extensions"]["plan"]["assembled"] == "by generated code"
    refused = ask("sales", "{ customers(first: 1) { nodes { name legalName } } }", cost=True)
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert "plan" not in refused["extensions"]


def test_what_is_refused_is_left_out_by_generated_code(ask: Asking) -> None:
    viewer = POLICY.viewer(Principal("ada", ("sales",), frozenset({"plan:read"})))
    below = "invoices(first: 1) { nodes { payments { nodes { id } } } }"
    query = f"{{ customers(first: 2) {{ nodes {{ name legalName {below} }} }} }}"
    answer = ask.runner.run(ask.company.ask(ask.company.by_plan, query, {}, viewer, PLAN))
    plan = answer["extensions"]["plan"]
    assert plan["assembled"] == "by generated code"
    loads = [load for each in plan["rounds"] for load in each["loads"]]
    assert {load["connection"] for load in loads} == {"salesforce", "netsuite"}
    assert not any("legal_name" in load["fields"] for load in loads)
    paths = [error["path"] for error in answer["errors"]]
    assert ["customers", "nodes", 1, "legalName"] in paths
    assert ["customers", "nodes", 0, "invoices", "nodes", 0, "payments"] in paths


def test_callers_of_other_rights_get_no_plan_of_each_other(ask: Asking) -> None:
    """One document, asked by one after the other: whoever came first, each gets its own answer."""
    query = "query ($id: ID!) { customer(id: $id) { name email taxId delinquent contacts { name } } }"
    mine = frozenset({decode_id(ask.id)})
    principals = [Principal(role, (role,)) for role in ("admin", "sales", "developer", "finance")]
    principals += [replace(principals[0], customers=mine), replace(principals[0], customers=frozenset())]
    seen: set[str] = set()
    for principal in (*principals, *reversed(principals)):
        viewer = POLICY.viewer(principal)
        plain, planned = (
            ask.runner.run(ask.company.ask(executor, query, {"id": ask.id}, viewer))
            for executor in (ask.company.plainly, ask.company.by_plan)
        )
        assert planned == plain
        seen.add(repr(planned["data"]))
    assert len(seen) == 4


@pytest.mark.parametrize("role", ["sales", "auditor", "support"])
def test_it_takes_a_scope(ask: Asking, role: str) -> None:
    ask.company.clear()
    answer = ask(role)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert "plan:read" in answer["errors"][0]["message"]
    assert answer.get("refused")
    assert ask.company.calls() == {}


def test_who_sees_some_objects_only_is_not_told_how_many_there_are(ask: Asking) -> None:
    """The rows that were read for a list are counted before others' are left out."""
    ask.company.clear()
    viewer = POLICY.viewer(Principal("ada", ("admin",), customers=frozenset({decode_id(ask.id)})))
    query = "{ payments(first: 1) { nodes { id } } }"
    answer = ask.runner.run(ask.company.ask(ask.company.by_plan, query, {}, viewer, PLAN))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert answer.get("refused")
    assert ask.company.calls() == {}


def test_nobody_is_told_unasked(ask: Asking) -> None:
    assert "extensions" not in ask("admin", plan="yes")
    assert ask("admin", cost=True)["extensions"].keys() == {"cost"}


@pytest.mark.parametrize(
    "selection",
    [
        "customers(first: 3) { nodes { recurringRevenue { amount } records { system recordId url asOf } } }",
        "subscriptions(first: 3) { nodes { customer { id } contract { number autoRenew renewsOn } } }",
        "invoices(first: 3) { nodes { customer { legalName } subscription { id status } } }",
        "payments(first: 3) { nodes { invoice { number customer { id } } ledgerEntry { postedOn } } }",
        "node(id: $id) { id ... on Customer { name subscriptions { nodes { id } } } }",
        "nodes(ids: [$id, $id]) { __typename ... on Customer { invoices(first: 1) { nodes { number } } } }",
        "customerBy(lookup: {id: $id}) { name payments(first: 1) { nodes { status } } }",
    ],
)
def test_generated_code_assembles_it(ask: Asking, selection: str) -> None:
    head = "query ($id: ID!) " if "$id" in selection else ""
    answer = ask("admin", f"{head}{{ {selection} }}")
    assert "errors" not in answer
    assert answer["extensions"]["plan"]["assembled"] == "by generated code"


def test_what_is_not_planned_says_why(ask: Asking) -> None:
    plan = ask("admin", "{ __schema { queryType { name } } }")["extensions"]["plan"]
    assert (plan["planned"], plan["reason"]) == (False, "introspection")
    assert plan["text"].startswith(f"not planned: {REASONS['introspection']}")


def test_a_load_that_failed_says_so(ask: Asking) -> None:
    ask.company.fronts["stripe"].arm(Fault(kind="error", times=100))
    try:
        plan = ask("admin")["extensions"]["plan"]
    finally:
        ask.company.disarm()
    loads = [load for each in plan["rounds"] for load in each["loads"]]
    assert {load["connection"]: load["rows"] is None for load in loads}["stripe"]
    assert "no answer" in plan["text"]
    assert plan["assembled"].startswith("value by value")
