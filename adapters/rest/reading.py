"""From what the configuration says of a field to a function that reads it: a small compiler.

What is written follows the type of the canonical field (``canonical.FIELDS``)::

    name: company.display_name                       a path
    created_at: {path: created, form: unix}          how a time is written
    status: {path: state, values: {live: ACTIVE}}    a table of coded values
    currency: {value: EUR}                           what every row has in common
    total: {amount: total_cents, currency: ccy, unit: minor}
    plan: {code: sku, name: sku_title}               a value of several parts
    contacts: {path: people, items: {name: full_name, email: mail}}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from adapters.contracts.convert import money_from_decimal, money_from_minor
from adapters.contracts.fields import Source
from adapters.contracts.values import Money
from adapters.contracts.vocabulary import PaymentMethodKind
from adapters.rest.conversion import PLAIN, TIMES, Conversion, Form, spelled
from adapters.rest.faults import Faults, Place
from adapters.rest.path import PATH, Getter, row_getter
from adapters.rest.source import (
    COMMON,
    coded_source,
    day_source,
    minor_source,
    parts_source,
    text_source,
    truth_source,
)

Read = Callable[[Any], Any]

_FALLBACKS = ("UNKNOWN", "OTHER")
"""What a code outside the table reads as."""

Path = Annotated[str, Field(pattern=rf"^{PATH.pattern}$", description="Dotted path from the row.")]


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """How a field is read.

    asks:  paths of the row that ``read`` looks at.
    read:  from a row to the canonical value. A row of another shape is a TypeError or ValueError.
    codes: the table of coded values, for filters; None for other fields.
    source: the same as ``read``, as source; None where it is only ever called.
    """

    asks: tuple[str, ...]
    read: Read
    codes: Mapping[str, Any] | None = None
    source: Source | None = None
    place: tuple[str, Getter] | None = None
    """The path of a leaf, and what gets what is there."""
    words: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict[str, frozenset[str]])
    """By path the texts that are expected there, where these are few."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _spelled_keys(raw: Any) -> Any:
    # YAML reads `yes`, `on` and `3` as no texts.
    if not isinstance(raw, dict):
        return raw
    return {spelled(key): value for key, value in cast("dict[Any, Any]", raw).items()}


S = TypeVar("S", bound=_Spec)


