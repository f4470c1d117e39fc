"""The operations on a subscription: each changes its document, and leaves one line in the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import msgspec

from adapters.chargebee.emulator import amendment, lifecycle
from adapters.chargebee.emulator.catalogue import SUBSCRIPTIONS, Catalogue
from adapters.chargebee.emulator.events import happened
from adapters.chargebee.emulator.parameters import Form
from adapters.chargebee.emulator.problem import Problem
from adapters.chargebee.emulator.scheduled import planned
from adapters.chargebee.emulator.term import Document
from adapters.emulation.journal import Effect, note_effect


@dataclass(frozen=True, slots=True)
class Operation:
    """``POST /subscriptions/{id}/{name}``: its parameters, and what it does to the document."""

    form: Form
    run: Callable[[sqlite3.Connection, Document, Document, int], None]


OPERATIONS: Mapping[str, Operation] = {
    "update_for_items": Operation(amendment.UPDATE, amendment.update_for_items),
    "remove_scheduled_changes": Operation(amendment.REMOVE, amendment.remove_scheduled_changes),
    "pause": Operation(lifecycle.PAUSE, lifecycle.pause),
    "resume": Operation(lifecycle.RESUME, lifecycle.resume),
    "cancel_for_items": Operation(lifecycle.CANCEL, lifecycle.cancel),
    "reactivate": Operation(lifecycle.REACTIVATE, lifecycle.reactivate),
    "remove_scheduled_cancellation": Operation(lifecycle.KEEP, lifecycle.remove_scheduled_cancellation),
}


def find(store: sqlite3.Connection, subscription_id: str) -> Document:
    """The subscription's document. Raises the ``Problem`` of an unknown one."""
    row = store.execute(
        f"SELECT document FROM {SUBSCRIPTIONS.table} WHERE id = ?", (subscription_id,)
    ).fetchone()
    if row is None:
        raise Problem(404, f"{subscription_id} not found", param="subscription_id")
    return msgspec.json.decode(row["document"])


def operate(
    store: sqlite3.Connection,
    subscription_id: str,
    name: str,
    pairs: Iterable[tuple[str, str]],
    key: str | None,
    now: float,
    source: str = "api",
) -> Document:
    """Carries an operation out, and gives the document it leaves. In a transaction of the caller's.

    One that changes nothing leaves no trace; any other moves ``updated_at`` and ``resource_version``.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Problem(404)
    given = operation.form.read(pairs)
    before = find(store, subscription_id)
    subscription, planned_before = deepcopy(before), planned(store, subscription_id)
    operation.run(store, subscription, given, int(now))
    if subscription == before and planned(store, subscription_id) == planned_before:
        return before
    save(store, SUBSCRIPTIONS, subscription, now)
    note_effect(store, Effect("chargebee", name, subscription_id, key))
    happened(store, _EVENTS[name](before, subscription), subscription, now, source=source)
    return subscription


def save(store: sqlite3.Connection, catalogue: Catalogue, document: Document, now: float) -> None:
    """Replaces a document, as one that was changed now."""
    document["updated_at"] = int(now)
    document["resource_version"] = max(int(now * 1000), document["resource_version"] + 1)
    store.execute(
        f"UPDATE {catalogue.table} SET document = ? WHERE id = ?",
        (msgspec.json.encode(document).decode(), document["id"]),
    )


def _updated(before: Document, after: Document) -> str:
    scheduled = after["has_scheduled_changes"]
    items = "subscription_items"
    return (
        "subscription_changes_scheduled"
        if scheduled and after[items] == before[items]
        else ("subscription_changed")
    )


def _cancelled(before: Document, after: Document) -> str:
    ended = after["status"] == "cancelled"
    return "subscription_cancelled" if ended else "subscription_cancellation_scheduled"


_EVENTS: Mapping[str, Callable[[Document, Document], str]] = {
    "update_for_items": _updated,
    "remove_scheduled_changes": lambda before, after: "subscription_scheduled_changes_removed",
    "pause": lambda before, after: "subscription_paused",
    "resume": lambda before, after: "subscription_resumed",
    "cancel_for_items": _cancelled,
    "reactivate": lambda before, after: "subscription_reactivated",
    "remove_scheduled_cancellation": lambda before, after: "subscription_scheduled_cancellation_removed",
}
"""The type of the event by what the subscription was before and is after."""
