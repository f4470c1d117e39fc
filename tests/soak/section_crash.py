"""The crash suite in full, and its section of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.soak.crash import Case, run_crash_suite
from tests.soak.section import Found, Say, Section
from tests.soak.stores import STORES, store

KILLS = 4
BURST = 4


def run(folder: Path, say: Say) -> Found:
    """Every mutation dies ``KILLS`` times at every instant, on each store."""
    cases: list[Case] = []
    for kind in STORES:
        with store(kind) as state:
            cases += asyncio.run(
                run_crash_suite(folder / kind, kind, state, kills=KILLS, burst=BURST, say=say)
            )
    return found_of(cases)


def found_of(cases: Sequence[Case]) -> Found:
    """Counts by instant and by mutation."""
    table = [
        *_table("killed", cases, lambda case: case.instant.name),
        "",
        *_table("mutation", cases, lambda case: f"`{case.subject.mutation}` ({case.subject.system})"),
    ]
    wrong = [
        f"{case.subject.mutation}, killed {case.instant.name}, {case.store}: {case.tally}, "
        f"{case.unsettled} did not succeed"
        for case in cases
        if not case.well
    ]
    return Found(table, wrong)


def _table(by: str, cases: Sequence[Case], key: Callable[[Case], str]) -> list[str]:
    names = dict.fromkeys(key(case) for case in cases)
    stores = dict.fromkeys(case.store for case in cases)
    rows = [
        _row(name, kind, [case for case in cases if (key(case), case.store) == (name, kind)])
        for name in names
        for kind in stores
    ]
    return [
        f"| {by} | store | kills | never accepted | accepted | performed | lost | doubled |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
        *rows,
        _row("**all**", "", cases),
    ]


def _row(name: str, kind: str, cases: Sequence[Case]) -> str:
    counts = (
        sum(case.kills for case in cases),
        sum(case.unaccepted for case in cases),
        sum(case.tally.accepted for case in cases),
        sum(case.tally.performed for case in cases),
        sum(case.tally.lost for case in cases),
        sum(case.tally.doubled + case.tally.strange for case in cases),
    )
    return f"| {name} | {kind} | {' | '.join(f'{count:,}' for count in counts)} |"


SECTION = Section("crash", "Killed at every boundary of a command", run)
