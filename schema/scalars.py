"""Scalars of the contract: how each is read from a caller and written to the wire."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

CurrencyCode = NewType("CurrencyCode", str)
CountryCode = NewType("CountryCode", str)
URL = NewType("URL", str)
Cursor = NewType("Cursor", str)
Json = NewType("Json", object)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{name} is written as a string.")
    return value


def _parse_date(value: object) -> date:
    try:
        text = _text("A Date", value)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise GraphQLError("A Date is written as YYYY-MM-DD, for example 2026-03-31.") from None


def _parse_datetime(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text("A DateTime", value))
    except ValueError:
        raise GraphQLError("A DateTime is written as ISO 8601, for example 2026-03-31T12:00:00Z.") from None
    if moment.tzinfo is None:
        raise GraphQLError("A DateTime needs its offset from UTC, for example 2026-03-31T12:00:00Z.")
    return moment.astimezone(UTC)


def _write_datetime(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_decimal(value: object) -> Decimal:
    try:
        # A float has lost the amount already; integers and strings are exact.
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InvalidOperation
        number = Decimal(value)
        if not number.is_finite() or len(str(value)) > 40:
            raise InvalidOperation
    except InvalidOperation:
        raise GraphQLError('A Decimal is written as a string, for example "851.47".') from None
    return number


def _pattern(name: str, pattern: str, example: str) -> Any:
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        text = _text(name, value)
        if compiled.fullmatch(text) is None:
            raise GraphQLError(f"{name} is written as {example}.")
        return text

    return parse


SCALARS: dict[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A calendar day, `2026-03-31`.",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC, ISO 8601 with its offset: `2026-03-31T12:00:00Z`.",
        serialize=_write_datetime,
        parse_value=_parse_datetime,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as a string, exact.",
        serialize=lambda value: format(value, "f"),
        parse_value=_parse_decimal,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="ISO 4217.",
        parse_value=_pattern("A CurrencyCode", r"[A-Z]{3}", '"EUR"'),
    ),
    CountryCode: strawberry.scalar(
        name="CountryCode",
        description="ISO 3166-1 alpha-2.",
        parse_value=_pattern("A CountryCode", r"[A-Z]{2}", '"DE"'),
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute URL.",
        parse_value=_pattern("A URL", r"https?://\S{1,2000}", '"https://example.com/"'),
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque position in a stream of events; valid on every replica.",
        parse_value=_pattern("A Cursor", r"\S{1,200}", "a cursor that an event gave"),
    ),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", parse_value=lambda value: value),
}
