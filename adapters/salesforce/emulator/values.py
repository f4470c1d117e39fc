"""What a column takes: the platform's own checks, in its own words, and the form it keeps a value in.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
(status codes). ``fields`` of an error names the columns; the message quotes what was sent.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from adapters.salesforce.emulator.errors import ApiError, refused
from adapters.salesforce.emulator.objects import Column, Entity, Kind, entity_named
from adapters.salesforce.emulator.translation import stored_time
from adapters.salesforce.record_id import canonical_id

_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_COUNTRY = re.compile(r"[A-Z]{2}")


def stored_values(store: sqlite3.Connection, entity: Entity, given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a request body as the store keeps them. Raises what the platform refuses.

    Names are taken in any case; blanks around a text are dropped, and an empty text is null.
    """
    values: dict[str, Any] = {}
    for name, raw in given.items():
        if name == "attributes":
            continue
        if name.lower() == "id":
            raise refused("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
        column = _column(entity, name)
        value = _value(column, raw)
        if value is None and column.required:
            raise refused(
                "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{column.name}]", column.name
            )
        if value is not None and column.parent is not None:
            _require_parent(store, column, value)
        values[column.name] = value
    if (code := values.get("ShippingCountryCode")) is not None and _COUNTRY.fullmatch(code) is None:
        raise refused(
            "FIELD_INTEGRITY_EXCEPTION",
            "There's a problem with this country, even though it may appear correct. Please select a "
            "country/territory from the list of valid countries.: Shipping Country",
            "ShippingCountryCode",
        )
    if "ShippingCountryCode" in values:
        # With country picklists, code and name are two sides of one value; in this org they are spelt alike.
        values["ShippingCountry"] = values["ShippingCountryCode"]
    return values


def _column(entity: Entity, name: str) -> Column:
    for column in entity.columns:
        if column.name.lower() == name.lower():
            if column.read_only:
                raise refused(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    f"Unable to create/update fields: {column.name}. Please check the security settings of "
                    "this field and verify that it is read/write for your profile or permission set.",
                    column.name,
                )
            return column
    raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {entity.name}")


def _value(column: Column, raw: Any) -> Any:
    if raw is None:
        return None
    return _READERS.get(column.kind, _text)(column, raw)


def _text(column: Column, raw: Any) -> str | None:
    if not isinstance(raw, str):
        raise _wrong_type(column, raw)
    value = raw.strip()
    label = column.name.removesuffix("__c").replace("_", " ")
    if column.length and len(value) > column.length:
        raise refused(
            "STRING_TOO_LONG",
            f"{label}: data value too large: {value} (max length={column.length})",
            column.name,
        )
    if value and column.kind is Kind.EMAIL and _EMAIL.fullmatch(value) is None:
        raise refused("INVALID_EMAIL_ADDRESS", f"{label}: invalid email address: {value}", column.name)
    if value and column.values and value not in column.values:
        raise refused(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{label}: bad value for restricted picklist field: {value}",
            column.name,
        )
    return value or None


def _flag(column: Column, raw: Any) -> int:
    if not isinstance(raw, bool):
        raise _wrong_type(column, raw)
    return int(raw)


def _number(column: Column, raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _wrong_type(column, raw)
    return raw


def _date(column: Column, raw: Any) -> str:
    try:
        return date.fromisoformat(raw).isoformat()
    except (TypeError, ValueError) as error:
        raise _wrong_type(column, raw) from error


def _time(column: Column, raw: Any) -> str:
    try:
        return stored_time(datetime.fromisoformat(raw))
    except (TypeError, ValueError) as error:
        raise _wrong_type(column, raw) from error


def _reference(column: Column, raw: Any) -> str:
    known = canonical_id(raw) if isinstance(raw, str) else None
    if known is None:
        raise refused("MALFORMED_ID", f"{column.name}: id value of incorrect type: {raw}", column.name)
    return known


_READERS: Mapping[Kind, Callable[[Column, Any], Any]] = {
    Kind.BOOLEAN: _flag,
    Kind.INT: _number,
    Kind.DATE: _date,
    Kind.DATETIME: _time,
    Kind.REFERENCE: _reference,
}
"""Every other kind is text."""


def _wrong_type(column: Column, raw: Any) -> ApiError:
    kind = type(raw).__name__
    return ApiError(
        400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {column.kind.value} from {kind}"
    )


def _require_parent(store: sqlite3.Connection, column: Column, value: str) -> None:
    assert column.parent is not None
    table = entity_named(column.parent[1]).table
    if store.execute(f'SELECT 1 FROM {table} WHERE "Id" = ?', (value,)).fetchone() is None:
        raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", column.name)
