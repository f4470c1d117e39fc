"""What a measurement runs: the gateway on a core of its own, the neutral upstream on the other."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = Path(os.environ.get("BENCH_FOLDER", ROOT.parent / "shared" / "bench"))
HOME = ROOT / ".bench"
CONFIG = Path(__file__).parent / "fieldgate.yaml"
START_S = 60


def environment() -> dict[str, str]:
    return {**os.environ, "BENCH_HOME": str(HOME), "PYTHONUNBUFFERED": "1"}


def bench(what: str, *arguments: str) -> list[str]:
    """A command of the bench folder."""
    return [sys.executable, str(BENCH / "bench.py"), what, *arguments]


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """The neutral upstream: the one that runs already, or one for as long as it is needed."""
    url = f"http://127.0.0.1:{os.environ.get('UPSTREAM_PORT', '4100')}"
    with contextlib.ExitStack() as running:
        if not _answers(f"{url}/_stats"):
            running.enter_context(_process(bench("upstream"), environment(), 1))
        _wait(f"{url}/_stats")
        yield url


@contextlib.contextmanager
def gateway(upstream_url: str) -> Iterator[tuple[str, str]]:
    """The product on a free port, over the upstream; gives its address, and the header of who may call."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fieldgate = [sys.executable, "-c", "from gateway.cli import main; main()"]
    command = [*fieldgate, "serve", "--config", str(CONFIG), "--port", str(port)]
    making = [*fieldgate, "keys", "create", "--config", str(CONFIG), "--name", "bench", "--role", "admin"]
    environ = {**environment(), "UPSTREAM_URL": upstream_url}
    made = subprocess.run(making, cwd=ROOT, env=environ, check=True, capture_output=True, text=True)
    with _process(command, environ, 0) as process:
        _wait(f"http://127.0.0.1:{port}/health/ready", process)
        yield f"http://127.0.0.1:{port}", f"Authorization: Bearer {made.stdout.strip()}"


def many_files() -> None:
    """A socket each for thousands of subscribers, in this process and in those it starts."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
            process.wait(15)
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
