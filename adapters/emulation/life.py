"""The emulated company moves by itself: payments fail, invoices fall due, subscriptions renew.

Each vendor lists what can happen there. A life draws one after another, weighted, and each picks its record:
which things happen to which records, and in which order, follows from the seed and from how much has
happened so far. Times and the ids of what is new do not.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Happen = Callable[[sqlite3.Connection, Random], str | None]
"""Makes it happen in a seeded store, by the emulator's own operations, and gives the id of the record; None
where no record is in the state for it."""

_TRIES = 20
"""How often something else is drawn where nothing was in the state for it."""

_SCHEMA = "CREATE TABLE IF NOT EXISTS life (number INTEGER PRIMARY KEY, vendor TEXT, name TEXT, record TEXT)"


@dataclass(frozen=True, slots=True)
class Happening:
    """One kind of thing that happens at a vendor. ``weight`` is how often, beside the others."""

    name: str
    weight: int
    happen: Happen


class Life:
    """What happens at some vendors, one thing at a time."""

    def __init__(
        self, store: sqlite3.Connection, happenings: Sequence[tuple[str, Happening]], seed: int
    ) -> None:
        self._store = store
        self._happenings = happenings
        self._weights = [happening.weight for _, happening in happenings]
        self._seed = seed
        store.execute(_SCHEMA)
        self._number: int = store.execute("SELECT coalesce(max(number), 0) FROM life").fetchone()[0]

    def step(self) -> str | None:
        """The next thing; None where nothing was in the state for what was drawn."""
        self._number += 1
        rng = Random(f"{self._seed}:{self._number}")
        vendor, happening = rng.choices(self._happenings, self._weights)[0]
        record = happening.happen(self._store, rng)
        self._store.execute(
            "INSERT INTO life VALUES (?, ?, ?, ?)", (self._number, vendor, happening.name, record)
        )
        return None if record is None else f"{vendor}: {happening.name} {record}"

    async def run(self, pace_s: float) -> None:
        """One thing every ``pace_s`` seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(pace_s)
            for _ in range(_TRIES):
                if self.step() is not None:
                    break


def pick(
    store: sqlite3.Connection, rng: Random, query: str, values: Sequence[Any] = ()
) -> sqlite3.Row | None:
    """A row of a query at random; None where it has none. The query orders its rows by when they were made:
    ids that were drawn must not decide."""
    rows: int = store.execute(f"SELECT count(*) FROM ({query})", values).fetchone()[0]  # noqa: S608
    if rows == 0:
        return None
    return store.execute(f"{query} LIMIT 1 OFFSET ?", (*values, rng.randrange(rows))).fetchone()
