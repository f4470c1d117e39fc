"""One event to thousands of sockets, and thousands of sockets that each watch another customer."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import servers
from tests.bench.servers import HOME, ROOT
from tests.bench.summary import origin

EVENT = Path(__file__).parent / "event.json"
PUBLISH = "/webhooks/erp"
PROOF = "X-Bench-Secret: between-bench-and-gateway"
PEER = "mercurius"
SECS = "10"
SUBSCRIBERS, RATE = "2000", "20"
WATCHERS, WATCHED_RATE = "5000", "200"


def measure(upstream: str, record: Path, reps: int, headers: Sequence[str]) -> int:
    """Appends a line to the record for each run; gives the exit code of one that failed, else 0."""
    to_all = ("--subs", SUBSCRIBERS, "--rate", RATE, "--secs", SECS, "--reps", "1", "--out", str(record))
    for _ in range(reps):
        # A new gateway each time: memory per socket needs it.
        with servers.gateway(upstream) as (url, key):
            product = (
                f"{url}/graphql",
                "--publish",
                PUBLISH,
                "--event",
                str(EVENT),
                *_headers(PROOF, key, *headers),
            )
            if status := _run(servers.bench("fanout", *product, *to_all)):
                return status
        if status := _run(servers.bench("fanout", PEER, *to_all)):
            return status
        with servers.gateway(upstream) as (url, key):
            watch = [sys.executable, "-m", "tests.bench.watchers", url, WATCHERS, WATCHED_RATE, SECS]
            proofs = _headers(PROOF, key, *headers)
            if status := _run(["taskset", "-c", "1", *watch, *proofs, "--out", str(record)], ROOT):
                return status
    return 0


def _headers(*headers: str) -> list[str]:
    return [part for header in headers for part in ("--header", header)]


def _run(command: Sequence[str], folder: Path = HOME) -> int:
    return subprocess.run(command, cwd=folder, env=servers.environment()).returncode


COLUMNS = ("deliveries_per_s", "p50_ms", "p99_ms", "cpu_s_per_100k", "server_cpu", "kb_per_socket", "missing")
FORMS = ("{:,.0f}", "{:.1f}", "{:.1f}", "{:.2f}", "{:.0%}", "{:.0f}", "{:.0f}")


def table(record: Path, commit: str) -> str:
    """The medians of a record."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for line in record.read_text().splitlines():
        run = json.loads(line)
        name = "**Fieldgate**" if "://" in run["target"] else run["target"]
        what = "each its own customer" if run.get("own") else "every event to all"
        groups[f"{run['subs']:,} sockets, {run['rate']} events/s, {what}", name].append(run)
    lines = [
        *origin(commit, ("uvicorn", "websockets", "uvloop")),
        "",
        "| what | server | deliveries/s | p50 ms | p99 ms | CPU s per 100,000 deliveries | of a core "
        "| kB a socket | missing | runs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (what, name), group in groups.items():
        cells = [
            form.format(statistics.median(run[column] for run in group))
            for column, form in zip(COLUMNS, FORMS, strict=True)
        ]
        lines.append(f"| {what} | {name} | {' | '.join(cells)} | {len(group)} |")
    return "\n".join(lines)
