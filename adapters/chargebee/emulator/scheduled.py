"""Changes of subscriptions that wait for the end of the term. Kept, and never carried out."""

from __future__ import annotations

import sqlite3

import msgspec

from adapters.chargebee.emulator.problem import Problem
from adapters.chargebee.emulator.term import Document


def open_schedule(store: sqlite3.Connection) -> None:
    """Creates the table where there is none."""
    store.execute(
        "CREATE TABLE IF NOT EXISTS chargebee_scheduled_change"
        " (subscription_id TEXT PRIMARY KEY, changes TEXT NOT NULL)"
    )


def schedule(store: sqlite3.Connection, subscription: Document, changes: Document) -> None:
    """Keeps the attributes that will change, in the place of what was scheduled."""
    store.execute(
        "INSERT OR REPLACE INTO chargebee_scheduled_change VALUES (?, ?)",
        (subscription["id"], msgspec.json.encode(changes).decode()),
    )
    subscription["has_scheduled_changes"] = True


def unschedule(store: sqlite3.Connection, subscription: Document) -> None:
    """Forgets what was scheduled, if anything was."""
    store.execute("DELETE FROM chargebee_scheduled_change WHERE subscription_id = ?", (subscription["id"],))
    subscription["has_scheduled_changes"] = False


def planned(store: sqlite3.Connection, subscription_id: str) -> Document | None:
    """The attributes that will change, with their values; None where nothing is scheduled."""
    row = store.execute(
        "SELECT changes FROM chargebee_scheduled_change WHERE subscription_id = ?", (subscription_id,)
    ).fetchone()
    return None if row is None else msgspec.json.decode(row["changes"])


def with_changes(store: sqlite3.Connection, subscription: Document) -> Document:
    """The subscription as it will be.

    https://apidocs.chargebee.com/docs/api/subscriptions/retrieve-with-scheduled-changes
    """
    changes = planned(store, subscription["id"])
    if changes is None:
        raise Problem(409, "The subscription has no scheduled changes.")
    return subscription | changes
