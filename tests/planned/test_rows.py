"""Rows of a root list are gone through in blocks: all of them, in their order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from resolvers.planned.codegen_rows import OBJECTS_AT_ONCE, in_blocks


@pytest.mark.parametrize(
    ("count", "below", "most"),
    [
        pytest.param(0, 0, 0, id="none"),
        pytest.param(OBJECTS_AT_ONCE, 0, OBJECTS_AT_ONCE, id="as-many-as-go-at-once"),
        pytest.param(OBJECTS_AT_ONCE + 1, 0, OBJECTS_AT_ONCE, id="one-more"),
        pytest.param(100, 63, OBJECTS_AT_ONCE // 64, id="with-what-is-below-them"),
        pytest.param(3, 10 * OBJECTS_AT_ONCE, 1, id="each-with-more-than-go-at-once"),
    ],
)
def test_rows_are_gone_through_in_blocks(count: int, below: int, most: int) -> None:
    blocks: list[int] = []

    def make(rows: Sequence[int]) -> list[str]:
        blocks.append(len(rows))
        return [str(row) for row in rows]

    rows = list(range(count))
    assert in_blocks(make, rows, count + count * below) == [str(row) for row in rows]
    assert max(blocks) == most
