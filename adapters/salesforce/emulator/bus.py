"""The org's event bus: every change of an account, in the order of commits, for 72 hours.

Triggers fill it, so that whoever writes the table is heard: the API, a test, a sandbox that moves by itself.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.salesforce.emulator.objects import OBJECTS

RETENTION_MS = 72 * 3600 * 1000
"""https://developer.salesforce.com/docs/platform/pub-sub-api/guide/event-message-durability.html"""

ENTITY = OBJECTS["account"]
COLUMNS = tuple(column for column in ENTITY.columns if column.name not in ("Id", "SystemModstamp"))
"""The columns of an account that an event can carry."""

_TABLE = (
    "CREATE TABLE IF NOT EXISTS salesforce_change (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " change_type TEXT NOT NULL, record_id TEXT NOT NULL, before TEXT, after TEXT,"
    " committed_at INTEGER NOT NULL)"
)
_NOW_MS = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``before`` and ``after`` are the columns of the record; None where there was no record."""

    number: int
    change_type: str
    record_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    committed_at_ms: int

    @property
    def replay_id(self) -> bytes:
        """Opaque to whoever gets it, and not contiguous."""
        return replay_id(self.number)


def replay_id(number: int) -> bytes:
    return (number * 251 + 17).to_bytes(8, "big")


def open_bus(store: sqlite3.Connection) -> None:
    """Begins to listen to a seeded store, where nobody does yet."""
    store.execute(_TABLE)
    for change_type, event, old, new in (
        ("CREATE", "INSERT", False, True),
        ("UPDATE", "UPDATE", True, True),
        ("DELETE", "DELETE", True, False),
    ):
        before, after = (_document("OLD") if old else "NULL"), (_document("NEW") if new else "NULL")
        store.execute(
            f"CREATE TRIGGER IF NOT EXISTS salesforce_on_{event.lower()} AFTER {event} ON {ENTITY.table}"
            " BEGIN INSERT INTO salesforce_change (change_type, record_id, before, after, committed_at)"
            f" VALUES ('{change_type}', {'NEW' if new else 'OLD'}.Id, {before}, {after}, {_NOW_MS}); END"
        )


def _document(row: str) -> str:
    pairs = ", ".join(f"'{column.name}', {row}.\"{column.name}\"" for column in COLUMNS)
    return f"json_object({pairs})"


class Bus:
    """Reads what happened."""

    def __init__(self, store: sqlite3.Connection, retention_ms: int = RETENTION_MS) -> None:
        self._store = store
        self._retention_ms = retention_ms

    def tip(self) -> int:
        """The number of the newest change; 0 before the first."""
        sql = "SELECT seq FROM sqlite_sequence WHERE name = 'salesforce_change'"
        found = self._store.execute(sql).fetchone()
        return 0 if found is None else int(found[0])

    def number_of(self, given: bytes) -> int | None:
        """The number of a replay id; None for one that is none or whose change is no longer retained."""
        number, rest = divmod(int.from_bytes(given, "big") - 17, 251)
        if len(given) != 8 or rest or not 0 <= number <= self.tip():
            return None
        oldest = self.oldest()
        return number if number == self.tip() or number >= oldest else None

    def oldest(self) -> int:
        """The number of the oldest change that is retained; behind the tip where none is."""
        sql = "SELECT min(number) FROM salesforce_change WHERE committed_at >= ?"
        found = self._store.execute(sql, (time.time() * 1000 - self._retention_ms,)).fetchone()
        return self.tip() + 1 if found[0] is None else int(found[0])

    def after(self, number: int, most: int) -> list[Change]:
        """Changes behind a number, oldest first."""
        if self._store.in_transaction:
            # The store is one connection: what is not committed yet would be seen.
            return []
        rows = self._store.execute(
            "SELECT * FROM salesforce_change WHERE number > ? AND number >= ? ORDER BY number LIMIT ?",
            (number, self.oldest(), most),
        )
        return [
            Change(
                row["number"],
                row["change_type"],
                row["record_id"],
                None if row["before"] is None else msgspec.json.decode(row["before"]),
                None if row["after"] is None else msgspec.json.decode(row["after"]),
                row["committed_at"],
            )
            for row in rows
        ]
