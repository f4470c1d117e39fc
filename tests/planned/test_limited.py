"""Plans for callers who see some objects only: the calls that their limits cost, nothing ahead of them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from gateway.policy.settings import PolicySettings, RoleSettings, RowSettings
from resolvers.ids import Ref
from resolvers.viewer import Viewer
from tests.planned.world import Company, company
from tests.scenarios.people import id_of, known_everywhere

POLICY = Policy(
    PolicySettings(
        roles={"keeper": RoleSettings(extends=("support",), rows=RowSettings(own_portfolio=True))},
    )
)
QUERY = """query ($id: ID!) { customer(id: $id) { name subscriptions(first: 2) { nodes { id } }
  invoices(first: 2) { nodes { number } } payments(first: 2) { nodes { id } } } }"""


class Asking:
    def __init__(self, runner: asyncio.Runner, running: Company) -> None:
        self.runner = runner
        self.company = running
        self.mine = known_everywhere(running.world)
        manager = self.mine.account_manager.email
        self.other = next(
            each
            for each in running.world.customers
            if each.account_manager.email != manager and each.entity.code != self.mine.entity.code
        )
        by_name = frozenset({Ref(RecordType.CUSTOMER, "salesforce", self.mine.crm_id)})
        self.callers: dict[str, Viewer] = {
            "by name": POLICY.viewer(Principal("ada", ("support",), customers=by_name)),
            "by portfolio": POLICY.viewer(Principal("ada", ("keeper",), email=manager.lower())),
            "by legal entity": POLICY.viewer(
                Principal("ada", ("support",), legal_entities=frozenset({self.mine.entity.code}))
            ),
        }

    def __call__(
        self, caller: str, query: str, customer: Any = None
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """The answer of a plan, and the calls that it took."""
        self.company.clear()
        variables = {} if customer is None else {"id": id_of(customer)}
        asked = self.company.ask(self.company.by_plan, query, variables, self.callers[caller])
        return self.runner.run(asked), self.company.calls()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asyncio.Runner() as runner:
        entered = company(tmp_path_factory.mktemp("limited") / "state", customers=30)
        running = runner.run(entered.__aenter__())
        try:
            # Tokens are fetched, and the links of every customer are seen.
            runner.run(
                running.ask(
                    running.plainly, "{ customers(first: 100) { nodes { id legalName delinquent } } }", {}
                )
            )
            yield Asking(runner, running)
        finally:
            runner.run(entered.__aexit__(None, None, None))


@pytest.mark.parametrize(
    ("caller", "calls"),
    [
        ("by name", {"salesforce": 1, "chargebee": 1, "netsuite": 1, "stripe": 1}),
        ("by portfolio", {"salesforce": 1, "chargebee": 1, "netsuite": 1, "stripe": 1}),
        # The ERP says whose the customer is; a payment is held against its invoice.
        ("by legal entity", {"salesforce": 1, "chargebee": 1, "netsuite": 3, "stripe": 1}),
    ],
)
def test_limits_cost_what_has_to_be_known(ask: Asking, caller: str, calls: dict[str, int]) -> None:
    answer, made = ask(caller, QUERY, ask.mine)
    assert answer["data"]["customer"]["name"] == ask.mine.name
    assert "errors" not in answer
    assert made == calls


@pytest.mark.parametrize(
    ("caller", "calls"),
    [
        ("by name", {"salesforce": 1}),
        ("by portfolio", {"salesforce": 1}),
        ("by legal entity", {"salesforce": 1, "netsuite": 1}),
    ],
)
def test_nothing_is_loaded_for_what_is_not_seen(ask: Asking, caller: str, calls: dict[str, int]) -> None:
    answer, made = ask(caller, QUERY, ask.other)
    assert answer == {"data": {"customer": None}}
    assert made == calls


def test_they_are_planned(ask: Asking) -> None:
    for caller in ask.callers:
        answer, _ = ask(
            caller, "{ customers(first: 3) { nodes { name } } invoices(first: 3) { nodes { id } } }"
        )
        assert "errors" not in answer
    assert not ask.company.planned.fallbacks.by_reason


@pytest.mark.parametrize(
    ("caller", "vendor", "query"),
    [
        ("by legal entity", "netsuite", "{ customers(first: 20) { nodes { id } } }"),
        ("by portfolio", "salesforce", "{ invoices(first: 20) { nodes { id } } }"),
        ("by portfolio", "stripe", "{ payments(first: 20) { nodes { id } } }"),
        ("by legal entity", "netsuite", "{ payments(first: 20) { nodes { id } } }"),
    ],
)
def test_whose_an_object_is_nobody_can_say(ask: Asking, caller: str, vendor: str, query: str) -> None:
    """Whoever waits for many objects hears of the first that fails; the others are nobody's surprise."""
    unheard: list[dict[str, Any]] = []
    loop, running = ask.runner.get_loop(), ask.company
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    running.fronts[vendor].arm(Fault(kind="error", times=1000))
    try:
        asked = running.ask(running.by_plan, query, {}, ask.callers[caller])
        answer = ask.runner.run(asked)
        gc.collect()
    finally:
        running.disarm()
        loop.set_exception_handler(None)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["SYSTEM_UNAVAILABLE"]
    assert unheard == []
