"""`fieldgate sandbox` as a real process: its folder, its ports, and how it ends."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.command import run
from tests.support.sandbox import COMMAND, END_TIMEOUT_S, sandbox


@contextlib.contextmanager
def running_sandbox(*arguments: str | Path) -> Iterator[str]:
    """The gateway's URL, while `fieldgate sandbox` runs; Ctrl-C ends it."""
    command = [str(COMMAND), "sandbox", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C ends it" in line:
                    break
            yield re.findall(r"its playground at (\S+)/$", said, re.MULTILINE)[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(END_TIMEOUT_S) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_the_sandbox_keeps_its_company_until_it_is_reset(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    with sandbox(state, customers=40) as running:
        made = running.emulators.store.stat().st_ino
        names = running.data("{ customers(first: 5) { nodes { name } } }")
        port = httpx.URL(running.gateway.url).port
    query = {"query": "{ customers(first: 5) { nodes { name } } }"}
    with running_sandbox("--state", state, "--port", str(port), "--customers", "40") as gateway_url:
        answer = httpx.post(f"{gateway_url}/graphql", json=query, trust_env=False)
        assert answer.json()["data"] == names
    assert (state / "world.sqlite").stat().st_ino == made
    other = run("sandbox", "--state", state, "--port", "0", "--customers", "41")
    assert (other.status, other.out) == (2, [])
    assert other.err == [f"{state} holds a sandbox of 40 customers made with seed 7; --reset makes it anew"]
    assert run("sandbox", "--state", state, "--port", "0", "--customers", "40", "--seed", "8").status == 2
    with sandbox(state, seed=8, customers=40) as renewed:
        assert renewed.data("{ customers(first: 5) { nodes { name } } }") != names


def test_the_sandbox_empties_no_folder_of_others(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("keep me")
    for reset in ([], ["--reset"]):
        ended = run("sandbox", "--state", tmp_path, "--port", "0", "--customers", "40", *reset)
        assert (ended.status, ended.out) == (2, [])
        assert ended.err == [f"{tmp_path} holds other files; a sandbox needs a folder of its own"]
    assert list(tmp_path.iterdir()) == [precious]


def test_a_sandbox_folder_that_is_a_file_or_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run("sandbox", "--state", file, "--port", "0").status == 2
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "world.sqlite").write_text("no database\n" * 100)
    ended = run("sandbox", "--state", broken, "--port", "0")
    assert ended.status == 2
    (line,) = ended.err
    assert "--reset makes it anew" in line


@pytest.mark.parametrize("value", ["nope=8001", "stripe", "stripe=65536"])
def test_an_emulator_port_that_makes_no_sense(tmp_path: Path, value: str) -> None:
    ended = run("sandbox", "--state", tmp_path / "s", "--port", "0", "--emulator-port", value)
    assert (ended.status, ended.out) == (2, [])
    (line,) = ended.err
    assert line.startswith(f"--emulator-port {value}: VENDOR=PORT")


def test_an_emulator_takes_the_port_it_is_told(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("--state", tmp_path / "s", "--port", "0", "--customers", "40")
    with running_sandbox(*arguments, "--emulator-port", f"stripe={port}"):
        calls = httpx.get(f"http://127.0.0.1:{port}/_emulator/calls", trust_env=False)
    assert calls.status_code == 200


def test_the_sandbox_listens_on_ipv6(tmp_path: Path) -> None:
    arguments = ("--state", tmp_path / "s", "--port", "0", "--customers", "40", "--host", "::1")
    with running_sandbox(*arguments) as gateway_url:
        assert gateway_url.startswith("http://[::1]:")
        assert httpx.get(f"{gateway_url}/health/live", trust_env=False).status_code == 200
