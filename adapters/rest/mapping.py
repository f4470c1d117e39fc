"""From a section of the configuration to a field map and orders, or to what is wrong with the section."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from adapters.contracts.convert import vendor_values
from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import Field, FieldMap, Op
from adapters.contracts.resource import Order
from adapters.contracts.values import LegalEntity, Person
from adapters.contracts.vocabulary import RecordType
from adapters.rest.canonical import FIELDS, SEARCH
from adapters.rest.conversion import parameter
from adapters.rest.faults import Faults
from adapters.rest.reading import Reading, compile_field, words_of
from adapters.rest.section import Bound, FilterForm, KeyForm, OneOf, ResourceForm, Words

Pairs = tuple[tuple[str, str], ...]
"""Query parameters. A filter gives None in place of them where no row can match."""

Filter = Callable[[Any], Pairs | None]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the section of one kind of record stands for."""

    fields: FieldMap
    orders: Mapping[Order, tuple[str, str]]
    words: Mapping[str, frozenset[str]]
    """By path of a row the few texts that are expected there."""


def compile_resource(name: str, record_type: RecordType, form: ResourceForm, faults: Faults) -> Mapped | None:
    """The field map and orders of a section. ``name`` is what messages call the resource.

    All that is wrong is added to ``faults``, with places below ``(record type,)``; then there is none.
    """
    return _Compiler(name, record_type, form, faults).compile()


class _Compiler:
    def __init__(self, name: str, record_type: RecordType, form: ResourceForm, faults: Faults) -> None:
        self._name = name
        self._type = record_type
        self._form = form
        self._faults = faults
        self._canonical = FIELDS[record_type]
        self._readings: dict[str, Reading] = {}
        self._filters: dict[str, dict[Op, Filter]] = {}

    def compile(self) -> Mapped | None:
        before = len(self._faults)
        self._read_fields()
        self._find_by_keys()
        for field, filters in self._form.filters.items():
            self._filter(field, filters)
        orders = self._orders()
        if len(self._faults) > before:
            return None
        fields = [
            Field(
                name,
                reading.asks,
                reading.read,
                filters=self._filters.get(name, {}),
                source=reading.source,
            )
            for name, reading in self._readings.items()
        ]
        if SEARCH in self._filters:
            fields.append(Field(SEARCH, (), lambda row: None, filters=self._filters[SEARCH]))
        return Mapped(FieldMap(self._name, fields), orders, words_of(self._readings.values()))

    def _fault(self, section: str, field: str, message: str, *rest: str | int) -> None:
        self._faults.add((self._type.value, section, field, *rest), message)

    def _unknown(self, section: str, field: str, known: Mapping[str, Any]) -> None:
        place = (self._type.value, section, field)
        self._faults.unknown(place, f"{self._type.value} has no such field", field, known)

    def _read_fields(self) -> None:
        for field, spec in self._form.fields.items():
            if field not in self._canonical:
                self._unknown("fields", field, self._canonical)
                continue
            place = (self._type.value, "fields", field)
            reading = compile_field(spec, self._canonical[field], place, self._faults)
            if reading is not None:
                self._readings[field] = reading
        if "id" not in self._form.fields:
            self._fault("fields", "id", "every record needs one")

    def _find_by_keys(self) -> None:
        if self._form.ids is not None:
            self._filters["id"] = {Op.IN: _ids(self._form.ids)}
        for field, key in self._form.keys.items():
            if field == "id" or self._canonical.get(field) is not str:
                texts = {name: kind for name, kind in self._canonical.items() if kind is str and name != "id"}
                self._unknown("keys", field, texts)
            elif field not in self._form.fields:
                self._fault("keys", field, "must be among the fields too, to tell whose a row is")
            else:
                self._filters[field] = {Op.IN: _ids(key)}

    def _filter(self, field: str, form: FilterForm) -> None:
        kind = str if field == SEARCH and self._type is RecordType.CUSTOMER else self._canonical.get(field)
        if kind is None:
            known = {**self._canonical, SEARCH: str} if self._type is RecordType.CUSTOMER else self._canonical
            self._unknown("filters", field, known)
            return
        if field != SEARCH and field not in self._form.fields:
            self._fault("filters", field, "must be among the fields too")
            return
        made = self._filters.setdefault(field, {})
        for op, given, possible in (
            (Op.IN, form.in_, kind in _COMPARED or _is_enum(kind)),
            (Op.BEFORE, form.before, kind in (date, datetime)),
            (Op.SINCE, form.since, kind in (date, datetime)),
            (Op.SEARCH, form.search, field == SEARCH),
        ):
            if given is None:
                continue
            word = "in" if op is Op.IN else op.name.lower()
            if not possible or (field == SEARCH and op is not Op.SEARCH):
                self._fault("filters", field, "this field cannot be compared so", word)
            elif op in made:
                self._fault("filters", field, "is one of the keys already", word)
            elif field == SEARCH or field in self._readings:
                made[op] = self._pairs(field, kind, given)

    def _pairs(self, field: str, kind: Any, given: OneOf | Bound | Words) -> Filter:
        if isinstance(given, Words):
            return lambda words: ((given.param, str(words)),)
        if isinstance(given, Bound):
            return lambda value: ((given.param, parameter(value, given.form)),)
        codes = self._readings[field].codes
        if _is_enum(kind):
            return _codes(given, codes or {}, f"{self._name}: {field}")
        return _texts(given)

    def _orders(self) -> Mapping[Order, tuple[str, str]]:
        orders: dict[Order, tuple[str, str]] = {}
        for index, form in enumerate(self._form.orders):
            if form.field not in self._form.fields:
                place = (self._type.value, "orders", index, "field")
                self._faults.unknown(place, "not among the fields", form.field, self._form.fields)
            orders[Order(form.field, form.descending)] = (form.param, form.value)
        return orders


