"""Avro: the schema of ``AccountChangeEvent``, and changes written by it.

Columns are in the order of the object's table; compound fields (an address, a person's name) are not nested
as they are in a real org.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import fastavro
import msgspec

from adapters.salesforce.emulator.bus import COLUMNS, Change
from adapters.salesforce.emulator.objects import Kind
from adapters.salesforce.emulator.sessions import ORGANIZATION_ID, RUN_AS_USER_ID

CHANGE_TYPES = (
    "CREATE",
    "UPDATE",
    "DELETE",
    "UNDELETE",
    "GAP_CREATE",
    "GAP_UPDATE",
    "GAP_DELETE",
    "GAP_UNDELETE",
    "GAP_OVERFLOW",
    "SNAPSHOT",
)
_STRINGS = {"type": "array", "items": "string"}
_HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": _STRINGS},
        {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES}},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": _STRINGS},
        {"name": "diffFields", "type": _STRINGS},
        {"name": "changedFields", "type": _STRINGS},
    ],
}
_TYPES: Mapping[Kind, str] = {
    Kind.BOOLEAN: "boolean",
    Kind.INT: "int",
    Kind.DATE: "long",
    Kind.DATETIME: "long",
}

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "AccountChangeEvent",
    "namespace": "com.sforce.eventbus",
    "fields": [
        {"name": "ChangeEventHeader", "type": _HEADER},
        *(
            {"name": column.name, "type": ["null", _TYPES.get(column.kind, "string")], "default": None}
            for column in COLUMNS
        ),
    ],
}
SCHEMA_JSON = msgspec.json.encode(SCHEMA).decode()
SCHEMA_ID = hashlib.sha256(SCHEMA_JSON.encode()).hexdigest()[:22]

_parsed = fastavro.parse_schema(SCHEMA)
_write: Callable[..., None] = cast("Any", fastavro).schemaless_writer


def event_of(change: Change) -> dict[str, Any]:
    """The event of a change: an update carries what changed, a creation what is not null, a deletion
    nothing."""
    before, after = change.before or {}, change.after or {}
    changed = [column.name for column in COLUMNS if before.get(column.name) != after.get(column.name)]
    carried = changed if change.after is not None else []
    is_update = change.change_type == "UPDATE"
    header = {
        "entityName": "Account",
        "recordIds": [change.record_id],
        "changeType": change.change_type,
        "changeOrigin": "",
        "transactionKey": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{ORGANIZATION_ID}:{change.number}")),
        "sequenceNumber": 1,
        "commitTimestamp": change.committed_at_ms,
        "commitNumber": 10_000_000_000 + change.number,
        "commitUser": RUN_AS_USER_ID,
        "nulledFields": bitmaps(name for name in carried if after[name] is None) if is_update else [],
        "diffFields": [],
        "changedFields": bitmaps(carried) if is_update else [],
    }
    values = {column.name: _value(column.kind, after[column.name]) for column in COLUMNS if after}
    return {"ChangeEventHeader": header, **{name: values[name] for name in carried}}


def payload_of(event: Mapping[str, Any]) -> bytes:
    out = io.BytesIO()
    _write(out, _parsed, event)
    return out.getvalue()


def bitmaps(names: Any) -> Sequence[str]:
    """Field names as one bitmap: the lowest bit is the header, the first field of the schema."""
    places = {column.name: place for place, column in enumerate(COLUMNS, start=1)}
    bits = sum(1 << places[name] for name in names)
    return [f"0x{bits:X}"] if bits else []


def _value(kind: Kind, stored: Any) -> Any:
    if stored is None:
        return None
    if kind is Kind.BOOLEAN:
        return bool(stored)
    if kind in (Kind.DATE, Kind.DATETIME):
        return int(datetime.fromisoformat(stored).timestamp() * 1000)
    return stored
