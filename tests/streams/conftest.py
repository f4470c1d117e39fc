"""A living sandbox's streams, and the npm clients of the protocols they speak."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Gateway, Sandbox, sandbox

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("streams") / "state") as running:
        running.data("{ customers(first: 1) { nodes { name } } }")
        yield running


@pytest.fixture(scope="package")
def packages() -> Path:
    """The folder with graphql-ws and graphql-sse, installed once into the cache."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node.js and npm: the streams were not read by graphql-ws and graphql-sse")
    folder = ROOT / ".cache" / "node" / "streams"
    wanted = (CLIENTS / "package.json").read_text()
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=90, check=True)
        except subprocess.SubprocessError as error:
            pytest.skip(f"graphql-ws and graphql-sse could not be installed ({type(error).__name__})")
        installed.write_text(wanted)
    return folder


class Client:
    """A client of npm that follows one subscription; ``next`` gives what it printed, line by line."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            ["node", str(CLIENTS / "follow.mjs"), json.dumps(options)], stdout=subprocess.PIPE, text=True
        )
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line)

    def next(self, timeout_s: float = 20) -> dict[str, Any]:
        return json.loads(self._said.get(timeout=timeout_s))

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def follow(company: Sandbox, packages: Path) -> Iterator[Callable[..., Client]]:
    """Starts a client over ``ws`` or ``sse``."""
    clients: list[Client] = []

    def start(
        transport: str,
        query: str,
        variables: dict[str, Any] | None = None,
        take: int = 1,
        at: Gateway | None = None,
    ) -> Client:
        options = {
            "transport": transport,
            "url": f"{(at or company.gateway).url}/graphql",
            "headers": {} if at is None else {"authorization": at.http.headers["authorization"]},
            "query": query,
            "variables": variables or {},
            "take": take,
            "packages": str(packages),
        }
        clients.append(Client(options))
        return clients[-1]

    yield start
    for client in clients:
        client.end()
