"""The text of what generated code writes: the insides of f-strings.

An *inside* is text as it stands in the answer, and in braces the names, or plain expressions, of what is put
there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from resolvers.planned.plan import FieldPlan, ObjectPlan


class Ungenerated(Exception):
    """No code is generated for this plan; the text says why."""


_ALONE = re.compile(r"\{([^{}]+)\}")
"""One expression and nothing beside it."""


def an_object(parts: Iterable[tuple[str, str]]) -> str:
    """The inside of an object, from its keys, which are names of GraphQL, and the insides of their values."""
    return "{{" + ",".join([f'"{key}":{value}' for key, value in parts]) + "}}"


def object_of(plan: ObjectPlan, value: Callable[[FieldPlan], str]) -> str:
    """The inside of an object. ``value`` gives that of each of its fields, but for the name of its type."""
    return an_object(
        [
            (each.key, f'"{plan.type_name}"' if each.name == "__typename" else value(each))
            for each in plan.fields
        ]
    )


def text_of(inside: str) -> str:
    """The expression of the text."""
    if "'" in inside or "\\" in inside:
        raise Ungenerated("text that an f-string cannot hold")
    alone = _ALONE.fullmatch(inside)
    return f"f'{inside}'" if alone is None else alone[1]


def chosen(name: str, choices: Sequence[tuple[str, Sequence[str], str]]) -> list[str]:
    """Lines that give a name the value of the first choice that is true: condition, lines, expression.

    The last has no condition.
    """
    lines: list[str] = []
    for at, (condition, before, value) in enumerate(choices):
        lines.append(f"{'el' if at else ''}if {condition}:" if condition else "else:")
        lines += [f"    {line}" for line in (*before, f"{name} = {value}")]
    return lines


@dataclass(frozen=True, slots=True)
class Choice:
    """A name that stands for one of several values.

    lines: give it the value. usual: a condition that is true of nearly all rows, and the inside of the value
    then.
    """

    name: str
    lines: Sequence[str]
    usual: tuple[str, str]


def lines_of(choices: Iterable[Choice]) -> list[str]:
    return [line for each in choices for line in each.lines]


def usual_of(inside: str, choices: Sequence[Choice]) -> tuple[str, str]:
    """When none of the choices has to be made, and the same inside then."""
    for each in choices:
        inside = inside.replace(f"{{{each.name}}}", each.usual[1])
    return " and ".join(each.usual[0] for each in choices), inside


def added(inside: str, choices: Sequence[Choice]) -> list[str]:
    """Lines that add an object's text: in one piece where all is as usual."""
    add = f"out.append({text_of(inside)})"
    if not choices:
        return [add]
    condition, usual = usual_of(inside, choices)
    return [
        f"if {condition}:",
        f"    out.append({text_of(usual)})",
        "else:",
        *(f"    {line}" for line in (*lines_of(choices), add)),
    ]
