"""Parameters of a query or a form, in Stripe's bracket form, checked against what an endpoint knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from adapters.stripe.emulator.errors import StripeError

_NAME = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<key>[^\[\]]*)\])?")
_BOUNDS = ("gt", "gte", "lt", "lte")


class Kind(Enum):
    """What a parameter holds.

    A RANGE is one integer, or bounds: ``created[gte]=…``. A MAP has keys: ``metadata[crm_id]=…``.
    """

    TEXT = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    LIST = "array"
    RANGE = "range"
    MAP = "hash"


def parse(query: str, known: Mapping[str, Kind]) -> dict[str, Any]:
    """Parameters by name: str, int, bool, list of str, bound -> int, key -> str. Raises ``StripeError``."""
    values: dict[str, Any] = {}
    for raw_name, text in parse_qsl(query, keep_blank_values=True):
        match = _NAME.fullmatch(raw_name)
        kind = known.get(match["name"]) if match else None
        if match is None or kind is None:
            raise _unknown(raw_name)
        name, key = match["name"], match["key"]
        if text == "" and kind is not Kind.MAP:
            raise StripeError(
                f"You passed an empty string for '{raw_name}'.",
                code="parameter_invalid_empty",
                param=raw_name,
            )
        if kind is Kind.LIST:
            if key is None:
                raise StripeError("Invalid array", param=name)
            values.setdefault(name, []).append(text)
        elif kind is Kind.MAP:
            if not key:
                raise StripeError("Invalid object", param=name)
            values.setdefault(name, {})[key] = text
        elif kind is Kind.RANGE:
            bound = "eq" if key is None else key
            if bound != "eq" and bound not in _BOUNDS:
                raise _unknown(raw_name)
            values.setdefault(name, {})[bound] = _integer(raw_name, text)
        elif key is not None:
            raise StripeError(f"Invalid {kind.value}", param=name)
        else:
            values[name] = _SINGLE[kind](name, text)
    return values


def limit(values: Mapping[str, Any]) -> int:
    """The page size: 1 to 100, 10 unless asked (https://docs.stripe.com/api/pagination)."""
    size: int = values.get("limit", 10)
    for wrong, bound in ((size < 1, "greater than or equal to 1"), (size > 100, "less than or equal to 100")):
        if wrong:
            raise StripeError(f"This value must be {bound} (it currently is '{size}').", param="limit")
    return size


def _unknown(name: str) -> StripeError:
    return StripeError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def _text(name: str, text: str) -> str:
    return text


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise StripeError(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise StripeError(f"Invalid boolean: {text}", param=name)
    return text == "true"


_SINGLE: Mapping[Kind, Callable[[str, str], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
}
