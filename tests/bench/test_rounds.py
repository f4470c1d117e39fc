"""The bench of rounds, scaled down: systems that take their time are waited for, once."""

from __future__ import annotations

from pathlib import Path

from tests.bench.rounds import measure, table


def test_answers_are_held_back_and_the_table_tells_of_it(tmp_path: Path):
    found = measure(tmp_path / "state", 30.0, 3)
    # Whatever else the machine does, nothing can be there before the systems have answered.
    assert found.one_call_ms >= 30.0
    assert found.whole_ms >= 30.0
    assert found.calls == 5
    text = table(found, "0000000", 0.0)
    assert f"| the whole beside one call, at most 1.4 | {found.ratio:.2f} |" in text
