"""The cost of an operation as a formula: numbers where the document says them, variables where it does not.

It is written once for a document, in steps that each use earlier ones, so that a fragment that is spread a
thousand times is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from schema.cost import ListSize

MOST = 2**53
"""Counts stop here: doubling with each fragment, they would outgrow what JSON can say."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A size that the request's variables tell. ``default``: where neither they nor the operation do."""

    name: str
    default: int

    def value(self, variables: Mapping[str, Any], defaults: Mapping[str, int]) -> int:
        """How long the list will be. What is no size is refused when the variable is checked."""
        return size_of(variables.get(self.name), defaults.get(self.name, self.default))


_NO_INT = 2**31

Size = int | Variable


def size_of(given: object, default: int) -> int:
    """A number, the length of a list, or the default: what is no Int is refused when it is validated."""
    if isinstance(given, int):
        return given if 0 <= given < _NO_INT else default
    return len(cast(list[Any], given)) if isinstance(given, list) else default


class Cost:
    """A sum: a constant, and other sums times sizes. ``at``: its place among the formula's steps."""

    __slots__ = ("at", "constant", "terms")

    def __init__(self, constant: int, terms: tuple[tuple[Size, Cost], ...] = (), at: int = -1) -> None:
        self.constant = constant
        self.terms = terms
        self.at = at


class Formula:
    """The steps of a document's costs, in the order in which they can be computed."""

    def __init__(self) -> None:
        self._steps: list[Cost] = []

    def cost(self, constant: int, terms: list[tuple[Size, Cost]]) -> Cost:
        """A new sum. What is constant in its terms is computed now."""
        left: list[tuple[Size, Cost]] = []
        for size, cost in terms:
            if isinstance(size, int) and not cost.terms:
                constant += size * cost.constant
            elif size != 0:
                left.append((size, cost))
        constant = min(constant, MOST)
        if not left:
            return Cost(constant)
        step = Cost(constant, tuple(left), len(self._steps))
        self._steps.append(step)
        return step

    def value(self, cost: Cost, variables: Mapping[str, Any], defaults: Mapping[str, int]) -> int:
        """The points of a cost with these variables. ``defaults``: the operation's own."""
        if not cost.terms:
            return cost.constant
        values: list[int] = []
        for step in self._steps[: cost.at + 1]:
            total = step.constant
            for size, of in step.terms:
                each = values[of.at] if of.terms else of.constant
                total += each * (size if isinstance(size, int) else size.value(variables, defaults))
            values.append(min(total, MOST))
        return values[cost.at]


@dataclass(frozen=True, slots=True)
class FieldCost:
    """What the schema says of a field. ``weight``: points of one value."""

    weight: int
    size: ListSize | None
