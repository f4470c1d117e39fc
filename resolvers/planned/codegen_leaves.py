"""Generated reading of leaves: from what a row has to the text that JSON has of it.

What is given is the inside of an f-string: see ``codegen_text``. Lines that have to run before it are added
to a list of lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, cast

from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull, is_leaf_type

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import Source
from resolvers.masks import masked
from resolvers.planned.codegen_text import Choice, Ungenerated, chosen, lines_of, object_of, text_of, usual_of
from resolvers.planned.item import Item
from resolvers.planned.plan import FieldPlan, ObjectPlan
from resolvers.viewer import Access


class Odd(Exception):
    """Not as the generated code expects it."""


def odd() -> Any:
    raise Odd


def row_of(item: Item) -> Any:
    """An object's row. Where it could not be read that is to be said, even of fields that no row has."""
    if isinstance(item.row, SystemFault):
        raise Odd
    return item.row


quoted: Callable[[str], str] = encode_basestring
"""A text as JSON has it, as orjson writes it too. Raises ``TypeError`` for what is no text."""


def _day(value: Any) -> str:
    if type(value) is not date:
        raise Odd
    return f'"{value.isoformat()}"'


def _moment(serialize: Callable[[Any], str]) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        if type(value) is not datetime:
            raise Odd
        return quoted(serialize(value))

    return write


def _amount(value: Any) -> str:
    if type(value) is not Decimal:
        raise Odd
    return f'"{value:f}"'


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Odd
    return quoted(value)


def _mask(value: Any) -> str:
    if type(value) is not str:
        raise Odd
    return quoted(masked(value))


def _whole(value: Any) -> str:
    if type(value) is not int or not -2147483648 <= value <= 2147483647:
        raise Odd
    return str(value)


def _truth(value: Any) -> str:
    if value is not True and value is not False:
        raise Odd
    return "true" if value else "false"


