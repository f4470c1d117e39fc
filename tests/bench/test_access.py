"""The bench of access, scaled down: it measures what it says."""

from __future__ import annotations

import pytest

from tests.bench.access import measure, table


@pytest.mark.anyio
async def test_every_line_is_measured() -> None:
    costs = await measure(20)
    text = table(costs)
    assert [each.what for each in costs if each.what in text] == [each.what for each in costs]
    assert len(costs) == 7
    remembered, anew = costs[2], costs[3]
    # A signature is dearer than a look-up, by far more than any machine's noise.
    assert anew.microseconds > remembered.microseconds
