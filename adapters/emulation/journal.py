"""What the emulators did: one line for each effect, so that a test can count what was performed.

A replay of an idempotency key, a refused request and a write that changed nothing have no effect and
leave no line.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """One performed write. ``key`` is what the caller marked it with: an idempotency key, a marker field."""

    vendor: str
    action: str
    record_id: str
    key: str | None


def open_journal(store: sqlite3.Connection) -> None:
    """Creates the table where there is none."""
    store.execute(
        "CREATE TABLE IF NOT EXISTS effect "
        "(number INTEGER PRIMARY KEY, vendor TEXT, action TEXT, record_id TEXT, key TEXT)"
    )


def note_effect(store: sqlite3.Connection, effect: Effect) -> None:
    """Adds one line. In the same transaction as the change itself, where there is one."""
    store.execute(
        "INSERT INTO effect (vendor, action, record_id, key) VALUES (?, ?, ?, ?)",
        (effect.vendor, effect.action, effect.record_id, effect.key),
    )


def effects(store: sqlite3.Connection, vendor: str | None = None) -> list[Effect]:
    """Everything done so far, oldest first."""
    query = "SELECT vendor, action, record_id, key FROM effect WHERE ? IS NULL OR vendor = ? ORDER BY number"
    return [Effect(*row) for row in store.execute(query, (vendor, vendor))]
