"""What the steps of a plan find, for the parents that they were asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from adapters.contracts.resource import Lists, Page, count_of, cut_each
from resolvers.planned.item import UNREAD, Group, pages_of_each

PARENTS: dict[str, Group] = {"crm": {"1": UNREAD, "2": UNREAD}, "other": {"3": UNREAD}}
ROWS = {"1": ["a", "b"], "2": [], "3": ["c"]}
FOUND: dict[str, Mapping[str, Page]] = {
    "lists": Lists(ROWS, lambda rows: ("",) * len(rows)),
    "pages": {value: Page(rows, ("",) * len(rows), False) for value, rows in ROWS.items()},
}


@pytest.mark.parametrize("kind", FOUND)
def test_parents_of_each_connection_get_their_own_pages_and_each_row_counts_once(kind: str) -> None:
    found = pages_of_each(PARENTS, FOUND[kind])
    rows = {name: {value: [*page.rows] for value, page in pages.items()} for name, pages in found.items()}
    assert rows == {"crm": {"1": ["a", "b"], "2": []}, "other": {"3": ["c"]}}
    assert sum(map(count_of, found.values())) == 3


@pytest.mark.parametrize("kind", FOUND)
def test_parents_of_one_connection_get_all_pages_as_they_are(kind: str) -> None:
    assert pages_of_each({"crm": dict.fromkeys(ROWS, UNREAD)}, FOUND[kind])["crm"] is FOUND[kind]


@pytest.mark.parametrize("kind", FOUND)
def test_pages_are_cut_only_where_one_is_longer(kind: str) -> None:
    assert cut_each(FOUND[kind], 2) is FOUND[kind]
    assert {value: [*page.rows] for value, page in cut_each(FOUND[kind], 1).items()} == {
        "1": ["a"],
        "2": [],
        "3": ["c"],
    }


@pytest.mark.parametrize(("other", "count", "longest"), [({"4": ["d"] * 3}, 6, 3), ({"1": ["a"]}, 2, 1)])
def test_lists_beside_others_are_measured_as_what_they_are_then(
    other: dict[str, list[str]], count: int, longest: int
) -> None:
    """Also where both have rows of one value: those of the last are there."""
    first = Lists(ROWS, lambda rows: ("",) * len(rows))
    together = first.beside([Lists(other, lambda rows: ("",) * len(rows))])
    assert (together.count, together.longest) == (count, longest)
