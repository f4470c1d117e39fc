"""What reading costs, in points, by the directives ``@cost`` and ``@listSize``.

By the GraphQL cost specification (https://ibm.github.io/graphql-specs/cost-spec.html): an object is a point,
a leaf is nothing, and what stands in a list counts as often as the list is long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, get_named_type, is_composite_type

CONNECTION, EDGE = "Connection", "Edge"
PAGE = frozenset({"edges", "nodes"})
"""The fields of a connection that are as long as the page."""

VALUE_TYPES = frozenset(
    {
        "Address",
        "LegalEntity",
        "Money",
        "PageInfo",
        "PaymentFailure",
        "PaymentMethod",
        "Period",
        "Person",
        "Plan",
        "Receivables",
    }
)
"""Types whose values come with the record that they stand in: they cost nothing of their own."""

FIELD_WEIGHTS: Mapping[tuple[str, str], int] = MappingProxyType({("Customer", "recurringRevenue"): 10})
"""(type, field) -> points, where a field costs more than the object it gives."""

MUTATION_WEIGHT = 10
"""A command is written down, carried out and read back."""

INTROSPECTION_WEIGHT = 100
"""Of ``__schema`` and ``__type``: the answer is long, and asks no system."""

ASSUMED_SIZES: Mapping[tuple[str, str], int] = MappingProxyType(
    {
        ("Query", "ownership"): 60,
        ("Query", "systems"): 10,
        ("Customer", "contacts"): 5,
        ("Customer", "paymentMethods"): 3,
        ("Customer", "records"): 4,
        ("Invoice", "lines"): 20,
        ("Command", "attempts"): 5,
    }
)
"""(type, field) -> how long a list is taken to be that no argument bounds."""

ASSUMED_SIZE = 1
"""Of a list that is not named above."""


@dataclass(frozen=True, slots=True)
class ListSize:
    """``@listSize`` of a field.

    slicing:  the argument that says how long the list is: a number, or a list of as many.
    assumed:  how long it is taken to be without that argument.
    sized:    the fields of the value that are so long; empty: the field itself is the list.
    """

    slicing: str | None
    assumed: int
    sized: frozenset[str] = frozenset()


def weight_of_type(name: str) -> int:
    """Points of one object of a type."""
    return 0 if name in VALUE_TYPES or name.endswith((CONNECTION, EDGE)) else 1


def weight_of_field(type_name: str, field: str, value_type: str) -> int:
    """Points of a field of an object: its value's, unless it says otherwise."""
    return FIELD_WEIGHTS.get((type_name, field), weight_of_type(value_type))


def list_size_of(type_name: str, name: str, field: GraphQLField) -> ListSize | None:
    """How long the list is that a field gives, itself or as the page of a connection; None for no list."""
    value: Any = cast(Any, get_named_type)(cast(Any, field).type)
    first = field.args.get("first")
    if value.name.endswith(CONNECTION) and first is not None:
        return ListSize("first", int(cast(Any, first).default_value), PAGE)
    if (
        not _is_list(field)
        or not is_composite_type(value)
        or (type_name.endswith(CONNECTION) and name in PAGE)
    ):
        return None
    lists = (each for each, argument in field.args.items() if _is_list(argument))
    return ListSize(next(lists, None), ASSUMED_SIZES.get((type_name, name), ASSUMED_SIZE))


def _is_list(of: Any) -> bool:
    outer: object = of.type
    inner: object = getattr(outer, "of_type", None)
    return isinstance(inner if isinstance(outer, GraphQLNonNull) else outer, GraphQLList)
