"""The bench of commands, scaled down: it measures what it says."""

from __future__ import annotations

import pytest

from tests.bench.commands import Scale, measure, table


@pytest.mark.timeout(600)
def test_it_measures_commands_and_commitments():
    found = measure(Scale(commands=40, commitments=3))
    assert found
    for each in found:
        assert each.accepted_per_s > 0
        assert each.worked_off_per_s > 0
        assert 0 < each.over_ms < each.commitment_ms
        assert 0 < each.vendor_ms < each.commitment_ms
    text = table(found, "abc1234", 0.2)
    assert "at commit abc1234 on " in text
    assert f"| | {' | '.join(each.store for each in found)} |" in text
