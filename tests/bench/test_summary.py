"""The figures of a record as a section of a page."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench import summary

RUN = {"q": "B1", "conns": 1, "p50_ms": 2.0, "calls": 1.0, "foreign_cpu": 0.07}
RATIO = {"ratio": 0.5, "min": 0.4, "max": 0.6}


def test_medians_and_ratios(tmp_path: Path):
    lines = [{**RUN, "target": "http://127.0.0.1:1/graphql", "cpu_s_per_1k": cpu} for cpu in (1.0, 3.0, 2.0)]
    lines += [{**RUN, "target": "mercurius", "cpu_s_per_1k": 4.0} for _ in range(3)]
    ratio = dict.fromkeys(summary.COLUMNS, RATIO)
    lines += [{"ab": ["mercurius", "http://127.0.0.1:1/graphql"], "q": "B1", "conns": 1, **ratio}]
    record = tmp_path / "ab.jsonl"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = summary.figures(record, "abc1234")
    assert "| B1 | 1 | **Fieldgate** | 2.000 | 2.00 | 1.00 | 3 |" in text
    assert "| B1 | 1 | / mercurius | 0.50 (0.40-0.60) | 0.50 (0.40-0.60) | 0.50 (0.40-0.60) |" in text
    assert "Runs of each with a peer: 3." in text
    assert "at most 7% of a core" in text
