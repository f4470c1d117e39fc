"""A real Tryton server for tests: installed from PyPI into an environment of its own, run as a process.

Tryton is GPL: it is a peer on a socket here, never a dependency and never imported. The environment and
a filled database are built once and kept in ``.cache/tryton/<hash of the recipe>``; each server gets its own
copy of the database.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SETUP = Path(__file__).with_name("tryton_setup.py")
BOOKS = Path(__file__).with_name("tryton_books.py")
DATABASE = "fieldgate"
REQUIREMENTS = (
    "trytond>=8.2,<8.3",
    "trytond_account_invoice>=8.2,<8.3",
    "proteus>=8.2,<8.3",
    "tryton-naiad>=8.2,<8.3",
)
MODULES = ("account_invoice", "company", "account", "party", "currency")
READER = "fieldgate"
BOOKKEEPER = "bookkeeper"
AUDITOR = "auditor"
STRANGER = "stranger"
PASSWORD = "a password of the tests, 42"
USERS: dict[str, dict[str, Any]] = {
    READER: {"password": PASSWORD, "groups": ["account.group_account"]},
    BOOKKEEPER: {
        "password": PASSWORD,
        "groups": ["account.group_account", "account.group_account_admin", "company.group_company_admin"],
    },
    # Of a group of the company's own, which may read what it names and change nothing.
    AUDITOR: {
        "password": PASSWORD,
        "groups": [],
        "reads": ["account.invoice", "account.invoice.line", "account.move", "account.move.line"],
    },
    STRANGER: {"password": PASSWORD, "groups": []},
}
BUILD_TIMEOUT_S, START_TIMEOUT_S = 300.0, 60.0


@dataclass(frozen=True)
class TrytonServer:
    """A running server. ``facts`` is what the setup script wrote; ``python`` has Tryton's own clients.

    file: its database, for looking at what really is there; only the server writes to it.
    """

    base_url: str
    facts: dict[str, Any]
    python: Path
    file: Path
    database: str = DATABASE
    user: str = READER
    password: str = PASSWORD

    @property
    def key(self) -> str:
        """The application key of the reading user."""
        return self.key_of(READER)

    @property
    def stranger_key(self) -> str:
        """The application key of a user who may read nothing of the accounts."""
        return self.key_of(STRANGER)

    def key_of(self, user: str) -> str:
        return self.facts["keys"][user]


class BuildFailed(Exception):
    """Tryton could not be installed or set up here."""


@contextlib.contextmanager
def tryton_server() -> Iterator[TrytonServer]:
    """A server over a fresh copy of the database. Skips the test, visibly, where Tryton cannot be had."""
    built = build()
    if isinstance(built, str):
        pytest.skip(built)
    with tempfile.TemporaryDirectory(prefix="fieldgate-tryton-") as folder:
        file = Path(folder) / f"{DATABASE}.sqlite"
        _copy(built / f"{DATABASE}.sqlite", file)
        with _running(built, Path(folder)) as base_url:
            facts = json.loads((built / "facts.json").read_text())
            yield TrytonServer(base_url, facts, built / "venv" / "bin" / "python", file)


@functools.cache
def build() -> Path | str:
    """The folder of the build, made if need be; or why there is none. One build at a time per machine."""
    recipe = (
        repr((REQUIREMENTS, MODULES, USERS, sys.version_info[:2])) + SETUP.read_text() + BOOKS.read_text()
    )
    folder = REPOSITORY / ".cache" / "tryton" / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            _build(folder)
        except BuildFailed as error:
            return f"no Tryton server: {error}"
        (folder / "complete").touch()
    return folder


def _build(folder: Path) -> None:
    binaries = folder / "venv" / "bin"
    _run([sys.executable, "-m", "venv", str(folder / "venv")])
    pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *REQUIREMENTS])
    config = _config(folder, port=0)
    admin_password = secrets.token_urlsafe(16)
    password_file = folder / "admin-password"
    password_file.write_text(admin_password)
    (folder / f"{DATABASE}.sqlite").touch()
    _run(
        [
            str(binaries / "trytond-admin"),
            *("-c", str(config), "-d", DATABASE, "--email", "admin@fieldgate.example"),
            *("-u", *MODULES, "--activate-dependencies"),
        ],
        TRYTONPASSFILE=str(password_file),
    )
    password_file.unlink()
    with _running(folder, folder) as base_url:
        asked = {
            "url": f"{base_url}/{DATABASE}/rpc/",
            "admin_password": admin_password,
            "users": USERS,
        }
        facts = _run([str(binaries / "python"), str(SETUP)], stdin=json.dumps(asked))
    (folder / "facts.json").write_text(facts)


def _run(command: list[str], stdin: str = "", **environment: str) -> str:
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            env={**os.environ, **environment},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(f"{Path(command[0]).name}: {type(error).__name__}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BuildFailed(f"{Path(command[0]).name} ended with {done.returncode}: {' | '.join(lines[-3:])}")
    return done.stdout


def _config(folder: Path, port: int) -> Path:
    path = folder / "trytond.conf"
    path.write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n[web]\nlisten = 127.0.0.1:{port}\n"
        "[session]\nauthentications = password\n"
    )
    return path


def _copy(source: Path, target: Path) -> None:
    """By SQLite itself: what Tryton wrote last can still be in a file beside the database."""
    with (
        contextlib.closing(sqlite3.connect(source)) as original,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)


@contextlib.contextmanager
def _running(built: Path, data: Path) -> Iterator[str]:
    """A server process over the database in ``data``. Ready when entered, ended when left."""
    for _ in range(3):  # Another process can take the free port first.
        port = _free_port()
        config = _config(data, port)
        command = [str(built / "venv" / "bin" / "trytond"), "-c", str(config), "-d", DATABASE]
        with (data / "trytond.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            base_url = f"http://127.0.0.1:{port}"
            if _answers(process, f"{base_url}/rpc/"):
                yield base_url
                return
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
    raise RuntimeError("the Tryton server did not start")


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    body = json.dumps({"id": 0, "method": "common.server.version", "params": []}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    until = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            # A process that starts has nothing to wait on but its port.
            time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
