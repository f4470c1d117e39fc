"""What the differential tests share: a company, random operations over it, and the comparison itself.

Errors are compared in the order of their paths: planned execution gives them in the order of the document,
the plain executor in the order in which fields happen to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from resolvers.ids import Ref, encode_command_id, encode_event_id
from resolvers.viewer import UNRESTRICTED, Viewer
from tests.planned.operations import Generator
from tests.planned.world import Company, company
from tests.scenarios.people import id_of

CASES = int(os.environ.get("DIFFERENTIAL_CASES", "2000"))
"""Of both differential tests together, which run in a process each."""

FAULTS = (None, None, None, "error", "truncate", "content_type", "expire_token")
VENDORS = ("salesforce", "chargebee", "netsuite", "stripe")

SEEDS = st.integers(0, 2**40)


def cases(count: int) -> settings:
    """The same cases in every run. How long one takes says nothing of what it finds."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


class Both:
    """The company in a loop of its own, and what asks both executors.

    calls: how many calls each executor's answers took of the systems, where all of them were well.
    """

    def __init__(self, runner: asyncio.Runner, running: Company, generator: Generator) -> None:
        self.runner = runner
        self.company = running
        self.generator = generator
        self.calls: Counter[str] = Counter()

    def compare(
        self,
        text: str,
        variables: dict[str, Any],
        vendor: str,
        fault: str | None,
        viewer: Viewer = UNRESTRICTED,
    ) -> dict[str, Any]:
        """Asks both, and gives their answer."""
        running = self.company
        if fault is not None:
            running.fronts[vendor].arm(Fault(kind=fault, times=10**6))  # type: ignore[arg-type]
        try:
            plain, of_plain = self._ask(running.plainly, text, variables, viewer)
            planned, of_planned = self._ask(running.by_plan, text, variables, viewer)
        finally:
            running.disarm()
        said = f"{text}\n{variables}\n{vendor}: {fault}\nas {viewer.subject}"
        assert orjson.dumps(planned.get("data")) == orjson.dumps(plain.get("data")), said
        if planned.get("data", self) is None:
            # Of a plain answer that is null, chance says what else had failed by then.
            assert errors_of(planned)[0] in errors_of(plain), said
        else:
            assert errors_of(planned) == errors_of(plain), said
        assert planned.keys() == plain.keys(), said
        if fault is None:
            self.calls["plain"] += sum(of_plain.values())
            self.calls["planned"] += sum(of_planned.values())
        return planned

    def calls_of(self, text: str, variables: dict[str, Any], viewer: Viewer) -> dict[str, int]:
        """The calls of each system that a planned answer takes."""
        return self._ask(self.company.by_plan, text, variables, viewer)[1]

    def _ask(
        self, operations: Any, text: str, variables: dict[str, Any], viewer: Viewer
    ) -> tuple[dict[str, Any], dict[str, int]]:
        self.company.clear()
        answer = self.runner.run(self.company.ask(operations, text, variables, viewer))
        return answer, self.company.calls()


def errors_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """By path. Which of the calls of one load fails first, and how long its answer was, is chance."""
    for error in answer.get("errors", ()):
        error["message"] = re.sub(r"answer of \d+ bytes", "answer of some bytes", error["message"])
    return sorted(answer.get("errors", ()), key=lambda error: repr((error.get("path"), error["message"])))


@contextlib.contextmanager
def both_executors(folder: Path) -> Iterator[Both]:
    """Both executors over a company of their own."""
    with asyncio.Runner() as runner:
        entered = company(folder)
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
