"""Canonical values to JSON and back, exactly.

What JSON has no form for is an object with its type under ``$``: ``{"$": "Money", "amount": …}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from adapters.contracts import values, vocabulary

_TYPE = "$"

_COMPOSITES: Mapping[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        values.Money,
        values.Person,
        values.Address,
        values.LegalEntity,
        values.Receivables,
        values.Plan,
        values.Period,
        values.InvoiceLine,
        values.PaymentMethod,
        values.PaymentFailure,
    )
}

_ENUMS: Mapping[str, type[Enum]] = {
    name: each
    for name, each in vars(vocabulary).items()
    if isinstance(each, type) and issubclass(each, Enum) and each is not Enum
}


def encode(value: Any) -> str:
    """Compact JSON with sorted keys. TypeError for what is no canonical value, a float included."""
    return json.dumps(_to_json(value), sort_keys=True, separators=(",", ":"))


def decode(text: str) -> Any:
    """The value that ``encode`` was given (sequences come back as lists)."""
    return _from_json(json.loads(text))


def _to_json(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case Enum():
            return _tagged(_enum_name(value), value=value.value)
        case int():
            return value
        case Decimal():
            if not value.is_finite():
                raise TypeError(f"{value} is no amount")
            return _tagged("Decimal", value=str(value))
        case datetime():
            if value.tzinfo is None:
                raise TypeError("a time without its offset")
            return _tagged("datetime", value=value.astimezone(UTC).isoformat())
        case date():
            return _tagged("date", value=value.isoformat())
        case Mapping():
            return _mapping(cast(Mapping[object, object], value))
        case list() | tuple():
            return [_to_json(item) for item in cast(list[object], value)]
        case _:
            pass
    name = type(value).__name__
    if is_dataclass(value) and _COMPOSITES.get(name) is type(value):
        parts = {each.name: _to_json(getattr(value, each.name)) for each in fields(value)}
        return _tagged(name, **parts)
    raise TypeError(f"{name} is no canonical value")


def _mapping(value: Mapping[object, object]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str) or key == _TYPE:
            raise TypeError(f"{key!r} cannot be a key")
        entries[key] = _to_json(item)
    return entries


def _enum_name(value: Enum) -> str:
    name = type(value).__name__
    if _ENUMS.get(name) is not type(value):
        raise TypeError(f"{name} is no word of the vocabulary")
    return name


def _tagged(tag: str, **parts: Any) -> dict[str, Any]:
    return {_TYPE: tag, **parts}


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def _from_json(data: Any) -> Any:
    if isinstance(data, list):
        return [_from_json(item) for item in cast(list[Any], data)]
    if not isinstance(data, dict):
        return data
    parts = {key: _from_json(item) for key, item in cast(dict[str, Any], data).items()}
    tag = parts.pop(_TYPE, None)
    if tag is None:
        return parts
    if tag in _SCALARS:
        return _SCALARS[tag](parts["value"])
    if tag in _ENUMS:
        return _ENUMS[tag](parts["value"])
    return _COMPOSITES[tag](**parts)
