"""The bench of limits, scaled down: it measures what it says."""

from __future__ import annotations

import pytest

from tests.bench.access import table
from tests.bench.limits import ALL, NEW, measured


@pytest.mark.anyio
async def test_every_line_is_measured() -> None:
    costs = await measured(50)
    text = table(costs)
    assert [each.what for each in costs if each.what in text] == [each.what for each in costs]
    by_name = {each.what: each.microseconds for each in costs}
    assert by_name[ALL] > by_name["the rate of points"] > 0
    # Each fragment and field is looked at once, and only when the document is new.
    assert by_name[NEW] > by_name["a document that was sent lately, and its points"]
