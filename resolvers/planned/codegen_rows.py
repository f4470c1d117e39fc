"""Rows as generated code goes through them: those of all pages of a level, and of a root list in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from adapters.contracts.resource import Lists
from resolvers.planned.item import Kids

OBJECTS_AT_ONCE = 2_000
"""Objects whose rows and texts, some 600 kB of either, are mostly in the cache of a core when they are gone
through again. With fewer, what each block costs by itself takes what that gives.
"""


def lists_of(pages: Mapping[str, Any], owners: list[str]) -> list[Sequence[Any]]:
    """The rows of each owner's page. A fault in place of a page has no rows, and raises."""
    if isinstance(pages, Lists):
        return list(map(pages.lists.__getitem__, owners))
    return [pages[owner].rows for owner in owners]


def all_of(lists: Iterable[Sequence[Any]]) -> list[Any]:
    """The rows of all lists, one after the other."""
    return list(chain.from_iterable(lists))


def in_blocks(make: Callable[[Sequence[Any]], list[str]], rows: Sequence[Any], objects: int) -> list[str]:
    """The texts that a function makes of the rows of a root list, for some rows after the other.

    A level is gone through several times, and its texts become a part of those above it: with few rows at
    a time, all of that is done while they are in the cache.

    objects: how many all rows are with the objects below them.
    """
    if objects <= OBJECTS_AT_ONCE:
        return make(rows)
    size = max(1, OBJECTS_AT_ONCE * len(rows) // objects)
    starts = range(0, len(rows), size)
    return list(chain.from_iterable([make(rows[at : at + size]) for at in starts]))


def listed_rows(kids: Kids) -> Sequence[Any]:
    """The rows of a root list, of one connection after the other."""
    if len(kids.parts) == 1:
        return kids.parts[0][1].rows
    return [row for _, page in kids.parts for row in page.rows]


def places_of(kids: Kids) -> Sequence[str]:
    """The positions of these rows, most of which nobody looks at."""
    if len(kids.parts) == 1:
        return kids.parts[0][1].positions
    return [place for _, page in kids.parts for place in page.positions]
