"""What a reading does, as Python source, for executors that generate code: ``contracts.fields.Source``."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from adapters.contracts.convert import money_from_minor
from adapters.contracts.fields import Source
from adapters.rest.conversion import date_from_iso, text, truth, whole
from adapters.rest.path import Getter, attribute

_numbers = itertools.count()

KEPT = 4_096
"""Values of one coded field, or days, that are remembered with what they read as."""


def fresh(stem: str) -> str:
    """A name that no other source uses."""
    return f"{stem}_{next(_numbers)}"


class Memo(dict[Any, Any]):
    """What values read as, worked out once for each. Other than a text or nothing, no value is kept."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def __missing__(self, value: Any) -> Any:
        found = self._read(value)
        if type(value) is str or value is None:
            if len(self) >= KEPT:
                self.clear()
            self[value] = found
        return found


def _at(path: str, get: Getter) -> tuple[str, Source]:
    """A variable with what is at a path."""
    name = fresh("at")
    if "." not in path:
        return name, Source(((name, f"{{row}}.{attribute(path)}"),))
    reader = fresh("get")
    return name, Source(((name, f"{reader}({{row}})"),), names={reader: get})


def text_source(path: str, get: Getter) -> Source:
    name, at = _at(path, get)
    read = fresh("text")
    return Source(
        at.binds,
        f"{read}({name})",
        f"({name} is None or {name} == '')",
        operator.attrgetter(attribute(path)) if "." not in path else get,
        (f"type({name}) is str and {name}", name),
        names={**at.names, read: text},
    )


def coded_source(path: str, get: Getter, convert: Callable[[Any], Any], *, nullable: bool) -> Source:
    """A status: its name by the table of codes."""
    name, at = _at(path, get)
    codes = fresh("codes")
    names = Memo(lambda value: convert(value).name)
    if not nullable:
        return Source(at.binds, f"{codes}[{name}]", plain=True, names={**at.names, codes: names})
    texts = fresh("texts")
    return Source(
        at.binds,
        f"{codes}[{name}]",
        f"({name} is None)",
        text=f"{texts}[{name}]",
        plain=True,
        names={**at.names, codes: names, texts: _texts(names, lambda value: value is None)},
    )


def _texts(values: Memo, absent: Callable[[Any], bool]) -> Memo:
    """The JSON of values that need no escaping."""
    return Memo(lambda value: "null" if absent(value) else f'"{values[value]}"')


def day_source(path: str, get: Getter) -> Source:
    name, at = _at(path, get)
    days, texts = fresh("days"), fresh("texts")
    read = Memo(_day)
    return Source(
        at.binds,
        f"{days}[{name}]",
        f"(not {name})",
        text=f"{texts}[{name}]",
        plain=True,
        names={**at.names, days: read, texts: _texts(read, operator.not_)},
    )


def _day(value: Any) -> str:
    found = date_from_iso(value)
    if type(found) is not date:
        raise TypeError("not a day")
    return found.isoformat()


def truth_source(path: str, get: Getter) -> Source:
    name, at = _at(path, get)
    read = fresh("truth")
    return Source(at.binds, f"{read}({name})", f"({name} is None)", names={**at.names, read: truth})


def minor_source(amount: tuple[str, Getter], currency: tuple[str, Getter]) -> Source:
    """Money in minor units. The common currencies have two places; the others are read as ever."""
    number, at_number = _at(*amount)
    code, at_code = _at(*currency)
    common, slow, cents = fresh("common"), fresh("slow"), fresh("cents")
    binds = (*at_number.binds, *at_code.binds)
    names = {**at_number.names, **at_code.names, common: COMMON, slow: _minor, cents: _CENTS}
    usual = f"type({number}) is int and {number} >= 100 and {code} in {common}"
    read = f"{slow}({number}, {code})"
    no_number, no_code = (f"({each} is None or {each} == '')" for each in (number, code))
    return Source(
        binds,
        # Where one is not there the other is looked at all the same: rubbish is an error, and no absence.
        absent=f"({no_number} and ({no_code} or type({code}) is str) or {no_code} and type({number}) is int)",
        usual=(usual, ""),
        parts={
            "amount": Source(
                value=f"{read}[0]",
                usual=("", f"{{{number} // 100}}{{{cents}[{number} % 100]}}"),
                plain=True,
            ),
            "currency": Source(value=f"{read}[1]", usual=("", f"{{{code}}}"), plain=True),
        },
        names=names,
    )


COMMON = frozenset({"EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CAD", "AUD", "INR", "BRL"})
"""Currencies of two places that are written without looking them up."""


_CENTS = tuple(f".{number:02}" for number in range(100))
"""The two places of an amount."""


def _minor(amount: Any, currency: Any) -> tuple[str, str]:
    money = money_from_minor(whole(amount), text(currency))
    if money is None or not money.currency.isalnum():
        raise TypeError("no amount of a currency")
    return format(money.amount, "f"), money.currency


def parts_source(parts: Mapping[str, Source | None], needed: Collection[str]) -> Source | None:
    """A value of several parts: none where all of them are absent, or one that is needed."""
    known = {name: source for name, source in parts.items() if source is not None}
    if len(known) < len(parts) or not known or not known.keys() >= set(needed):
        return None
    # Where there is a value, it has the parts that are needed.
    present = {
        name: replace(source, absent=None, text=None) for name, source in known.items() if name in needed
    }
    absent = " or ".join(known[name].absent or "False" for name in needed)
    if absent and len(known) > 1:
        # The other parts are looked at all the same: rubbish is an error, and no absence.
        absent = f"({absent}) and {' and '.join(map(_readable, known.values()))}"
    elif not absent:
        absent = " and ".join(source.absent or "False" for source in known.values())
    return Source(
        tuple(bind for source in known.values() for bind in source.binds),
        absent=f"({absent})",
        parts={**known, **present},
        shows=frozenset(needed or known) if len(needed) < 2 else frozenset(),
        names={name: value for source in known.values() for name, value in source.names.items()},
    )


def _readable(source: Source) -> str:
    """Whether a part is surely not rubbish."""
    usual = source.usual[0] if source.usual is not None else ""
    return f"({' or '.join(filter(None, (source.absent, usual))) or 'False'})"
