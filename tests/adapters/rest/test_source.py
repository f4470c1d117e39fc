"""What a field's source gives is exactly what reading it gives, whatever stands in a row; or it raises."""

from __future__ import annotations

import itertools
import json
from datetime import date
from typing import Any

import pytest

from adapters.contracts.fields import Source
from adapters.contracts.values import Money, PaymentMethod, Person, Plan, Receivables
from adapters.contracts.vocabulary import PaymentMethodKind
from adapters.rest.faults import Faults
from adapters.rest.reading import compile_field
from adapters.rest.record import record_type

VALUES: list[Any] = [
    None, "", " 12 ", "12", "1e3", "x", "EUR", "JPY", "2024-01-02", "2024-01-02T03:04:05Z",
    0, 1, 99, 100, 12345, -5, -100, 10**20, 1.5, True, False, [], ["a"], {}, {"c": "a"}, {"c": 1},
]  # fmt: skip

FIELDS: list[tuple[Any, Any]] = [
    ({"amount": "a", "currency": "b", "unit": "minor"}, Money),
    ("a", str),
    ("a.c", str),
    ("a", date),
    ("a", bool),
    ({"code": "a", "name": "b"}, Plan),
    ({"kind": {"path": "a", "values": {"a": "CARD"}}, "expires_on": "b"}, PaymentMethod),
    ({"path": "a", "values": {"a": "CARD", "12": "BANK_TRANSFER"}}, PaymentMethodKind),
]


def generated(source: Source, row: Any) -> Any:
    """As generated code puts the parts of a source together."""
    names: dict[str, Any] = {**source.names, "row": row}
    for name, expression in source.binds:
        names[name] = eval(expression.format(row="row"), names)
    return value_of(source, names)


def value_of(source: Source, names: dict[str, Any], *, usual: bool = False) -> Any:
    usual = usual or (source.usual is not None and bool(eval(source.usual[0] or "False", names)))
    if not usual and source.absent is not None and eval(source.absent, names):
        return None
    if source.parts:
        return {name: value_of(part, names, usual=usual) for name, part in source.parts.items()}
    if not usual or source.usual is None:
        value = eval(source.value, names)
        if value is None:
            raise TypeError("no text can be made of it")
        return value
    return eval(f"f'{source.usual[1]}'" if source.plain else source.usual[1], names)


def written(source: Source, row: Any) -> Any:
    """What the text of a source says."""
    names: dict[str, Any] = {**source.names, "row": row}
    for name, expression in source.binds:
        names[name] = eval(expression.format(row="row"), names)
    return json.loads(eval(source.text or "", names))


def as_json(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": format(value.amount, "f"), "currency": value.currency}
    if isinstance(value, Plan):
        return {"code": value.code, "name": value.name}
    if isinstance(value, PaymentMethod):
        return {"kind": as_json(value.kind), "expires_on": as_json(value.expires_on)}
    if isinstance(value, PaymentMethodKind):
        return value.name
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize(
    ("spec", "kind"), FIELDS, ids=[f"{kind.__name__} at {spec}" for spec, kind in FIELDS]
)
def test_a_source_gives_what_is_read(spec: Any, kind: Any) -> None:
    faults = Faults()
    reading = compile_field(spec, kind, ("field",), faults)
    assert reading is not None
    assert reading.source is not None
    record = record_type(["a", "b"])
    given = 0
    for a, b in itertools.product(VALUES, VALUES):
        row: Any = record(a=a, b=b)
        try:
            value = generated(reading.source, row)
        except Exception:  # then reading decides
            continue
        given += 1
        assert (a, b, value) == (a, b, as_json(reading.read(row)))
    assert given


@pytest.mark.parametrize("spec_and_kind", [FIELDS[3], FIELDS[-1]], ids=["a day", "a code"])
def test_the_text_of_a_source_says_what_is_read(spec_and_kind: tuple[Any, Any]) -> None:
    spec, kind = spec_and_kind
    reading = compile_field(spec, kind, ("field",), Faults())
    assert reading is not None
    assert reading.source is not None
    given = 0
    for value in VALUES:
        row: Any = record_type(["a"])(a=value)
        try:
            said = written(reading.source, row)
        except Exception:  # then reading decides
            continue
        given += 1
        assert (value, said) == (value, as_json(reading.read(row)))
    assert given > 1


MONEY = {"amount": "a", "currency": "b", "unit": "minor"}
OF_PARTS: list[tuple[Any, Any, set[str]]] = [
    ({"balance": MONEY, "credit_limit": MONEY}, Receivables, {"balance", "credit_limit"}),
    ({"code": "a", "name": "b"}, Plan, {"code"}),
    ({"name": "a", "email": "b"}, Person, {"name", "email"}),
]


@pytest.mark.parametrize(("spec", "kind", "shows"), OF_PARTS, ids=[each[1].__name__ for each in OF_PARTS])
def test_where_a_part_that_shows_a_value_is_as_usual_there_is_one(
    spec: Any, kind: Any, shows: set[str]
) -> None:
    reading = compile_field(spec, kind, ("field",), Faults())
    assert reading is not None
    source = reading.source
    assert source is not None
    assert source.shows == shows
    assert source.absent is not None
    usual = 0
    for a, b in itertools.product(VALUES, VALUES):
        names: dict[str, Any] = {**source.names, "row": record_type(["a", "b"])(a=a, b=b)}
        for name, expression in source.binds:
            names[name] = eval(expression.format(row="row"), names)
        for part in shows:
            own = source.parts[part].usual
            assert own is not None
            try:
                as_usual = eval(own[0], names)
            except TypeError:  # then reading decides
                continue
            if as_usual:
                usual += 1
                assert not eval(source.absent, names), (a, b)
    assert usual
