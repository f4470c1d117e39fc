"""How long the whole of a customer takes beside one call, where every system takes its time.

The sandbox, with each emulated system holding its answers back. What one call takes is the answer to a
query of the CRM alone; the customer's links are known, as they are after the first query for it.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.people import id_of, known_everywhere
from tests.scenarios.test_upstream_calls import ONE
from tests.support.origin import commit_of, load, machine
from tests.support.sandbox import Sandbox, sandbox

CALL = "query ($id: ID!) { customer(id: $id) { name } }"
VENDORS = ("salesforce", "chargebee", "netsuite", "stripe")
TARGET = 1.4


@dataclass(frozen=True, slots=True)
class Rounds:
    """Medians in milliseconds. calls: what the whole of the customer asked of all systems."""

    held_back_ms: float
    one_call_ms: float
    whole_ms: float
    calls: int

    @property
    def ratio(self) -> float:
        return self.whole_ms / self.one_call_ms


def measure(folder: Path, held_back_ms: float, times: int) -> Rounds:
    with sandbox(folder) as company:
        customer = {"id": id_of(known_everywhere(company.world))}
        company.data(ONE, customer)
        company.emulators.clear()
        company.data(ONE, customer)
        calls = sum(company.emulators.counts().values())
        for vendor in VENDORS:
            company.emulators.arm(vendor, "latency", times=1_000_000, seconds=held_back_ms / 1000)
        try:
            one: list[float] = []
            whole: list[float] = []
            for _ in range(times):
                one.append(_ms(company, CALL, customer))
                whole.append(_ms(company, ONE, customer))
        finally:
            company.emulators.disarm()
    return Rounds(held_back_ms, statistics.median(one), statistics.median(whole), calls)


def _ms(company: Sandbox, document: str, variables: dict[str, str]) -> float:
    started = time.perf_counter()
    company.data(document, variables)
    return (time.perf_counter() - started) * 1000


def table(found: Rounds, commit: str, load_before: float) -> str:
    return "\n".join(
        [
            f"Measured {time.strftime('%Y-%m-%d')} at commit {commit} on {machine()}; "
            f"load average before it {load_before:.1f}.",
            "",
            f"| every system holds its answers back by {found.held_back_ms:g} ms | median ms |",
            "|---|--:|",
            f"| one call: the customer's name | {found.one_call_ms:.1f} |",
            f"| the whole of the customer, {found.calls} calls | {found.whole_ms:.1f} |",
            f"| the whole beside one call, at most {TARGET} | {found.ratio:.2f} |",
        ]
    )


def told(root: Path, folder: Path) -> str:
    """The table of a full measurement."""
    commit, load_before = commit_of(root), load()
    return table(measure(folder, 50.0, 60), commit, load_before)
