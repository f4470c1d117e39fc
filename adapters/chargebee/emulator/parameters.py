"""The form of an operation, checked as Chargebee checks it.

Lists of objects come column by column: ``subscription_items[item_price_id][0]=…``, then
``subscription_items[quantity][0]=…``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.chargebee.emulator.problem import Problem, wrong

_COLUMN = re.compile(r"(\w+)\[(\w+)\]\[(\d{1,3})\]", re.ASCII)
_FLAGS = {"true": True, "false": False}

Reader = Callable[[str, str], Any]
"""From a parameter's name and text to its value."""


def text(name: str, value: str) -> str:
    return value


def flag(name: str, value: str) -> bool:
    if value not in _FLAGS:
        raise wrong(name, "should be true or false")
    return _FLAGS[value]


def number(least: int) -> Reader:
    """A whole number that is not below ``least``."""

    def read(name: str, value: str) -> int:
        if not re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
            raise wrong(name, "should be a whole number")
        if int(value) < least:
            raise wrong(name, f"should be at least {least}")
        return int(value)

    return read


def choice(*values: str) -> Reader:
    """One of a few words."""

    def read(name: str, value: str) -> str:
        if value not in values:
            raise wrong(name, f"should be one of {', '.join(values)}")
        return value

    return read


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of an operation, and the columns of its lists."""

    single: Mapping[str, Reader] = field(default_factory=dict[str, Reader])
    lists: Mapping[str, Mapping[str, Reader]] = field(default_factory=dict[str, Mapping[str, Reader]])

    def read(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Values by name; a list as ``{index: {column: value}}``. A parameter without a text is not there."""
        values: dict[str, Any] = {}
        for name, value in pairs:
            column = _COLUMN.fullmatch(name)
            reader = self.lists.get(column[1], {}).get(column[2]) if column else self.single.get(name)
            if reader is None:
                raise Problem(400, f"Unknown parameter : {name}", param=name)
            if value == "":
                continue
            if column is None:
                values[name] = reader(name, value)
            else:
                rows = values.setdefault(column[1], {})
                rows.setdefault(int(column[3]), {})[column[2]] = reader(name, value)
        return values
