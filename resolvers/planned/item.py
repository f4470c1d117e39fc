"""What the steps of a plan find."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import Row
from adapters.contracts.resource import Lists, Page, count_of, rows_of
from adapters.contracts.vocabulary import RecordType


class Unread(Enum):
    """The row of an object that nothing had to be read of yet."""

    UNREAD = "unread"


UNREAD = Unread.UNREAD

RowState = Row | SystemFault | None | Unread
"""An object's row in its anchor; the fault of reading it; None where the system has no such record."""

Group = dict[str, RowState]
"""Objects of one connection, by record id."""

Batch = Mapping[str, Group]
"""The objects of one type at one place of the answer, by connection."""

Outcomes = dict[str, dict[str, Any]]
"""What a step found for each object, by connection and record id; an exception where it failed."""

Found = Mapping[str, Mapping[str, Any]]
"""The same, to be read only: pages of a relation may be ``Lists``."""


class Item(NamedTuple):
    """An object of a system."""

    type: RecordType
    connection: str
    id: str
    row: RowState


class Kids(NamedTuple):
    """A page of a relation: rows of one connection after the other."""

    parts: tuple[tuple[str, Page], ...]
    has_more: bool


def spread(batch: Batch, outcome: Any) -> Outcomes:
    """The same outcome for all objects."""
    return {name: dict.fromkeys(group, outcome) for name, group in batch.items()}


def rows_in(found: Mapping[str, Any]) -> list[Row]:
    """The rows of what are pages, and no faults."""
    if isinstance(found, Lists):
        return rows_of(found)
    return [row for page in found.values() if type(page) is Page for row in page.rows]


def rows_counted(found: Mapping[str, Any]) -> int:
    """How many rows they have."""
    if isinstance(found, Lists):
        return count_of(found)
    return sum([len(page.rows) for page in found.values() if type(page) is Page])


def pages_of_each(batch: Batch, pages: Mapping[str, Page]) -> dict[str, Mapping[str, Any]]:
    """What was asked for all parents at once, for those of each connection."""
    if len(batch) == 1:
        return dict.fromkeys(batch, pages)
    return {
        name: pages.only(group) if isinstance(pages, Lists) else {each: pages[each] for each in group}
        for name, group in batch.items()
    }
