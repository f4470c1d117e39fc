"""The gateway beside its peers, over one neutral upstream: ``make bench``.

Uses the bench folder beside the repository (``../shared/bench``), which brings the peers, the upstream, the
load and the check of every answer; without that folder it says so and goes on with the commands. What it
writes is in ``.bench``. ``--write`` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import commands, summary
from tests.support.marked import with_section
from tests.support.origin import commit_of

ROOT = Path(__file__).resolve().parents[2]
BENCH = Path(os.environ.get("BENCH_FOLDER", ROOT.parent / "shared" / "bench"))
HOME = ROOT / ".bench"
CONFIG = Path(__file__).parent / "fieldgate.yaml"
PAGE = ROOT / "docs" / "performance.md"
PEERS = ("mercurius", "strawberry")
START_S = 60


def main() -> int:
    options = _options()
    status = 0 if options.commands else _graph(options)
    return status or _commands(options)


def _commands(options: argparse.Namespace) -> int:
    commit = commit_of(ROOT)
    print("\n## commands\n", flush=True)
    text = commands.table(commands.measure(), commit)
    print(text)
    if options.write:
        PAGE.write_text(with_section(PAGE.read_text(), "commands", text))
        print(f"Written to {PAGE.relative_to(ROOT)}")
    return 0


def _graph(options: argparse.Namespace) -> int:
    if not (BENCH / "bench.py").exists():
        print(f"bench: skipped, there is no bench folder at {BENCH} (set BENCH_FOLDER)")
        return 0
    if (os.cpu_count() or 1) < 2:
        print("bench: skipped, two cores are needed: one for the server, one for upstream and load")
        return 0
    HOME.mkdir(exist_ok=True)
    environ = {**os.environ, "BENCH_HOME": str(HOME), "PYTHONUNBUFFERED": "1"}
    if not (HOME / "peers" / "servers").exists() or options.setup:
        subprocess.run(["sh", str(BENCH / "setup.sh")], cwd=ROOT, env=environ, check=True)
    commit = commit_of(ROOT)
    record = HOME / f"ab-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    upstream = environ.get("UPSTREAM_PORT", "4100")
    with contextlib.ExitStack() as running:
        if not _answers(f"http://127.0.0.1:{upstream}/_stats"):
            running.enter_context(_process([sys.executable, str(BENCH / "bench.py"), "upstream"], environ, 1))
        _wait(f"http://127.0.0.1:{upstream}/_stats")
        url = options.url or running.enter_context(_gateway(environ, upstream))
        for peer in options.peers:
            print(f"\n## {peer}\n", flush=True)
            done = subprocess.run(_ab(options, peer, url, record), cwd=HOME, env=environ)
            if done.returncode != 0:
                print(f"bench: the run against {peer} is void (exit code {done.returncode})")
                return done.returncode
    print(f"\nRecorded in {record.relative_to(ROOT)}")
    if options.write:
        PAGE.write_text(with_section(PAGE.read_text(), "figures", summary.figures(record, commit)))
        print(f"Written to {PAGE.relative_to(ROOT)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--peers", default=PEERS, type=lambda text: tuple(text.split(",")))
    parser.add_argument("--queries", default="B1,B2,B3,B4")
    parser.add_argument("--conns", default="1", help="connections at once, comma-separated")
    parser.add_argument("--secs", default="4", help="seconds a run")
    parser.add_argument("--reps", default="3", help="runs of each; the median is given")
    parser.add_argument("--url", help="a gateway that runs already, in place of one started here")
    parser.add_argument("--setup", action="store_true", help="set the peers up again")
    parser.add_argument("--commands", action="store_true", help="only what commands take")
    parser.add_argument("--write", action="store_true", help="write the figures to docs/performance.md")
    return parser.parse_args()


def _ab(options: argparse.Namespace, peer: str, url: str, record: Path) -> Sequence[str]:
    return [
        *(sys.executable, str(BENCH / "bench.py"), "ab", peer, url),
        *("--queries", options.queries, "--conns", options.conns),
        *("--secs", options.secs, "--reps", options.reps, "--out", str(record)),
    ]


@contextlib.contextmanager
def _gateway(environ: Mapping[str, str], upstream: str) -> Iterator[str]:
    """The product on a free port, over the upstream; gives the address of its graph."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-c", "from gateway.cli import main; main()", "serve"),
        *("--config", str(CONFIG), "--port", str(port)),
    ]
    own = {**environ, "UPSTREAM_URL": f"http://127.0.0.1:{upstream}"}
    with _process(command, own, 0) as process:
        _wait(f"http://127.0.0.1:{port}/health/ready", process)
        yield f"http://127.0.0.1:{port}/graphql"


@contextlib.contextmanager
def _process(
    command: Sequence[str], environ: Mapping[str, str], core: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a core of its own, with all it starts; ended on the way out."""
    pinned = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(pinned, cwd=ROOT, env=dict(environ), start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2):
            return True
    except OSError:
        return False


def _wait(url: str, process: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + START_S
    while not _answers(url):
        if process is not None and process.poll() is not None:
            sys.exit(f"bench: the gateway ended with exit code {process.returncode} before it answered")
        if time.monotonic() > end:
            sys.exit(f"bench: no answer at {url} within {START_S} s")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
