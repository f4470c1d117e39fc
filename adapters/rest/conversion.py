"""From a JSON value to a canonical one, and a canonical value to a query parameter. Exact, or a TypeError."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from adapters.contracts.convert import date_from_iso, date_from_unix, utc_from_iso, utc_from_unix

Form = Literal["iso", "unix", "unix_ms"]
"""How a day or a time is written: ISO 8601, seconds or milliseconds since 1970."""

Conversion = Callable[[Any], Any]


def text(value: Any) -> str | None:
    """A text, or a number as an id is often given. An empty text is nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError("not a text")


def whole(value: Any) -> int | None:
    """A whole number, also one written ``3.0`` or in quotes."""
    number = decimal(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def decimal(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError("not a number")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not a number")
    return number


def truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError("neither true nor false")


def _milliseconds(value: Any) -> int | None:
    number = whole(value)
    return None if number is None else number // 1000


TIMES: Mapping[tuple[type, Form], Conversion] = {
    (date, "iso"): date_from_iso,
    (date, "unix"): lambda value: date_from_unix(whole(value)),
    (date, "unix_ms"): lambda value: date_from_unix(_milliseconds(value)),
    (datetime, "iso"): utc_from_iso,
    (datetime, "unix"): lambda value: utc_from_unix(whole(value)),
    (datetime, "unix_ms"): lambda value: utc_from_unix(_milliseconds(value)),
}

PLAIN: Mapping[type, Conversion] = {str: text, int: whole, Decimal: decimal, bool: truth}


def spelled(value: Any) -> str | None:
    """A coded value as a table of values spells it: ``true``, ``3``, ``past_due``."""
    return str(value).lower() if isinstance(value, bool) else text(value)


def parameter(value: date | datetime, form: Form) -> str:
    """A day or a time as a parameter. A fraction of a second counts as the whole second it is in front of."""
    if form == "iso":
        if not isinstance(value, datetime):
            return value.isoformat()
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min, UTC)
    return str(math.ceil(moment.timestamp() * (1000 if form == "unix_ms" else 1)))
