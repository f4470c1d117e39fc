"""Tryton's query language: domains, lists of ``[field, operator, value]``.

A list of clauses holds where all of them do, one that starts with "OR" where any does; ``where`` and ``not
where`` take a domain over a relation: https://docs.tryton.org/latest/server/topics/domain.html. A domain is
data, so nothing a caller gives can break out of its place; values are still checked for their type, because
the server answers a wrong one with a fault of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from adapters.contracts.fields import Op
from adapters.tryton.wire import from_day, from_moment

Domain = list[Any]

NOTHING: Domain = [["id", "=", None]]
"""A condition that no record meets. What is asked under it need not be sent."""

_LARGEST_ID = 2**31 - 1
"""Ids are 32-bit integers in the database; a larger number is not an id."""


def record_id(value: object) -> int | None:
    """The number of a record id in Tryton's form, None for anything else."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 10:
        return None
    number = int(value)
    return number if str(number) == value and 0 < number <= _LARGEST_ID else None


def ids_in(field: str) -> Callable[[Iterable[object]], Domain]:
    """Records whose ``field`` is one of the ids; what is not an id belongs to no record."""

    def domain(values: Iterable[object]) -> Domain:
        numbers = [number for value in values if (number := record_id(value)) is not None]
        return [[field, "in", numbers]] if numbers else NOTHING

    return domain


def texts_in(field: str) -> Callable[[Iterable[object]], Domain]:
    """Records whose ``field`` is one of the texts, exactly."""

    def domain(values: Iterable[object]) -> Domain:
        texts = [value for value in values if isinstance(value, str) and value]
        return [[field, "in", texts]] if texts else NOTHING

    return domain


def days_since(field: str) -> Callable[[date], Domain]:
    return lambda day: [[field, ">=", from_day(day)]]


def updated_since(moment: datetime) -> Domain:
    """A record that was never changed since it was made has no ``write_date``."""
    since = from_moment(moment)
    return [
        [
            "OR",
            ["write_date", ">=", since],
            [["write_date", "=", None], ["create_date", ">=", since]],
        ]
    ]


UPDATED: Mapping[Op, Callable[[Any], Domain]] = {Op.SINCE: updated_since}
