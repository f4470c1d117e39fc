"""SOQL literals and clauses. Every value that reaches a query passes through here.

Escapes: https://developer.salesforce.com/docs/platform/salesforce-soql-sosl/guide/sforce-api-calls-soql-select-quotedstringescapes.html
Dates: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from adapters.contracts.errors import Rejected
from adapters.salesforce.record_id import canonical_id

Clause = str | None
"""A condition; None for one that no row can meet (SOQL has no empty ``IN``)."""

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_LIKE_ESCAPES = {**_ESCAPES, "%": "\\%", "_": "\\_"}


def _escaped(value: str, escapes: dict[str, str]) -> str:
    # A lone surrogate is no character: it can neither be sent nor be stored at the other side.
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Rejected("the value is not valid Unicode text", vendor_code="bad_value")
    return "".join(escapes.get(char) or (char if char >= " " else f"\\u{ord(char):04x}") for char in value)


def text(value: str) -> str:
    """A quoted string: ``text("Bob's")`` is ``'Bob\\'s'``."""
    return f"'{_escaped(value, _ESCAPES)}'"


def containing(value: str) -> str:
    """A LIKE pattern for text that contains the value, its own wildcards taken literally."""
    return f"'%{_escaped(value, _LIKE_ESCAPES)}%'"


def moment(value: datetime) -> str:
    """A dateTime literal in UTC, unquoted, to the millisecond, rounded up: ``>=`` keeps its meaning."""
    if value.tzinfo is None:
        raise Rejected("a time needs its offset", vendor_code="bad_value")
    utc = value.astimezone(UTC)
    if over := utc.microsecond % 1000:
        utc += timedelta(microseconds=1000 - over)
    fraction = f".{utc.microsecond // 1000:03d}" if utc.microsecond else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def any_text(column: str) -> Callable[[Iterable[str]], Clause]:
    """``column IN ('a', 'b')`` of strings. Salesforce compares most text without regard to case."""

    def clause(values: Iterable[str]) -> Clause:
        listed = ", ".join(text(value) for value in dict.fromkeys(values))
        return f"{column} IN ({listed})" if listed else None

    return clause


def any_id(column: str) -> Callable[[Iterable[str]], Clause]:
    """``column IN (…)`` of record ids. What cannot be a record id is left out: no row has it."""

    def clause(values: Iterable[str]) -> Clause:
        known = dict.fromkeys(known for value in values if (known := canonical_id(value)) is not None)
        return f"{column} IN ({', '.join(text(value) for value in known)})" if known else None

    return clause


def since(column: str) -> Callable[[datetime], Clause]:
    """``column >= moment``."""
    return lambda value: f"{column} >= {moment(value)}"


def words(column: str) -> Callable[[str], Clause]:
    """Every word of the value is somewhere in the column, in any order and case."""

    def clause(value: str) -> Clause:
        return " AND ".join(f"{column} LIKE {containing(word)}" for word in value.split())

    return clause
