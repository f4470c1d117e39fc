"""Changes to records, as ``PATCH record/v1/{type}/{id}`` makes them.

What the body leaves out stays, null clears; nothing is written where anything is refused. A change that
changes nothing is answered like any other, moves no ``lastmodifieddate`` and has no effect in the journal.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec

from adapters.emulation.journal import Effect, note_effect
from adapters.emulation.store import transaction
from adapters.netsuite.emulator.address_book import change_address_book
from adapters.netsuite.emulator.problems import Problem, bad_content, no_record, user_error
from adapters.netsuite.emulator.receivables import restate

PENDING, APPROVED, REJECTED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class _Property:
    """A property that can be changed: its column, and how its JSON becomes what the column holds."""

    column: str
    read: Callable[[str, Any], Any]


def _text(most: int, *, required: str = "") -> Callable[[str, Any], Any]:
    """Text of at most ``most`` characters; ``required`` is the label of a field that cannot be empty."""

    def read(path: str, value: Any) -> Any:
        if value is not None and not isinstance(value, str):
            raise bad_content(path, f"Invalid value for the field {path}.")
        if required and not value:
            raise user_error(f"Please enter value(s) for: {required}")
        if value and len(value) > most:
            raise user_error(
                f"The field {path} contained more than the maximum number ( {most} ) of characters allowed."
            )
        return value or None

    return read


def _day(path: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        return f"{date.fromisoformat(value):%Y-%m-%d} 00:00:00"
    except (TypeError, ValueError):
        raise bad_content(path, f"Invalid value for the field {path}.") from None


def _checkbox(path: str, value: Any) -> Any:
    if not isinstance(value, bool):
        raise bad_content(path, f"Invalid value for the field {path}.")
    return "T" if value else "F"


def _approval(path: str, value: Any) -> Any:
    chosen = cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else None
    if not re.fullmatch(r"[123]", str(chosen)):
        raise bad_content(path, f"Invalid {path} reference key.")
    return int(str(chosen))


_PROPERTIES: Mapping[str, Mapping[str, _Property]] = {
    "customer": {
        "companyName": _Property("companyname", _text(83, required="Company Name")),
        "vatRegNumber": _Property("vatregnumber", _text(20)),
        "email": _Property("email", _text(254)),
        "phone": _Property("phone", _text(21)),
        "custentity_crm_id": _Property("custentity_crm_id", _text(300)),
        "custentity_fieldgate_command": _Property("custentity_fieldgate_command", _text(300)),
    },
    "invoice": {
        "memo": _Property("memo", _text(4000)),
        "dueDate": _Property("duedate", _day),
        "approvalStatus": _Property("approvalstatus", _approval),
        "custbody_subscription_id": _Property("custbody_subscription_id", _text(300)),
        "custbody_fieldgate_command": _Property("custbody_fieldgate_command", _text(300)),
        "custbody_draft": _Property("custbody_draft", _checkbox),
        "custbody_written_off": _Property("custbody_written_off", _checkbox),
    },
}
_TABLES = {"customer": "netsuite_customer", "invoice": "netsuite_transaction"}
_USES = {
    "customer": "SELECT 1 FROM netsuite_transaction WHERE entity = ? LIMIT 1",
    "invoice": "SELECT 1 WHERE ? IS NULL",
}
"""Finds what stands in the way of deleting a record."""

_DELETES = {
    "customer": (
        "DELETE FROM netsuite_customeraddressbook WHERE entity = ?",
        "DELETE FROM netsuite_customer WHERE id = ?",
    ),
    "invoice": (
        "DELETE FROM netsuite_transactionaccountingline WHERE [transaction] = ?",
        "DELETE FROM netsuite_transactionline WHERE [transaction] = ?",
        "DELETE FROM netsuite_transaction WHERE id = ?",
    ),
}
_MARKERS = {"customer": "custentity_fieldgate_command", "invoice": "custbody_fieldgate_command"}


def json_object(body: bytes) -> dict[str, Any]:
    """A request's body. Raises the problem that NetSuite answers to anything but an object."""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = None
    if not isinstance(content, dict):
        raise Problem(400, "INVALID_CONTENT", "Invalid content in the request body.")
    return cast("dict[str, Any]", content)


