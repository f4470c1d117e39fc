"""Connections at run time: a page of objects, with what makes the next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from adapters.contracts.fields import Condition, Op
from adapters.contracts.vocabulary import RecordType
from resolvers.budget import answer_budget
from resolvers.edges import FILTERS
from resolvers.errors import bad_user_input, forbidden
from resolvers.viewer import Access, Viewer

MAX_FIRST = 100


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class ConnectionEdge:
    cursor: str
    node: Any


@dataclass(frozen=True, slots=True)
class Connection:
    """A page. ``after`` given means that something came before."""

    edges: Sequence[ConnectionEdge]
    page_info: PageInfo

    @property
    def nodes(self) -> list[Any]:
        return [edge.node for edge in self.edges]


def connection(edges: Sequence[ConnectionEdge], *, has_more: bool, after: str | None) -> Connection:
    """A page from its edges, in order. Raises an error where the answer has too many objects with them."""
    budget = answer_budget.get()
    if budget is not None:
        budget.count(len(edges))
    return Connection(
        edges,
        PageInfo(
            has_next_page=has_more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def check_first(first: int) -> None:
    """``first`` is 1 to 100; anything else is BAD_USER_INPUT."""
    if not 1 <= first <= MAX_FIRST:
        raise bad_user_input(f"first: {first} is not between 1 and {MAX_FIRST}")


READ_BY: Mapping[str, str] = {"search": "name", "plan_code": "plan"}
"""Conditions of a name of their own -> the field of the graph that they tell of."""


def check_readable(viewer: Viewer, record_type: RecordType, field: str) -> None:
    """Raises FORBIDDEN unless a field may be read unmasked: to find and to order by it tells of it."""
    if viewer.field(record_type.value, field) is not Access.ALLOWED:
        raise forbidden(f"{record_type.value}.{to_camel_case(field)}")


def conditions(record_type: RecordType, given: Any, viewer: Viewer) -> tuple[Condition, ...]:
    """The canonical conditions of a filter input. Absent and null fields ask for nothing.

    FORBIDDEN for a field that the viewer may not read as it is: what matches would tell its value.
    """
    if given is None or given is strawberry.UNSET:
        return ()
    table: Mapping[str, tuple[str, Op]] = FILTERS[record_type]
    found: list[Condition] = []
    for name, (field, op) in table.items():
        value = getattr(given, name, None)
        if value is None or value is strawberry.UNSET:
            continue
        check_readable(viewer, record_type, READ_BY.get(field, field))
        if isinstance(value, str) and not value.strip():
            raise bad_user_input(f"filter.{name}: is empty")
        if op is Op.IN:
            values: list[Any] = list(value) if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownArgumentType]
            if not values:
                raise bad_user_input(f"filter.{name}: an empty list matches nothing; leave it out for all")
            value = tuple(dict.fromkeys(values))
        found.append(Condition(field, op, value))
    return tuple(found)