_WRITERS: dict[str, Callable[[Any], str]] = {
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

NAMES: dict[str, Any] = {
    "odd": odd,
    "quoted": quoted,
    "null": "null",
    "truths": {True: "true", False: "false"},
    "joined": ",".join,
    "masked": _mask,
}
"""What insides refer to."""

_BY_SOURCE = frozenset({"String", "ID", "Decimal", "CurrencyCode", "CountryCode", "URL", "Date", "Boolean"})
"""Scalars that an adapter's source gives as JSON has them."""


def _nullable(graph_type: Any) -> Any:
    """The type without the mark that it is never null."""
    return cast(Any, graph_type).of_type if isinstance(graph_type, GraphQLNonNull) else graph_type


class LeafCode:
    """Makes the insides of values.

    name:      gives a new name, bound to a value where one is given.
    names:     what the generated code sees.
    functions: lines of the functions that it calls.
    """

    def __init__(self, name: Callable[..., str], names: dict[str, Any], functions: list[str]) -> None:
        self._name = name
        self._names = names
        self._functions = functions

    def leaf(
        self, field: FieldPlan, fields: Any, row: str, body: list[str], choices: list[Choice] | None = None
    ) -> str:
        """The value of a field from a row, by its field map.

        A choice that it takes is added to ``choices``, if they are given, for who writes the whole row.
        """
        if field.name not in fields:
            return "null"
        entry = fields[field.name]
        source: Source | None = entry.source
        if source is not None:
            lines: list[str] = []
            made: list[Choice] = []
            try:
                source = self._sparing(field, source, row)
                inside = self._by_source(field.type, field, source, lines, made)
            except Ungenerated:
                pass
            else:
                self._names.update(source.names)
                # Parts that are not selected are not looked at.
                used = "\n".join((*lines, *lines_of(made), inside))
                body += [f"{name} = {text.format(row=row)}" for name, text in source.binds if name in used]
                body += lines
                if choices is None:
                    body += lines_of(made)
                else:
                    choices += made
                return inside
        value = self._name("v")
        body.append(f"{value} = {self._name('f', entry.read)}({row})")
        return self.write(field.type, field, value)

    def _sparing(self, field: FieldPlan, source: Source, row: str) -> Source:
        """The same source. What only tells whether there is a value is read where that is asked."""
        if source.absent is None or not source.parts:
            return source
        lines: list[str] = []
        choices: list[Choice] = []
        inside = self._by_source(field.type, field, replace(source, absent=""), lines, choices)
        used = "\n".join((*lines, *lines_of(choices), inside))
        absent = source.absent
        for name, text in source.binds:
            if name not in used:
                absent = re.sub(rf"\b{name}\b", text.format(row=row), absent)
        return replace(source, absent=absent)

    def _by_source(
        self, graph_type: Any, field: FieldPlan, source: Source, lines: list[str], choices: list[Choice]
    ) -> str:
        """The value by the adapter's own source of it.

        What has to be chosen is added to ``choices``; to ``lines``, where nothing is known to be usual.
        """
        inner = _nullable(graph_type)
        required = inner is not graph_type
        if isinstance(inner, GraphQLList):
            raise Ungenerated("a list")
        usual: tuple[str, str] | None = None
        before: list[str] = []
        parts: list[Choice] = []
        shown = False
        if is_leaf_type(inner):
            known = isinstance(inner, GraphQLEnumType) or inner.name in _BY_SOURCE
            if source.parts or not known:
                raise Ungenerated("a scalar")
            if source.text is not None and not required and field.access is Access.ALLOWED:
                return f"{{{source.text}}}"
            inside = self._scalar(inner, field, source)
            if source.usual is not None and source.usual[0]:
                usual = source.usual[0], self._usually(inner, field, source)
        else:
            (plan,) = field.children.values()
            inside, shown = self._parts(plan, source, before, parts)
            if source.usual is not None and all(each.access is Access.ALLOWED for each in plan.fields):
                usual = source.usual[0], self._usual(plan, source)
        values: list[tuple[str, Sequence[str], str]] = []
        if usual is not None:
            values.append((usual[0], (), text_of(usual[1])))
        if source.absent is not None:
            values.append((source.absent, (), "odd()" if required else "null"))
        if not values:
            lines += before
            choices += parts
            return inside
        if usual is None and not before:
            condition, value = usual_of(inside, parts)
            there = "" if shown else f"not {source.absent}"
            usual = " and ".join(filter(None, (there, condition))), value
        name = self._name("v")
        before += lines_of(parts)
        made = chosen(name, [*values, ("", before, text_of(inside))])
        if usual is None:
            lines += made
        else:
            choices.append(Choice(name, made, usual))
        return f"{{{name}}}"

    @staticmethod
    def _scalar(scalar: Any, field: FieldPlan, source: Source) -> str:
        if field.access is Access.MASKED:
            return f"{{masked({source.value})}}"
        if scalar.name == "Boolean":
            return f"{{truths[{source.value}]}}"
        return f'"{{{source.value}}}"' if source.plain else f"{{quoted({source.value})}}"

    def _usually(self, scalar: Any, field: FieldPlan, source: Source) -> str:
        assert source.usual is not None
        _, value = source.usual
        if source.plain and field.access is Access.ALLOWED:
            return f'"{value}"'
        return self._scalar(scalar, field, replace(source, value=value, plain=False))

    def _parts(
        self, plan: ObjectPlan, source: Source, lines: list[str], choices: list[Choice]
    ) -> tuple[str, bool]:
        """A value of several parts; and whether there is one, where what is chosen for them is as usual."""
        shown = False

        def value(part: FieldPlan) -> str:
            nonlocal shown
            if part.name in source.parts:
                of, known = source.parts[part.name], len(choices)
                inside = self._by_source(part.type, part, of, lines, choices)
                if part.name in source.shows and of.usual is not None and len(choices) > known:
                    shown = True
                return inside
            if isinstance(part.type, GraphQLNonNull):
                raise Ungenerated("a part that is needed")
            return "null"

        return object_of(plan, value), shown

    def _usual(self, plan: ObjectPlan, source: Source) -> str:
        """The same where it is as it usually is: no part has to be looked at again."""

        def value(field: FieldPlan) -> str:
            part = source.parts.get(field.name)
            if part is None or part.usual is None:
                return "null"
            return self._usually(_nullable(field.type), field, part)

        return object_of(plan, value)

    def write(self, graph_type: Any, field: FieldPlan, value: str) -> str:
        """The value from the canonical one, which a name stands for."""
        nothing = "null"
        if isinstance(graph_type, GraphQLNonNull):
            nothing, graph_type = "odd()", cast(Any, graph_type).of_type
        return f"{{{nothing} if {value} is None else {self._writer(graph_type, field)}({value})}}"

    def _writer(self, graph_type: Any, field: FieldPlan) -> str:
        """The function from a canonical value that is not null to its text."""
        if isinstance(graph_type, GraphQLList):
            item = self.write(cast(Any, graph_type).of_type, field, "each")
            texts = f"[{text_of(item)} for each in values]"
            return self._function("values", [f"texts = {texts}"], "[{joined(texts)}]")
        if isinstance(graph_type, GraphQLEnumType):
            wrapped: Any = graph_type
            names = {member: quoted(graph_type.coerce_output_value(member)) for member in wrapped.wrapped_cls}
            return self._name("t", names.__getitem__)
        if is_leaf_type(graph_type):
            if graph_type.name == "DateTime":
                return self._name("w", _moment(graph_type.coerce_output_value))
            writer = _WRITERS.get(graph_type.name) if field.access is Access.ALLOWED else _mask
            if writer is None:
                raise Ungenerated(graph_type.name)
            return self._name("w", writer)
        (plan,) = field.children.values()
        lines: list[str] = []

        def value(part: FieldPlan) -> str:
            name = self._name("y")
            lines.append(f"{name} = value.{part.name}")
            return self.write(part.type, part, name)

        return self._function("value", lines, object_of(plan, value))

    def _function(self, argument: str, lines: Sequence[str], inside: str) -> str:
        name = self._name("w")
        self._functions += [
            f"def {name}({argument}):",
            *(f"    {line}" for line in lines),
            f"    return {text_of(inside)}",
        ]
        return name
