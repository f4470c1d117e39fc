"""Dotted paths into a row: ``account.owner.name``, ``lines.0.amount``."""

from __future__ import annotations

import functools
import keyword
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

Getter = Callable[[Any], Any]

PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
"""Names separated by dots; a name of digits is a place in an array, where an array is."""


def getter(path: str) -> Getter:
    """Reads what is at a path. Whatever the row leaves out is None; a step into a text is a TypeError."""
    steps = path.split(".")
    if len(steps) == 1:
        return lambda row: row.get(path)

    def read(row: Any) -> Any:
        here = row
        for step in steps:
            if here is None:
                return None
            if isinstance(here, dict):
                here = cast("dict[str, Any]", here).get(step)
            elif isinstance(here, list) and step.isdecimal():
                items = cast("list[Any]", here)
                here = items[int(step)] if int(step) < len(items) else None
            else:
                raise TypeError("neither an object nor an array")
        return here

    return read


def row_getter(path: str) -> Getter:
    """``getter`` for rows, which are records, or objects of JSON as events bring them."""
    first, _, rest = path.partition(".")
    name = attribute(first)
    below = getter(rest) if rest else None

    def read(row: Any) -> Any:
        here = getattr(row, name) if isinstance(row, msgspec.Struct) else row.get(first)
        return here if below is None or here is None else below(here)

    return read


@functools.cache
def attribute(key: str) -> str:
    """The name under which a record has what stands at a key of JSON: see ``record``."""
    plain = key.isascii() and key.isidentifier() and not key.startswith("_") and not keyword.iskeyword(key)
    return key if plain else f"_{key.encode().hex()}"
