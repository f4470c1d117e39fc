"""SuiteQL's functions where SQLite has none that is the same."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime
from decimal import Decimal
from functools import cache

FUNCTIONS = {
    "TO_CHAR": "netsuite_to_char",
    "TO_DATE": "netsuite_to_date",
    "NVL": "ifnull",
    "SUM": "netsuite_sum",
    "COALESCE": "coalesce",
    "LOWER": "lower",
    "UPPER": "upper",
    "COUNT": "count",
    "MIN": "min",
    "MAX": "max",
    "SUBSTR": "substr",
    "LENGTH": "length",
}
"""SuiteQL's name -> the function in SQLite."""

_PLACES = {
    "YYYY": slice(0, 4),
    "MM": slice(5, 7),
    "DD": slice(8, 10),
    "HH24": slice(11, 13),
    "MI": slice(14, 16),
    "SS": slice(17, 19),
}
"""The elements of a date format model, and where each stands in a stored time."""

_PART = re.compile(r'"(?P<quoted>[^"]*)"|(?P<element>YYYY|MM|DD|HH24|MI|SS)|(?P<sign>[-/:. ])')


def register(store: sqlite3.Connection) -> None:
    store.create_function("netsuite_to_char", 2, _to_char, deterministic=True)
    store.create_function("netsuite_to_date", 2, _to_date, deterministic=True)
    store.create_aggregate("netsuite_sum", 1, _Sum)  # pyright: ignore[reportArgumentType]


@cache
def _parts(model: str) -> tuple[slice | str, ...]:
    """A date format model as places and literals. Raises ValueError outside the known elements."""
    parts: list[slice | str] = []
    place = 0
    while place < len(model):
        match = _PART.match(model, place)
        if match is None:
            raise ValueError("date format not recognized")
        element = match.group("element")
        parts.append(_PLACES[element] if element else match.group("quoted") or match.group("sign") or "")
        place = match.end()
    return tuple(parts)


def _to_char(value: str | None, model: str) -> str | None:
    if value is None:
        return None
    return "".join(part if isinstance(part, str) else value[part] for part in _parts(model))


def _to_date(value: str | None, model: str) -> str | None:
    """A time as it is stored. Raises ValueError for text that does not fit the model or is no time."""
    if value is None:
        return None
    stored, place = list("0001-01-01 00:00:00"), 0
    for part in _parts(model):
        width = len(part) if isinstance(part, str) else part.stop - part.start
        text = value[place : place + width]
        if isinstance(part, slice):
            stored[part] = text
        elif text != part:
            raise ValueError("literal does not match format string")
        place += width
    if place != len(value):
        raise ValueError("date format picture ends before converting entire input string")
    return str(datetime.fromisoformat("".join(stored)))


class _Sum:
    """An exact sum of decimal text; SQLite's own goes through floats."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: str | int | None) -> None:
        if value is not None:
            self._total = (self._total or Decimal(0)) + Decimal(value)

    def finalize(self) -> str | None:
        return None if self._total is None else str(self._total)
