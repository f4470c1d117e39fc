"""The bench of webhooks, scaled down: it measures what it says."""

from __future__ import annotations

from tests.bench.webhooks import PAGE, SELECTIONS, measure, table
from tests.support.marked import with_section


def test_it_measures_each_selection():
    found = measure(webhooks=5)
    assert [each.selection for each in found] == list(SELECTIONS)
    assert all(0 < each.median_ms <= each.p99_ms for each in found)
    text = table(found, "abc1234")
    assert "at commit abc1234 on " in text
    assert with_section(PAGE.read_text(), "webhooks", text) != PAGE.read_text()
