"""Recorded runs as a section of docs/performance.md."""

from __future__ import annotations

import json
import platform
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.origin import machine, output

COLUMNS = ("cpu_s_per_1k", "p50_ms", "calls")


def figures(record: Path, commit: str) -> str:
    """The tables of a record: what was measured, and on what."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    ratios = [line for line in lines if "ab" in line]
    runs = [line for line in lines if "ab" not in line]
    return "\n".join([*_origin(runs, commit), "", *_measured(runs), "", *_ratios(ratios)])


def brief(record: Path, commit: str) -> str:
    """What the README says: CPU of a request beside each peer, of one connection, nothing held back."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    runs = [line for line in lines if "ab" not in line and (line["conns"], line["latency"]) == (1, 0)]
    ratios = {
        (line["q"], line["ab"][0]): line["cpu_s_per_1k"]["ratio"]
        for line in lines
        if "ab" in line and (line["conns"], line["latency"]) == (1, 0)
    }
    peers = sorted({peer for _, peer in ratios})
    table = [
        f"| one request | CPU of Fieldgate | {' | '.join(f'beside {peer}' for peer in peers)} |",
        f"|---|--:|{'--:|' * len(peers)}",
    ]
    for query in sorted({query for query, _ in ratios}):
        own = [run["cpu_s_per_1k"] for run in runs if run["q"] == query and "://" in run["target"]]
        cells = [f"{ratios[query, peer]:.3f}" if (query, peer) in ratios else "" for peer in peers]
        name = f"{query}: {QUERIES.get(query, query)}"
        table.append(f"| {name} | {statistics.median(own):.2f} ms | {' | '.join(cells)} |")
    return "\n".join([*origin(commit, ("uvicorn", "strawberry-graphql")), "", *table])


QUERIES = {
    "B1": "one customer",
    "B2": "the whole of one customer",
    "B3": "50 customers with balance and subscriptions",
    "B4": "100 customers with all of theirs",
}


def _origin(runs: list[Mapping[str, Any]], commit: str) -> list[str]:
    # The gateway is measured beside each peer, a peer beside the gateway alone.
    reps = Counter(
        (run["target"], run["q"], run["conns"], run["latency"]) for run in runs if "://" not in run["target"]
    )
    foreign = max(run["foreign_cpu"] for run in runs)
    return [
        *origin(commit, ("uvicorn", "httptools", "strawberry-graphql")),
        f"Runs of each with a peer: {min(reps.values())}.",
        f"Other work took at most {foreign:.0%} of a core during a run.",
    ]


def origin(commit: str, packages: Sequence[str]) -> list[str]:
    """When it was measured, what, and on what."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return [
        f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit}.",
        f"Machine: {machine()}.",
        f"Versions: Python {platform.python_version()}, {versions}, Node {output('node', '--version')}.",
    ]


def _measured(runs: list[Mapping[str, Any]]) -> list[str]:
    groups: dict[tuple[int, str, int, str], list[Mapping[str, Any]]] = defaultdict(list)
    for run in runs:
        groups[run["latency"], run["q"], run["conns"], _name(run["target"])].append(run)
    table = [
        "| query | connections | upstream ms | server | CPU s per 1,000 requests | median ms "
        "| upstream calls | most MB | runs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (latency, query, conns, name), group in sorted(groups.items()):
        cpu, median, calls = (statistics.median(run[column] for run in group) for column in COLUMNS)
        most = max(run["rss_mb"] for run in group)
        table.append(
            f"| {query} | {conns} | {latency} | {name} | {cpu:.3f} | {median:.2f} | {calls:.2f} | {most:.0f} "
            f"| {len(group)} |"
        )
    return table


def _ratios(ratios: list[Mapping[str, Any]]) -> list[str]:
    table = [
        "| query | connections | upstream ms | Fieldgate / peer | CPU per request | median "
        "| upstream calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in sorted(ratios, key=lambda each: (each["latency"], each["q"], each["conns"], each["ab"][0])):
        cells = " | ".join(
            f"{line[column]['ratio']:.2f} ({line[column]['min']:.2f}-{line[column]['max']:.2f})"
            for column in COLUMNS
        )
        table.append(f"| {line['q']} | {line['conns']} | {line['latency']} | / {line['ab'][0]} | {cells} |")
    return table


def _name(target: str) -> str:
    return "**Fieldgate**" if "://" in target else target