class _Leaf(_Spec):
    path: Path | None = None
    value: str | int | bool | None = None
    form: Form = "iso"
    values: Annotated[dict[str, str | bool], BeforeValidator(_spelled_keys)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> _Leaf:
        if (self.path is None) == (self.value is None):
            raise ValueError("needs either path or value")
        return self


class _MoneyForm(_Spec):
    amount: Any
    currency: Any
    unit: Literal["major", "minor"]


class _ListForm(_Spec):
    path: Path
    items: dict[str, Any]


def compile_field(spec: Any, kind: Any, place: Place, faults: Faults) -> Reading | None:
    """The reading of a field of a type. What is wrong is added to ``faults``; then there may be none."""
    if kind is Money:
        return _money(spec, place, faults)
    if get_origin(kind) is list:
        return _list(spec, get_args(kind)[0], place, faults)
    if dataclasses.is_dataclass(kind):
        return _composite(spec, cast("type", kind), place, faults)
    return _leaf(spec, kind, place, faults)


def words_of(readings: Iterable[Reading]) -> dict[str, frozenset[str]]:
    """What all of them expect."""
    found: dict[str, frozenset[str]] = {}
    for reading in readings:
        for path, words in reading.words.items():
            found[path] = found.get(path, frozenset()) | words
    return found


def _parse(model: type[S], raw: Any, place: Place, faults: Faults) -> S | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        faults.add_all(place, error)
        return None


def _leaf(spec: Any, kind: Any, place: Place, faults: Faults) -> Reading | None:
    leaf = _parse(_Leaf, {"path": spec} if isinstance(spec, str) else spec, place, faults)
    if leaf is None:
        return None
    if leaf.form != "iso" and kind is not date and kind is not datetime:
        faults.add((*place, "form"), "only days and times have a form")
        return None
    codes = _codes(leaf, kind, place, faults)
    if isinstance(kind, type) and issubclass(kind, Enum):
        convert = _decoder(kind, codes or {})
    elif kind is bool and codes is not None:
        convert = _flag(codes)
    elif kind is str and codes is not None:
        convert = _recoded(codes)
    else:
        plain = cast("type[Any]", kind)
        convert = TIMES.get((plain, leaf.form)) or PLAIN[plain]
    if leaf.path is None:
        try:
            constant = convert(leaf.value)
        except (TypeError, ValueError):
            faults.add((*place, "value"), "not a value of this field")
            return None
        return Reading((), lambda row: constant)
    get = row_getter(leaf.path)
    source = _source(kind, leaf, codes, convert, get)
    words = {leaf.path: frozenset(codes)} if codes else {}
    return Reading((leaf.path,), lambda row: convert(get(row)), codes, source, (leaf.path, get), words)


def _source(
    kind: Any, leaf: _Leaf, codes: Mapping[str, Any] | None, convert: Conversion, get: Getter
) -> Source | None:
    path = str(leaf.path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return coded_source(path, get, convert, nullable=kind is PaymentMethodKind)
    if codes is not None:
        return None
    if kind is str:
        return text_source(path, get)
    if kind is bool:
        return truth_source(path, get)
    return day_source(path, get) if kind is date and leaf.form == "iso" else None


def _codes(leaf: _Leaf, kind: Any, place: Place, faults: Faults) -> Mapping[str, Any] | None:
    """The table of coded values: as configured, else the canonical names themselves for a status."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = kind.__members__
        if leaf.values is None:
            return {name: member for name, member in members.items() if name not in _FALLBACKS}
        for raw, name in leaf.values.items():
            if str(name) not in members:
                known = [each for each in members if each not in _FALLBACKS]
                faults.unknown((*place, "values", raw), f"no {kind.__name__} {name!r}", str(name), known)
        return {raw: members[str(name)] for raw, name in leaf.values.items() if str(name) in members}
    if leaf.values is None:
        return None
    if kind is str:
        return {raw: str(value) for raw, value in leaf.values.items()}
    if kind is bool and all(isinstance(value, bool) for value in leaf.values.values()):
        return leaf.values
    faults.add((*place, "values"), "true or false are wanted" if kind is bool else "this field has no codes")
    return None


def _decoder(kind: type[Enum], codes: Mapping[str, Enum]) -> Conversion:
    """A status outside the table is UNKNOWN, a method of payment OTHER; one that is not said is no method."""
    unknown = next(kind.__members__[name] for name in _FALLBACKS if name in kind.__members__)
    if kind is PaymentMethodKind:
        return lambda value: None if value is None else codes.get(str(spelled(value)), unknown)
    return lambda value: codes.get(str(spelled(value)), unknown)


def _flag(codes: Mapping[str, bool]) -> Conversion:
    def convert(value: Any) -> bool | None:
        word = spelled(value)
        return None if word is None else codes[word]

    return convert


def _recoded(codes: Mapping[str, str]) -> Conversion:
    def convert(value: Any) -> str | None:
        word = spelled(value)
        return None if word is None else codes.get(word, word)

    return convert


def _money(spec: Any, place: Place, faults: Faults) -> Reading | None:
    form = _parse(_MoneyForm, spec, place, faults)
    if form is None:
        return None
    amount = _leaf(form.amount, int if form.unit == "minor" else Decimal, (*place, "amount"), faults)
    currency = _leaf(form.currency, str, (*place, "currency"), faults)
    if amount is None or currency is None:
        return None
    number, code = amount.read, currency.read
    make = money_from_minor if form.unit == "minor" else money_from_decimal
    source = (
        minor_source(amount.place, currency.place)
        if form.unit == "minor"
        and amount.place is not None
        and currency.place is not None
        and currency.codes is None
        else None
    )
    asks = (*amount.asks, *currency.asks)
    words = words_of([amount, currency])
    if currency.place is not None and not currency.words:
        words |= {currency.place[0]: COMMON}
    return Reading(asks, lambda row: make(number(row), code(row)), source=source, words=words)


def _list(spec: Any, item: Any, place: Place, faults: Faults) -> Reading | None:
    form = _parse(_ListForm, spec, place, faults)
    if form is None:
        return None
    reading = compile_field(form.items, item, (*place, "items"), faults)
    if reading is None:
        return None
    get, read_item = row_getter(form.path), reading.read

    def read(row: Any) -> list[Any] | None:
        items = get(row)
        if items is None:
            return None
        if not isinstance(items, list):
            raise TypeError("not an array")
        return [value for each in cast("list[Any]", items) if (value := read_item(each)) is not None]

    return Reading((form.path,), read)


def _composite(spec: Any, kind: type, place: Place, faults: Faults) -> Reading | None:
    if not isinstance(spec, dict):
        faults.add(place, f"should be a mapping of the parts of a {kind.__name__}")
        return None
    written = cast("dict[Any, Any]", spec)
    hints = {name: _without_none(hint) for name, hint in get_type_hints(kind).items()}
    needed = [part.name for part in dataclasses.fields(kind) if part.default is dataclasses.MISSING]
    for name in needed:
        if name not in written:
            faults.add((*place, name), f"a {kind.__name__} needs it")
    parts: dict[str, Reading] = {}
    for name, part in written.items():
        if name not in hints:
            faults.unknown((*place, str(name)), f"a {kind.__name__} has no such part", str(name), hints)
            continue
        reading = compile_field(part, hints[name], (*place, name), faults)
        if reading is not None:
            parts[name] = reading
    readers = tuple((name, reading.read) for name, reading in parts.items())

    def read(row: Any) -> Any:
        values = {name: read_part(row) for name, read_part in readers}
        if all(value is None for value in values.values()):
            return None
        # A part that every such value has, and this row has not: there is no value.
        return None if any(values[name] is None for name in needed) else kind(**values)

    source = parts_source({name: reading.source for name, reading in parts.items()}, needed)
    asks = tuple(ask for reading in parts.values() for ask in reading.asks)
    return Reading(asks, read, source=source, words=words_of(parts.values()))


def _without_none(hint: Any) -> Any:
    return next((each for each in get_args(hint) if each is not NoneType), hint)