_COMPARED = (str, LegalEntity, Person)
"""What can be asked for as one of several values: text, an entity by its code, a person by its address."""


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _one_of(form: OneOf, values: list[str]) -> Pairs | None:
    """None for no values: then no row can match."""
    if not values:
        return None
    if len(values) > form.max:
        raise Unsupported(f"{form.param} takes at most {form.max} values, not {len(values)}")
    if form.join is None:
        return tuple((form.param, value) for value in values)
    return ((form.param, form.join.join(values)),)


def _texts(form: OneOf) -> Filter:
    def pairs(values: tuple[Any, ...]) -> Pairs | None:
        wanted = [str(value) for value in values if value]
        for value in wanted:
            if form.join and form.join in value:
                raise Unsupported(
                    f"{form.param} cannot be asked for {value!r}: {form.join!r} stands between values"
                )
        return _one_of(form, wanted)

    return pairs


ID_LETTERS = 300
"""At most so many has an id."""

_ID = f"[^\\x00-\\x1f\\x7f]{{1,{ID_LETTERS}}}"


def _ids(form: KeyForm) -> Filter:
    """Values that no id can have are not asked for: there is no row of that id."""
    pattern, join = re.compile(form.pattern or _ID), form.join

    def pairs(values: tuple[Any, ...]) -> Pairs | None:
        wanted = [v for v in map(str, values) if pattern.fullmatch(v) and v and (not join or join not in v)]
        return _one_of(form, wanted)

    return pairs


def _codes(form: OneOf, codes: Mapping[str, Any], what: str) -> Filter:
    known = set(codes.values())

    def pairs(wanted: tuple[Enum, ...]) -> Pairs | None:
        # UNKNOWN is whatever the table does not have, and cannot be asked for. Other statuses without a
        # code are those that no row of this system is in.
        if any(value.name == "UNKNOWN" and value not in known for value in wanted):
            raise Unsupported(f"{what} cannot be filtered by UNKNOWN")
        return _one_of(form, vendor_values(codes, wanted))

    return pairs
