"""Nothing lost, in full, and its section of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

from tests.soak.events import Load, Outcome, run_events
from tests.soak.section import Found, Say, Section
from tests.support.nats import NatsServer

FULL = Load(webhooks=50_000, kills=5, restarts=2, customers=200)
_COLUMNS = [field.name for field in fields(Outcome)]


def run(folder: Path, say: Say) -> Found:
    """One run on a log in SQLite and one in JetStream, at the same time."""
    nats = NatsServer(folder / "nats")
    nats.start()
    try:
        with ThreadPoolExecutor() as runs:
            outcomes = [
                runs.submit(asyncio.run, run_events(folder / kind, kind, FULL, broker, say))
                for kind, broker in (("SQLite", None), ("JetStream", nats))
            ]
        return found_of([outcome.result() for outcome in outcomes])
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