def change_record(
    store: sqlite3.Connection, kind: str, record_id: int, body: Mapping[str, Any], *, strict: bool
) -> None:
    """Changes a customer or an invoice. ``strict`` refuses unknown properties; else they are passed over."""
    known = _PROPERTIES[kind]
    book = body.get("addressBook") if kind == "customer" else None
    for name in body:
        if strict and name not in known and not (kind == "customer" and name == "addressBook"):
            raise bad_content(name, f"Unknown reference or property name '{name}'.")
    values = {
        known[name].column: known[name].read(name, value) for name, value in body.items() if name in known
    }
    with transaction(store):
        row = _row(store, kind, record_id)
        changed = {column: value for column, value in values.items() if row[column] != value}
        action = f"update {kind}"
        if kind == "invoice" and changed:
            action = _apply_rules(row, changed)
        moved = book is not None and change_address_book(store, record_id, book)
        if not changed and not moved:
            return
        changed["lastmodifieddate"] = now()
        places = ", ".join(f"[{column}] = ?" for column in changed)
        sql = f"UPDATE {_TABLES[kind]} SET {places} WHERE id = ?"
        store.execute(sql, (*changed.values(), record_id))
        if kind == "invoice":
            restate(store, row["entity"])
        key = changed.get(_MARKERS[kind], row[_MARKERS[kind]])
        note_effect(store, Effect("netsuite", action, str(record_id), key))


def delete_record(store: sqlite3.Connection, kind: str, record_id: int) -> None:
    """Deletes a record that nothing else refers to, and keeps that it was there in ``deletedrecord``."""
    with transaction(store):
        row = _row(store, kind, record_id)
        used = store.execute(_USES[kind], (record_id,)).fetchone()
        if used is not None or (kind == "invoice" and float(row["foreignamountpaid"]) > 0):
            raise user_error("This record cannot be deleted because it has dependent records")
        for statement in _DELETES[kind]:
            store.execute(statement, (record_id,))
        name = row["tranid"] if kind == "invoice" else row["entityid"]
        store.execute(
            "INSERT INTO netsuite_deletedrecord (recordid, type, name, deleteddate) VALUES (?, ?, ?, ?)",
            (record_id, kind, name, now()),
        )
        if kind == "invoice":
            restate(store, row["entity"])
        note_effect(store, Effect("netsuite", f"delete {kind}", str(record_id), None))


def now() -> str:
    """This moment, as tables hold it."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"


def _row(store: sqlite3.Connection, kind: str, record_id: int) -> sqlite3.Row:
    of_kind = " AND type = 'CustInvc'" if kind == "invoice" else ""
    sql = f"SELECT * FROM {_TABLES[kind]} WHERE id = ?{of_kind}"
    row = store.execute(sql, (record_id,)).fetchone()
    if row is None:
        raise no_record(record_id)
    if kind == "invoice":
        _check_period(store, row)
    return row


def _check_period(store: sqlite3.Connection, row: sqlite3.Row) -> None:
    sql = "SELECT closed, allownonglchanges FROM netsuite_accountingperiod WHERE id = ?"
    period = store.execute(sql, (row["postingperiod"],)).fetchone()
    if period is not None and period["closed"] == "T" and period["allownonglchanges"] != "T":
        raise user_error("This transaction cannot be changed because its accounting period is closed.")


def _apply_rules(row: sqlite3.Row, changed: dict[str, Any]) -> str:
    """Checks a change of an invoice, adds what follows from it, and gives its name."""
    if "approvalstatus" not in changed:
        return "update invoice"
    if row["status"] not in ("D", "E"):
        raise user_error("The approval status of a posted or voided transaction cannot be changed.")
    wanted = changed["approvalstatus"]
    paid = float(row["foreignamountunpaid"]) <= 0
    changed["status"] = {PENDING: "D", APPROVED: "B" if paid else "A", REJECTED: "E"}[wanted]
    changed["posting"] = "T" if wanted == APPROVED else "F"
    return {PENDING: "reopen invoice", APPROVED: "approve invoice", REJECTED: "reject invoice"}[wanted]
