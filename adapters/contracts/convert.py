"""Exact conversions from wire forms: money in minor units, times, dates, statuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from adapters.contracts.values import Money

E = TypeVar("E", bound=Enum)

MINOR_DIGITS: Mapping[str, int] = {
    code: digits
    for digits, codes in {
        0: ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"),
        3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
        4: ("CLF", "UYW"),
    }.items()
    for code in codes
} | {"XAF": 0, "XOF": 0, "XPF": 0}
"""Decimal places of the currencies that do not have two (ISO 4217, list one)."""


def money_from_minor(
    amount: int | None, currency: str | None, digits: Mapping[str, int] = MINOR_DIGITS
) -> Money | None:
    """Minor units to money: ``money_from_minor(85147, "eur")`` is 851.47 EUR, with the currency's places."""
    if amount is None or currency is None:
        return None
    code = currency.upper()
    return Money(Decimal(amount).scaleb(-digits.get(code, 2)), code)


def money_to_minor(money: Money, digits: Mapping[str, int] = MINOR_DIGITS) -> int:
    """Money to minor units. An amount finer than the currency's smallest unit is a ValueError."""
    scaled = money.amount.scaleb(digits.get(money.currency, 2))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{money.currency} has no amount as fine as {money.amount}")
    return int(scaled)


def money_from_decimal(amount: Decimal | str | int | None, currency: str | None) -> Money | None:
    """A decimal in major units to money, with the currency's places: ``("10.5", "USD")`` is 10.50 USD.

    Floats are refused: they have lost the amount already.
    """
    if amount is None or amount == "" or not currency:
        return None
    if isinstance(amount, float):
        raise TypeError("money must not pass through a float")
    value, code = Decimal(amount), currency.upper()
    exponent = Decimal(1).scaleb(-MINOR_DIGITS.get(code, 2))
    rounded = value.quantize(exponent)
    return Money(rounded if rounded == value else value, code)


def utc_from_unix(seconds: int | None) -> datetime | None:
    """Seconds since 1970 to an aware UTC time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def date_from_unix(seconds: int | None) -> date | None:
    """The UTC day of a time in seconds since 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()


def utc_from_iso(text: str | None) -> datetime | None:
    """An ISO 8601 time to aware UTC; one without an offset is taken as UTC."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def date_from_iso(text: str | None) -> date | None:
    """An ISO date, or the date part of an ISO time as written."""
    return date.fromisoformat(text[:10]) if text else None


def status_from(table: Mapping[Any, E], raw: object, unknown: E) -> E:
    """The canonical status for a vendor's; ``unknown`` for one outside the table."""
    return table.get(raw, unknown)


def vendor_values(table: Mapping[Any, E], wanted: tuple[E, ...]) -> list[Any]:
    """The vendor's values that read as one of ``wanted``, in the order of the table."""
    return [raw for raw, status in table.items() if status in wanted]
