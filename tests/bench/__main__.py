"""The gateway beside its peers, over one neutral upstream: ``make bench``.

Uses the bench folder beside the repository (``../shared/bench``), which brings the peers, the upstream, the
load and the check of every answer; without that folder it says so and goes on with the commands. What it
writes is in ``.bench``. ``--write`` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import access, commands, fanout, limits, rounds, servers, summary
from tests.bench.servers import BENCH, HOME, ROOT
from tests.support.marked import with_section
from tests.support.origin import commit_of, load

PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
PEERS = ("mercurius", "strawberry")


@dataclass(frozen=True, slots=True)
class Round:
    """The gateway in alternation with each peer. latency_ms: by which the upstream holds answers back."""

    peers: tuple[str, ...] = PEERS
    queries: str = "B1,B2,B3,B4"
    conns: str = "1,16"
    latency_ms: str = "0"


ROUNDS = (
    Round(),
    # Rounds of calls, not CPU, are what an answer waits for where the upstream takes its time.
    Round(("mercurius",), "B2", "1", "20"),
    # Loads of different requests that meet share their calls.
    Round(("mercurius",), "B1", "64"),
)

PARTS = ("graph", "rounds", "fanout", "commands", "access", "limits")


def main() -> int:
    options = _options()
    missing = _missing()
    beside_peers = {"graph", "fanout"} & set(options.parts)
    if beside_peers and missing:
        print(f"bench: graph and fan-out are skipped, {missing}")
    elif beside_peers:
        HOME.mkdir(exist_ok=True)
        if not (HOME / "peers" / "servers").exists() or options.setup:
            setup = ["sh", str(BENCH / "setup.sh")]
            subprocess.run(setup, cwd=ROOT, env=servers.environment(), check=True)
        if "graph" in options.parts and (status := _graph(options)):
            return status
        if "fanout" in options.parts and (status := _fanout(options)):
            return status
    if "rounds" in options.parts:
        with tempfile.TemporaryDirectory(prefix="fieldgate-bench-") as folder:
            _told(options, "rounds", rounds.told(ROOT, Path(folder) / "state"))
    if "commands" in options.parts:
        commit, load_before = commit_of(ROOT), load()
        _told(options, "commands", commands.table(commands.measure(), commit, load_before))
    if "access" in options.parts:
        _told(options, "access", access.table(asyncio.run(access.measure(2_000))))
    if "limits" in options.parts:
        _told(options, "limits", access.table(asyncio.run(limits.measured(2_000))))
    return 0


def _missing() -> str | None:
    if not (BENCH / "bench.py").exists():
        return f"there is no bench folder at {BENCH} (set BENCH_FOLDER)"
    if (os.cpu_count() or 1) < 2:
        return "two cores are needed: one for the server, one for upstream and load"
    return None


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--parts", default=PARTS, type=lambda text: text.split(","), help=f"of {', '.join(PARTS)}; all"
    )
    parser.add_argument("--peers", help="with --queries, --conns or --latency: one round, of these alone")
    parser.add_argument("--queries", help="of B1, B2, B3 and B4, comma-separated")
    parser.add_argument("--conns", help="connections at once, comma-separated")
    parser.add_argument("--latency", help="by which the upstream holds answers back, in ms")
    parser.add_argument("--secs", default="4", help="seconds a run")
    parser.add_argument("--reps", default="3", help="runs of each; the median is given")
    parser.add_argument("--header", action="append", default=[], help="'Name: value', sent to the gateway")
    parser.add_argument("--url", help="of a graph that runs already, in place of a gateway started here")
    parser.add_argument("--setup", action="store_true", help="set the peers up again")
    parser.add_argument("--write", action="store_true", help="write the figures to docs/performance.md")
    return parser.parse_args(arguments)


def _rounds(options: argparse.Namespace) -> Sequence[Round]:
    given = {
        "peers": None if options.peers is None else tuple(options.peers.split(",")),
        "queries": options.queries,
        "conns": options.conns,
        "latency_ms": options.latency,
    }
    if not any(given.values()):
        return ROUNDS
    return (replace(Round(conns="1"), **{name: value for name, value in given.items() if value}),)


def _graph(options: argparse.Namespace) -> int:
    commit = commit_of(ROOT)
    record = _record("ab")
    with servers.upstream() as upstream:
        for each in _rounds(options):
            for peer in each.peers:
                print(f"\n## {each.queries} with {each.conns}, {each.latency_ms} ms, {peer}\n", flush=True)
                # A gateway of its own for each, so that memory is of this work alone.
                with servers.gateway(upstream) as (own, key):
                    url, headers = (options.url, options.header) if options.url else (f"{own}/graphql", [key])
                    status = _ab(options, each, peer, url, headers, record)
                if status:
                    print(f"bench: the run against {peer} is void (exit code {status})")
                    return status
    print(f"\nRecorded in {record.relative_to(ROOT)}")
    _told(options, "figures", summary.figures(record, commit))
    if _rounds(options) is ROUNDS:
        _told(options, "bench", summary.brief(record, commit), README)
    return 0


def _ab(
    options: argparse.Namespace, each: Round, peer: str, url: str, headers: Sequence[str], record: Path
) -> int:
    command = servers.bench(
        *("ab", peer, url),
        *("--queries", each.queries, "--conns", each.conns, "--latency", each.latency_ms),
        *("--secs", options.secs, "--reps", options.reps, "--out", str(record)),
        *(part for header in headers for part in ("--header", header)),
    )
    return subprocess.run(command, cwd=HOME, env=servers.environment()).returncode


def _fanout(options: argparse.Namespace) -> int:
    commit = commit_of(ROOT)
    record = _record("fanout")
    print("\n## fan-out\n", flush=True)
    servers.many_files()
    with servers.upstream() as upstream:
        status = fanout.measure(upstream, record, int(options.reps), options.header)
    if status:
        print(f"bench: the fan-out is void (exit code {status})")
        return status
    _told(options, "fanout", fanout.table(record, commit))
    return 0


def _record(kind: str) -> Path:
    return HOME / f"{kind}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"


def _told(options: argparse.Namespace, section: str, text: str, page: Path = PAGE) -> None:
    print(f"\n{text}\n")
    if options.write:
        page.write_text(with_section(page.read_text(), section, text))
        print(f"Written to {page.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
