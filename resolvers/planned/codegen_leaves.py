"""Generated reading of leaves: expressions that turn what a row has into what JSON has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull, is_leaf_type

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import Source
from resolvers.masks import masked
from resolvers.planned.item import Item
from resolvers.planned.plan import FieldPlan, ObjectPlan
from resolvers.viewer import Access


class Odd(Exception):
    """Not as the generated code expects it."""


class Ungenerated(Exception):
    """No code is generated for this plan; the text says why."""


def odd() -> Any:
    raise Odd


def row_of(item: Item) -> Any:
    """An object's row. Where it could not be read that is to be said, even of fields that no row has."""
    if isinstance(item.row, SystemFault):
        raise Odd
    return item.row


def _day(value: Any) -> str:
    if type(value) is not date:
        raise Odd
    return value.isoformat()


def _moment(serialize: Callable[[Any], str]) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        if type(value) is not datetime:
            raise Odd
        return serialize(value)

    return write


def _amount(value: Any) -> str:
    if type(value) is not Decimal:
        raise Odd
    return format(value, "f")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Odd
    return value


def _mask(value: Any) -> str:
    if type(value) is not str:
        raise Odd
    return masked(value)


def _whole(value: Any) -> int:
    if type(value) is not int or not -2147483648 <= value <= 2147483647:
        raise Odd
    return value


def _truth(value: Any) -> bool:
    if value is not True and value is not False:
        raise Odd
    return value


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "Date": _day,
    "Decimal": _amount,
    "String": _text,
    "ID": _text,
    "Int": _whole,
    "Boolean": _truth,
    "CurrencyCode": _text,
    "CountryCode": _text,
    "URL": _text,
    "Cursor": _text,
}

_BY_SOURCE = frozenset({"String", "ID", "Decimal", "CurrencyCode", "CountryCode", "URL", "Date", "Boolean"})
"""Scalars that an adapter's source gives as JSON has them."""


class LeafCode:
    """Makes expressions of values. ``name`` gives a new name, ``names`` are what the generated code sees."""

    def __init__(self, name: Callable[..., str], names: dict[str, Any]) -> None:
        self._name = name
        self._names = names

    def leaf(self, field: FieldPlan, fields: Any, row: str, body: list[str]) -> str:
        if field.name not in fields:
            return "None"
        entry = fields[field.name]
        if entry.source is not None:
            try:
                return self._by_source(field.type, field, entry.source, row, body)
            except Ungenerated:
                pass
        value = self._name("v")
        body.append(f"{value} = {self._name('f', entry.read)}({row})")
        return self.write(field.type, field, value)

    def _by_source(self, graph_type: Any, field: FieldPlan, source: Source, row: str, body: list[str]) -> str:
        """The value by the adapter's own source of it."""
        required = isinstance(graph_type, GraphQLNonNull)
        inner: Any = cast(Any, graph_type).of_type if required else graph_type
        if isinstance(inner, GraphQLList):
            raise Ungenerated("a list")
        usual = ""
        if is_leaf_type(inner):
            known = isinstance(inner, GraphQLEnumType) or inner.name in _BY_SOURCE
            if source.parts or not known:
                raise Ungenerated("a scalar")
            value = source.value
            mask = f"{self._name('m', _mask)}({{}})" if field.access is Access.MASKED else "{}"
            if source.usual is not None and source.usual[0]:
                usual = f"{mask.format(source.usual[1])} if {source.usual[0]} else "
            value = mask.format(value)
        else:
            (plan,) = field.children.values()
            parts: list[str] = []
            for each in plan.fields:
                if each.name == "__typename":
                    parts.append(f"{each.key!r}: {plan.type_name!r}")
                elif each.name in source.parts:
                    part = self._by_source(each.type, each, source.parts[each.name], row, [])
                    parts.append(f"{each.key!r}: {part}")
                elif isinstance(each.type, GraphQLNonNull):
                    raise Ungenerated("a part that is needed")
                else:
                    parts.append(f"{each.key!r}: None")
            value = "{" + ", ".join(parts) + "}"
            if source.usual is not None and all(each.access is Access.ALLOWED for each in plan.fields):
                usual = f"{self._usual(plan, source)} if {source.usual[0]} else "
        nothing = "odd()" if required else "None"
        absent = "" if source.absent is None else f"{nothing} if {source.absent} else "
        made = f"({usual}{absent}{value})"
        self._names.update(source.names)
        # Parts that are not selected are not looked at.
        body += [f"{name} = {text.format(row=row)}" for name, text in source.binds if name in made]
        return made

    @staticmethod
    def _usual(plan: ObjectPlan, source: Source) -> str:
        """A value of several parts where it is as it usually is: no part has to be looked at again."""
        parts: list[str] = []
        for each in plan.fields:
            part = source.parts.get(each.name)
            value = "None" if part is None or part.usual is None else part.usual[1]
            parts.append(f"{each.key!r}: {repr(plan.type_name) if each.name == '__typename' else value}")
        return "{" + ", ".join(parts) + "}"

    def write(self, graph_type: Any, field: FieldPlan, value: str) -> str:
        """The value as JSON has it, from the canonical one."""
        if isinstance(graph_type, GraphQLNonNull):
            inner: Any = cast(Any, graph_type).of_type
            return f"(odd() if {value} is None else {self._some(inner, field, value)})"
        return f"(None if {value} is None else {self._some(graph_type, field, value)})"

    def _some(self, graph_type: Any, field: FieldPlan, value: str) -> str:
        if isinstance(graph_type, GraphQLList):
            item = self._name("x")
            inner: Any = cast(Any, graph_type).of_type
            return f"[{self.write(inner, field, item)} for {item} in {value}]"
        if isinstance(graph_type, GraphQLEnumType):
            wrapped: Any = graph_type
            names = {member: graph_type.coerce_output_value(member) for member in wrapped.wrapped_cls}
            return f"{self._name('t', names)}[{value}]"
        if is_leaf_type(graph_type):
            if graph_type.name == "DateTime":
                return f"{self._name('w', _moment(graph_type.coerce_output_value))}({value})"
            writer = _WRITERS.get(graph_type.name) if field.access is Access.ALLOWED else _mask
            if writer is None:
                raise Ungenerated(graph_type.name)
            return f"{self._name('w', writer)}({value})"
        (plan,) = field.children.values()
        parts: list[str] = []
        for each in plan.fields:
            if each.name == "__typename":
                parts.append(f"{each.key!r}: {plan.type_name!r}")
                continue
            part = self._name("y")
            written = self.write(each.type, each, part)
            # The value is bound where it is first looked at: in the test for null.
            looked_at = f"({part} := {value}.{each.name}) is None"
            parts.append(f"{each.key!r}: {written.replace(f'{part} is None', looked_at, 1)}")
        return "{" + ", ".join(parts) + "}"
