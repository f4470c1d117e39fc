"""The model of tests/commands with more and ever new random lives, and its section of the page."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.engine import URL

from gateway.store.database import sqlite_url
from schema.enums import CommandStatus
from tests.commands.conftest import make_tables
from tests.commands.test_model import CommandsMachine
from tests.soak.section import Found, Say, Section

LIVES = 300
STEPS = 50


def run(folder: Path, say: Say) -> Found:
    """``LIVES`` lives of up to ``STEPS`` steps. A life that breaks a promise raises AssertionError."""
    made = folder / "made.sqlite"
    make_tables(sqlite_url(made))
    numbers = itertools.count(1)
    ended: Counter[CommandStatus] = Counter()
    crashes = itertools.count()
    lives = itertools.count()

    def fresh() -> URL:
        file = folder / f"{next(numbers)}.sqlite"
        shutil.copyfile(made, file)
        return sqlite_url(file)

    class Counted(CommandsMachine):
        """Counts what comes of its commands, and how often it died."""

        async def _restart(self) -> None:
            next(crashes)
            await super()._restart()

        async def _end(self) -> None:
            await super()._end()
            ended.update([each.status for each in await self._all()])
            if (done := next(lives) + 1) % 50 == 0:
                say(f"{done} lives")

    run_state_machine_as_test(
        lambda: Counted(fresh),
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    rows = [
        ("lives", next(lives)),
        ("deaths of the gateway in them", next(crashes)),
        ("commands accepted", ended.total()),
        *((f"ended as {status.value}", ended[status]) for status in CommandStatus if ended[status]),
    ]
    return Found(["| | |", "|---|--:|", *(f"| {name} | {count:,} |" for name, count in rows)])


SECTION = Section("model", "Random lives of commands against a model", run)
