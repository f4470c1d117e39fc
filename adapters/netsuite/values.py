"""Readings of SuiteQL's strings: every value is one, and what is null is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.contracts.convert import money_from_decimal
from adapters.contracts.fields import Row
from adapters.contracts.values import LegalEntity, Money
from adapters.netsuite.suiteql import NEVER, Clause, Column, internal_ids, texts


def number(row: Row, column: str) -> Decimal | None:
    """A number, exact."""
    value = row.get(column)
    return None if value is None or value == "" else Decimal(value)


def money(row: Row, column: str) -> Money | None:
    """An amount in the row's ``currency``."""
    return money_from_decimal(row.get(column), row.get("currency"))


def utc(value: str | None, zone: ZoneInfo) -> datetime | None:
    """A time of the account's zone to aware UTC."""
    return None if not value else datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(UTC)


COMMAND = "command"
"""The result column with the key of the last write to a record."""


def command_column(alias: str, column: str | None) -> dict[str, Column]:
    """The column for ``COMMAND``, where the account has a field for it."""
    return {} if column is None else {COMMAND: Column(f"{alias}.{column}")}


ENTITY_COLUMNS = (
    "subsidiary_id",
    "subsidiary_code",
    "subsidiary_name",
    "subsidiary_country",
    "subsidiary_currency",
)


def legal_entity(row: Row) -> LegalEntity | None:
    """The subsidiary of a row. One without a code of its own goes by its internal id."""
    internal_id = row.get("subsidiary_id")
    if internal_id is None:
        return None
    return LegalEntity(
        code=str(row.get("subsidiary_code") or internal_id),
        name=row.get("subsidiary_name"),
        country=row.get("subsidiary_country"),
        currency=row.get("subsidiary_currency"),
    )


def in_legal_entities(code_column: str) -> Callable[[Iterable[str | None]], Clause]:
    """Rows by their subsidiaries' codes, as ``legal_entity`` reads them; None stands for no subsidiary."""

    def clause(codes: Iterable[str | None]) -> Clause:
        wanted = list(codes)
        named = [code for code in wanted if code is not None]
        by_code = texts(f"s.{code_column}", named)
        # A row gives no empty text: to SuiteQL it is null, as it is to Oracle.
        by_id = internal_ids("s.id", named)
        parts = [] if by_code.never else [by_code.sql]
        parts += [] if by_id.never else [f"s.{code_column} IS NULL AND {by_id.sql}"]
        parts += ["s.id IS NULL"] if None in wanted else []
        return Clause(" OR ".join(f"({part})" for part in parts), ("subsidiary",)) if parts else NEVER

    return clause
