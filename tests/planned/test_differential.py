"""Both executors give the same answer, to the byte, whatever is asked and whichever system is down.

Errors are compared in the order of their paths: planned execution gives them in the order of the document,
the plain executor in the order in which fields happen to end.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from resolvers.ids import Ref, encode_command_id, encode_event_id
from tests.planned.operations import Generator
from tests.planned.world import Company, company
from tests.scenarios.people import id_of

CASES = int(os.environ.get("DIFFERENTIAL_CASES", "1000"))
FAULTS = (None, None, None, "error", "truncate", "content_type", "expire_token")


class Both:
    """The company in a loop of its own, and what asks both executors."""

    def __init__(self, runner: asyncio.Runner, running: Company, generator: Generator) -> None:
        self.runner = runner
        self.company = running
        self.generator = generator

    def compare(self, seed: int, vendor: str, fault: str | None) -> None:
        operation = self.generator.operation(seed)
        running = self.company
        if fault is not None:
            running.fronts[vendor].arm(Fault(kind=fault, times=10**6))  # type: ignore[arg-type]
        try:
            plain = self.runner.run(running.ask(running.plainly, operation.text, operation.variables))
            planned = self.runner.run(running.ask(running.by_plan, operation.text, operation.variables))
        finally:
            running.disarm()
        said = f"{operation.text}\n{operation.variables}\n{vendor}: {fault}"
        assert orjson.dumps(planned.get("data")) == orjson.dumps(plain.get("data")), said
        assert _errors(planned) == _errors(plain), said
        assert planned.keys() == plain.keys(), said


def _errors(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """By path. Which of the calls of one load fails first, and how long its answer was, is chance."""
    for error in answer.get("errors", ()):
        error["message"] = re.sub(r"answer of \d+ bytes", "answer of some bytes", error["message"])
    return sorted(answer.get("errors", ()), key=lambda error: repr((error.get("path"), error["message"])))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with asyncio.Runner() as runner:
        entered = company(tmp_path_factory.mktemp("differential") / "state")
        running = runner.run(entered.__aenter__())
        try:
            yield Both(runner, running, _generator(runner, running))
        finally:
            runner.run(entered.__aexit__(None, None, None))


def _generator(runner: asyncio.Runner, running: Company) -> Generator:
    world = running.world
    generator = Generator(
        running.planned._schema,
        {
            "customer": [id_of(fact) for fact in world.customers],
            "subscription": [id_of(fact) for fact in world.subscriptions[:30]],
            "invoice": [id_of(fact) for fact in world.invoices[:40]],
            "payment": [id_of(fact) for fact in world.payments[:40]],
            "command": [encode_command_id("none")],
            "event": [encode_event_id(each) for each in ("0", "1")],
            "absent": [
                Ref(RecordType.CUSTOMER, "salesforce", "001000000000000AAA").encode(),
                Ref(RecordType.INVOICE, "netsuite", "999999999").encode(),
                Ref(RecordType.PAYMENT, "nowhere", "1").encode(),
            ],
        },
        [fact.email for fact in world.customers if fact.email][:5],
        [
            ("CRM", world.customers[0].crm_id),
            ("ERP", "1"),
            ("TAX", "1"),
            *(("PAYMENTS", fact.payments_id) for fact in world.customers[:3] if fact.payments_id),
            *(("ERP", str(fact.erp_ids[0])) for fact in world.customers[:3] if fact.erp_ids),
        ],
    )
    for document in (
        "{ customers(first: 5) { edges { cursor node { subscriptions(first: 3) { edges { cursor } } "
        "invoices(first: 3) { edges { cursor } } payments(first: 3) { edges { cursor } } } } } "
        "subscriptions(first: 5) { edges { cursor node { invoices(first: 3) { edges { cursor } } } } } "
        "invoices(first: 9) { edges { cursor node { payments(first: 3) { edges { cursor } } } } } "
        "payments(first: 5) { edges { cursor } } }",
    ):
        data = runner.run(running.ask(running.plainly, document, {}))["data"]
        _keep_cursors(generator, "Query", data)
    return generator


_KINDS = {
    "customers": "Customer",
    "subscriptions": "Subscription",
    "invoices": "Invoice",
    "payments": "Payment",
}


def _keep_cursors(generator: Generator, parent: str, data: dict[str, Any]) -> None:
    for name, page in data.items():
        if name not in _KINDS or page is None:
            continue
        place = name if parent == "Query" else f"{parent}.{name}"
        for edge in page["edges"]:
            generator.cursors.append((place, edge["cursor"]))
            _keep_cursors(generator, _KINDS[name], edge.get("node") or {})


@settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(
    seed=st.integers(0, 2**40),
    vendor=st.sampled_from(("salesforce", "chargebee", "netsuite", "stripe")),
    fault=st.sampled_from(FAULTS),
)
@pytest.mark.timeout(0)
def test_both_executors_give_the_same_answer(both: Both, seed: int, vendor: str, fault: str | None) -> None:
    both.compare(seed, vendor, fault)


def test_nothing_of_the_contract_falls_back(both: Both) -> None:
    assert not both.company.planned.fallbacks.by_reason
    assert both.company.planned.fallbacks.planned > 0
