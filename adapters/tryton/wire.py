"""Tryton's JSON: values with a class, and related records nested under names that end in a dot.

``{"__class__": "Decimal", "decimal": "82.50"}``, ``{"__class__": "date", …}`` and ``{"__class__":
"datetime", …}`` (UTC, without a zone): ``trytond/protocols/jsonrpc.py``. A field asked for with a path,
``party.code``, comes as ``{"party.": {"id": 3, "code": "…"}}``, a list of such where the relation is to
many: ``ModelStorage.read``, https://docs.tryton.org/latest/server/ref/models.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from adapters.contracts.fields import Row


def at(row: Row, path: str) -> Any:
    """The value at a path of relations to one; None where one of them is empty."""
    *relations, name = path.split(".")
    for relation in relations:
        related: Row | None = row[f"{relation}."]
        if related is None:
            return None
        row = related
    return row[name]


def many(row: Row, path: str) -> list[Row]:
    """The related records of a relation to many, at a path; empty where a relation on the way is."""
    *relations, name = path.split(".")
    for relation in relations:
        related: Row | None = row[f"{relation}."]
        if related is None:
            return []
        row = related
    return cast("list[Row]", row[f"{name}."] or [])


def text(value: object) -> str | None:
    """A text, None for an empty one: Tryton's computed texts are empty where there is nothing."""
    return value if isinstance(value, str) and value else None


def decimal(value: Mapping[str, Any] | None) -> Decimal | None:
    return None if value is None else Decimal(value["decimal"])


def day(value: Mapping[str, Any] | None) -> date | None:
    return None if value is None else date(value["year"], value["month"], value["day"])


def moment(value: Mapping[str, Any] | None) -> datetime | None:
    """An aware UTC time; Tryton's are UTC and do not say so."""
    if value is None:
        return None
    parts = (value[part] for part in ("year", "month", "day", "hour", "minute", "second", "microsecond"))
    return datetime(*parts, tzinfo=UTC)


def from_day(value: date) -> Mapping[str, Any]:
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def from_moment(value: datetime) -> Mapping[str, Any]:
    if value.tzinfo is None:
        raise ValueError("a time without an offset")
    utc = value.astimezone(UTC)
    return {
        "__class__": "datetime",
        **{part: getattr(utc, part) for part in ("year", "month", "day", "hour", "minute", "second")},
        "microsecond": utc.microsecond,
    }


def from_decimal(value: Decimal) -> Mapping[str, Any]:
    return {"__class__": "Decimal", "decimal": str(value)}
