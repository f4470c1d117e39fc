"""The product as its users run it: ``fieldgate sandbox`` and ``fieldgate serve`` as processes.

Upstream calls are counted at the emulators, by what they heard themselves.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import os
import queue
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from adapters import registry
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import World
from gateway.auth.key_store import KeyStore, NewKey
from gateway.commands.compose import open_database
from gateway.settings import load_config

COMMAND = Path(sys.executable).parent / "fieldgate"
START_TIMEOUT_S = 90
END_TIMEOUT_S = 30
TOKEN_PATH = "/oauth2/"
"""Text of the paths that give tokens, at the vendors that have any."""

_URL = re.compile(r"https?://[0-9.:\[\]]+")


class Gateway:
    """A running gateway. ``lines`` are what it announced; ``errors`` is the file of its log."""

    def __init__(
        self, process: subprocess.Popen[str], lines: list[str], errors: Path, headers: Mapping[str, str]
    ) -> None:
        self.process = process
        self.lines = lines
        self.errors = errors
        self.url = _first_url(lines, "Fieldgate is at")
        self.http = httpx.Client(timeout=60, trust_env=False, headers=dict(headers))

    def post(self, document: str, variables: Mapping[str, Any] | None = None) -> httpx.Response:
        return self.http.post(f"{self.url}/graphql", json={"query": document, "variables": variables or {}})

    def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer, ``{"data": …, "errors": […]}``."""
        return self.post(document, variables).json()

    def data(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer that has no errors."""
        answer = self.query(document, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def refusal(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The one error of an answer."""
        answer = self.query(document, variables)
        assert len(answer.get("errors", ())) == 1, answer
        return answer["errors"][0]

    def end(self) -> None:
        """Ends the process as an operator does; it must go cleanly, and never have met the unforeseen."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        log = self.errors.read_text()
        assert status == 0, f"ended with {status}\n{log[-4000:]}"
        assert "unforeseen error" not in log, log[-4000:]


@dataclass
class Emulators:
    """The emulated systems behind a gateway, by vendor: their base URLs and their one store."""

    urls: Mapping[str, str]
    store: Path
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    def calls(self, vendor: str) -> list[dict[str, Any]]:
        """What a system was asked since the last ``clear``, tokens aside."""
        heard = self.http.get(f"{self.urls[vendor]}/_emulator/calls").raise_for_status().json()
        return [call for call in heard if TOKEN_PATH not in call["path"]]

    def counts(self) -> dict[str, int]:
        """Calls of each system that was asked anything for a client.

        What the gateway fetches of its own accord, to learn of changes, has no correlation id.
        """
        counts = {
            vendor: sum(call["correlation"] is not None for call in self.calls(vendor))
            for vendor in self.urls
        }
        return {vendor: count for vendor, count in counts.items() if count}

    def clear(self) -> None:
        for url in self.urls.values():
            self.http.delete(f"{url}/_emulator/calls").raise_for_status()

    def arm(self, vendor: str, kind: str, times: int = 10_000, **fault: Any) -> None:
        """The vendor misbehaves for the next ``times`` requests."""
        answer = self.http.post(
            f"{self.urls[vendor]}/_emulator/faults", json={"kind": kind, "times": times, **fault}
        )
        answer.raise_for_status()

    def disarm(self) -> None:
        for url in self.urls.values():
            self.http.delete(f"{url}/_emulator/faults").raise_for_status()

    @contextlib.contextmanager
    def tables(self) -> Iterator[sqlite3.Connection]:
        """The emulators' store, to change what a system holds behind the gateway's back."""
        store = open_store(self.store)
        try:
            yield store
        finally:
            store.close()


@dataclass
class Sandbox:
    """A running sandbox, and the facts it was made from."""

    gateway: Gateway
    emulators: Emulators
    world: World

    def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.gateway.query(document, variables)

    def data(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.gateway.data(document, variables)

    def refusal(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.gateway.refusal(document, variables)


@contextlib.contextmanager
def sandbox(folder: Path, *, seed: int = 7, customers: int = 60, pace_s: float = 0) -> Iterator[Sandbox]:
    """A sandbox on free ports with its state in ``folder``; nothing happens in it by itself unless asked."""
    arguments = ["sandbox", "--port", "0", "--reset", "--seed", str(seed), "--customers", str(customers)]
    arguments += ["--pace", str(pace_s)]
    while True:
        today = datetime.now(UTC).date()
        gateway = _start([*arguments, "--state", str(folder)], folder.parent, last="Ctrl-C ends it")
        # A world is made for a day; one that was started over midnight could be of either.
        if datetime.now(UTC).date() == today:
            break
        gateway.end()
    urls = {vendor: _first_url(gateway.lines, f"  {vendor} ") for vendor in registry.EMULATORS}
    emulators = Emulators(urls, folder / "world.sqlite")
    world = generate(seed=seed, customers=customers, today=today)
    try:
        yield Sandbox(gateway, emulators, world)
    finally:
        emulators.http.close()
        gateway.end()


@contextlib.contextmanager
def serving_over(
    base_urls: Mapping[str, str],
    folder: Path,
    *,
    state: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    own_settings: Mapping[str, Mapping[str, Any]] | None = None,
    ownership: Mapping[str, str] | None = None,
    sections: Mapping[str, Any] | None = None,
    database: str | None = None,
) -> Iterator[Gateway]:
    """``fieldgate serve`` over systems at base URLs, by vendor.

    ``settings`` are for every connection, ``own_settings`` for one vendor's; ``ownership`` overrides owners.
    Its client has an API key of the role admin. It ends without waiting for who balances load, and logs no
    operations, unless ``sections`` say otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connections = [
        {
            "name": vendor,
            "system": registry.emulator(vendor).system.value,
            "adapter": vendor,
            "settings": {
                **registry.emulator(vendor).settings(url),
                **(settings or {}),
                **(own_settings or {}).get(vendor, {}),
            },
        }
        for vendor, url in base_urls.items()
    ]
    file = folder / "fieldgate.yaml"
    # JSON is YAML.
    config = {
        "server": {"drain_s": 0},
        "observability": {"access_log": False},
        "auth": {"api_keys": True},
        **(sections or {}),
        "state": {"folder": str(state or folder), **({} if database is None else {"database": database})},
        "connections": connections,
        "ownership": dict(ownership or {}),
    }
    file.write_text(json.dumps(config))
    headers = {"authorization": f"Bearer {api_key(file, 'admin')}"}
    command = ["serve", "--config", str(file), "--port", "0"]
    gateway = _start(command, folder, last="Fieldgate is at", headers=headers)
    try:
        yield gateway
    finally:
        gateway.end()


def api_key(config: Path, role: str, *, environ: Mapping[str, str] | None = None, **more: Any) -> str:
    """A new API key in the database of a configuration."""
    settings = load_config(config, {**os.environ, **(environ or {})})

    async def make() -> str:
        database = await open_database(settings.state)
        try:
            return await KeyStore(database).create(NewKey("test", (role,), **more))
        finally:
            await database.aclose()

    # In a thread: the caller may have a loop of its own.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, make()).result()


@contextlib.contextmanager
def serving(config: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[Gateway]:
    """``fieldgate serve`` with a configuration file, whose references are filled in from ``environ``.

    It takes API keys, and its client has one of the role admin.
    """
    arguments = ["serve", "--config", str(config), "--port", "0"]
    headers = {"authorization": f"Bearer {api_key(config, 'admin', environ=environ)}"}
    gateway = _start(arguments, folder, last="Fieldgate is at", environ=environ, headers=headers)
    try:
        yield gateway
    finally:
        gateway.end()


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    """A base URL where every connection is refused: the port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _start(
    arguments: list[str],
    folder: Path,
    *,
    last: str,
    environ: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Gateway:
    """Starts the command, and waits for the line that ends its announcement."""
    folder.mkdir(parents=True, exist_ok=True)
    errors = folder / f"{arguments[0]}.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [str(COMMAND), *arguments],
            cwd=folder,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(process, said), daemon=True).start()
    lines: list[str] = []
    try:
        while not lines or last not in lines[-1]:
            line = said.get(timeout=START_TIMEOUT_S)
            if line is None:
                raise RuntimeError(f"{arguments[0]} ended:\n{errors.read_text()[-4000:]}")
            lines.append(line)
    except (queue.Empty, RuntimeError):
        process.kill()
        process.wait()
        raise
    return Gateway(process, lines, errors, headers or {})


def _listen(process: subprocess.Popen[str], said: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.put(line.rstrip("\n"))
    said.put(None)


def _first_url(lines: list[str], beginning: str) -> str:
    for line in lines:
        if line.startswith(beginning) and (found := _URL.search(line)):
            return found.group()
    raise RuntimeError(f"no line {beginning!r} with a URL in what was announced: {lines}")
