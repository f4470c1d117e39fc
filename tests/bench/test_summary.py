"""The figures of a record as a section of a page."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench import fanout, summary

RUN = {"q": "B1", "conns": 1, "p50_ms": 2.0, "calls": 1.0, "foreign_cpu": 0.07, "latency": 0, "rss_mb": 99.6}
RATIO = {"ratio": 0.5, "min": 0.4, "max": 0.6}


def test_medians_and_ratios(tmp_path: Path):
    lines = [{**RUN, "target": "http://127.0.0.1:1/graphql", "cpu_s_per_1k": cpu} for cpu in (1.0, 3.0, 2.0)]
    lines += [{**RUN, "target": "mercurius", "cpu_s_per_1k": 4.0} for _ in range(3)]
    ratio = dict.fromkeys(summary.COLUMNS, RATIO)
    lines += [
        {"ab": ["mercurius", "http://127.0.0.1:1/graphql"], "q": "B1", "conns": 1, "latency": 0, **ratio}
    ]
    record = tmp_path / "ab.jsonl"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = summary.figures(record, "abc1234")
    assert "| B1 | 1 | 0 | **Fieldgate** | 2.000 | 2.00 | 1.00 | 100 | 3 |" in text
    assert "| B1 | 1 | 0 | / mercurius | 0.50 (0.40-0.60) | 0.50 (0.40-0.60) | 0.50 (0.40-0.60) |" in text
    assert "Runs of each with a peer: 3." in text
    assert "at most 7% of a core" in text


def test_the_readme_has_the_ratios_of_one_connection(tmp_path: Path):
    own, peer = "http://127.0.0.1:1/graphql", "mercurius"
    lines = [
        {**RUN, "target": own, "conns": conns, "cpu_s_per_1k": cpu} for conns, cpu in ((1, 0.5), (16, 9))
    ]
    for conns, ratio in ((1, 1.234), (16, 7.0)):
        of = {**dict.fromkeys(summary.COLUMNS, RATIO), "cpu_s_per_1k": {**RATIO, "ratio": ratio}}
        lines.append({"ab": [peer, own], "q": "B1", "conns": conns, "latency": 0, **of})
    record = tmp_path / "ab.jsonl"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = summary.brief(record, "abc1234")
    assert "| one request | CPU of Fieldgate | beside mercurius |" in text
    assert "| B1: one customer | 0.50 ms | 1.234 |" in text
    assert "9.00" not in text
    assert "7.0" not in text


def test_the_fan_out_s_medians(tmp_path: Path):
    run = {
        "deliveries_per_s": 40_000.0,
        "p50_ms": 5.0,
        "p99_ms": 9.0,
        "server_cpu": 0.5,
        "kb_per_socket": 20.0,
        "missing": 0,
        "subs": 2000,
        "rate": 20,
    }
    lines = [
        {**run, "target": "http://127.0.0.1:1/graphql", "cpu_s_per_100k": cpu} for cpu in (1.0, 3.0, 2.0)
    ]
    lines += [{**lines[0], "own": True, "subs": 5000, "rate": 200}, {**lines[0], "target": "mercurius"}]
    record = tmp_path / "fanout.jsonl"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = fanout.table(record, "abc1234")
    to_all = "2,000 sockets, 20 events/s, every event to all"
    assert f"| {to_all} | **Fieldgate** | 40,000 | 5.0 | 9.0 | 2.00 | 50% | 20 | 0 | 3 |" in text
    assert f"| {to_all} | mercurius | 40,000 | 5.0 | 9.0 | 1.00 | 50% | 20 | 0 | 1 |" in text
    assert "| 5,000 sockets, 200 events/s, each its own customer | **Fieldgate** |" in text
