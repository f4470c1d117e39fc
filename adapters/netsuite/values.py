"""Readings of SuiteQL's strings: every value is one, and what is null is absent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.contracts.convert import money_from_decimal
from adapters.contracts.fields import Row
from adapters.contracts.values import LegalEntity, Money
from adapters.netsuite.suiteql import Column


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
