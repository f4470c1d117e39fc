"""Nothing lost, in full, and its section of the page."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path

from tests.soak.events import Load, Outcome, run_events
from tests.soak.section import Found, Say, Section
from tests.support.nats import NatsServer

FULL = Load(webhooks=50_000, kills=5, restarts=2, customers=200)
_COLUMNS = [field.name for field in fields(Outcome)]


def run(folder: Path, say: Say) -> Found:
    """One run on a log in SQLite and one in JetStream, at the same time."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as runs:
        outcomes = [runs.submit(_one, folder / kind, kind) for kind in ("SQLite", "JetStream")]
        return found_of([outcome.result() for outcome in outcomes])


def _one(folder: Path, kind: str) -> Outcome:
    """A run in a process of its own, which says itself how far it is."""
    say = functools.partial(print, flush=True)
    if kind == "SQLite":
        return asyncio.run(run_events(folder, kind, FULL, say=say))
    nats = NatsServer(folder / "nats")
    nats.start()
    try:
        return asyncio.run(run_events(folder, kind, FULL, nats, say))
    finally:
        nats.kill()


def found_of(outcomes: Sequence[Outcome]) -> Found:
    """A line for each run."""
    table = [
        "| log | " + " | ".join(name for name in _COLUMNS[1:]) + " |",
        "|---|" + "--:|" * (len(_COLUMNS) - 1),
        *(_row(outcome) for outcome in outcomes),
    ]
    return Found(table, [str(outcome) for outcome in outcomes if not outcome.well])


def _row(outcome: Outcome) -> str:
    counts = [getattr(outcome, name) for name in _COLUMNS[1:]]
    return f"| {outcome.store} | {' | '.join(f'{count:,}' for count in counts)} |"


SECTION = Section("events", "50,000 webhooks, and nothing lost", run)
