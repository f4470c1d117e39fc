"""The operations on a subscription: each changes its document, and leaves one line in the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import msgspec

from adapters.chargebee.emulator import amendment, lifecycle
from adapters.chargebee.emulator.catalogue import SUBSCRIPTIONS
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
    subscription["updated_at"] = int(now)
    subscription["resource_version"] = max(int(now * 1000), before["resource_version"] + 1)
    store.execute(
        f"UPDATE {SUBSCRIPTIONS.table} SET document = ? WHERE id = ?",
        (msgspec.json.encode(subscription).decode(), subscription_id),
    )
    note_effect(store, Effect("chargebee", name, subscription_id, key))
    return subscription
