"""Every command as a real process: what it prints, where, and how it ends."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from adapters import registry
from gateway import __version__
from schema.ownership import declared_ownership
from tests.support.sandbox import (
    COMMAND,
    END_TIMEOUT_S,
    Emulators,
    Sandbox,
    closed_port,
    sandbox,
    serving_over,
)

SCHEMA = Path(__file__).parents[2] / "docs" / "schema.graphql"
SECRET = "a-key-that-nobody-may-ever-see"
SOON_S = 8.0
"""A gateway that has nothing to do ends well within this."""


@dataclass(frozen=True)
class Ended:
    """How a command ended. ``out`` and ``err`` are lines."""

    status: int
    out: list[str]
    err: list[str]

    @property
    def text(self) -> str:
        return "\n".join([*self.out, *self.err])


def run(*arguments: str | Path, cwd: Path | None = None) -> Ended:
    command = [str(COMMAND), *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ended(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


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


def connection(vendor: str, url: str, **settings: Any) -> dict[str, Any]:
    emulator = registry.emulator(vendor)
    return {
        "name": vendor,
        "system": emulator.system.value,
        "adapter": vendor,
        "settings": {**emulator.settings(url), **settings},
    }


def configured(folder: Path, *connections: dict[str, Any], **sections: Any) -> Path:
    """A configuration file; JSON is YAML."""
    file = folder / "fieldgate.yaml"
    file.write_text(json.dumps({"connections": connections, **sections}, indent=1))
    return file


def written(folder: Path, text: str) -> Path:
    file = folder / "fieldgate.yaml"
    file.write_text(text)
    return file


@pytest.fixture
def emulators(company: Sandbox) -> Iterator[Emulators]:
    """The running systems, well-behaved again afterwards."""
    company.emulators.clear()
    yield company.emulators
    company.emulators.disarm()


@pytest.fixture
def all_connections(emulators: Emulators) -> list[dict[str, Any]]:
    return [connection(vendor, url) for vendor, url in emulators.urls.items()]


# Usage


def test_no_command_shows_the_commands() -> None:
    ended = run()
    assert ended.status == 2
    for command in ("sandbox", "serve", "doctor", "ownership", "schema", "version"):
        assert command in ended.text


@pytest.mark.parametrize("command", [("sandbox",), ("serve",), ("doctor",), ("schema", "print")])
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    ended = run(*command, "--help")
    assert (ended.status, ended.err) == (0, [])
    assert "Usage: fieldgate" in ended.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("serve", "--nope"),
        ("serve", "--port", "65536"),
        ("sandbox", "--customers", "39"),
        ("sandbox", "--seed", "x"),
    ],
)
def test_unknown_options_and_values(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert (ended.status, ended.out) == (2, [])
    assert "Error" in ended.text
    assert list(tmp_path.iterdir()) == []


def test_version() -> None:
    assert run("version").out == [__version__]


# schema print, ownership


def test_schema_print_is_the_checked_in_schema() -> None:
    ended = run("schema", "print")
    assert (ended.status, ended.err) == (0, [])
    assert ended.out == SCHEMA.read_text().splitlines()


def test_schema_print_follows_the_configured_owners(tmp_path: Path) -> None:
    config = configured(
        tmp_path, connection("netsuite", "http://127.0.0.1:9"), ownership={"Customer.phone": "ERP"}
    )
    ended = run("schema", "print", "--config", config)
    assert ended.status == 0
    changed = set(ended.out) - set(SCHEMA.read_text().splitlines())
    (line,) = changed
    assert line.strip().startswith("phone: String @authority(system: ERP")


def test_ownership_names_every_field_in_full() -> None:
    ended = run("ownership")
    assert (ended.status, ended.err) == (0, [])
    assert ended.out[0].split() == ["Field", "System", "Vendor", "Written", "by"]
    rows = {line.split()[0]: line.split()[1:] for line in ended.out[1:]}
    assert list(rows) == [entry.key for entry in declared_ownership()]
    assert rows["Customer.name"][0] == "CRM"
    assert rows["Customer.receivables"][0] == "ERP"
    assert rows["Customer.recurringRevenue"][0] == "derived"


def test_ownership_with_a_configuration_names_vendors(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        connection("netsuite", "http://127.0.0.1:9"),
        connection("salesforce", "http://127.0.0.1:9"),
        ownership={"Customer.phone": "ERP"},
    )
    ended = run("ownership", "--config", config)
    rows = {line.split()[0]: line.split()[1:] for line in ended.out[1:]}
    assert rows["Customer.phone"][:2] == ["ERP", "netsuite"]
    assert rows["Customer.name"][:2] == ["CRM", "salesforce"]
    assert rows["Subscription.number"][:1] == ["SUBSCRIPTIONS"]


# doctor


def test_doctor_finds_all_well(tmp_path: Path, all_connections: list[dict[str, Any]]) -> None:
    ended = run("doctor", "--config", configured(tmp_path, *all_connections))
    assert (ended.status, ended.err) == (0, [])
    assert {line.split()[1].rstrip(":") for line in ended.out} == set(registry.EMULATORS)
    assert all(line.startswith("ok   ") for line in ended.out), ended.out


WRONG_CREDENTIALS = {
    "salesforce": "client_secret",
    "chargebee": "api_key",
    "netsuite": "client_id",
    "stripe": "api_key",
}


def test_doctor_with_wrong_keys(tmp_path: Path, emulators: Emulators) -> None:
    wrong = [
        connection(vendor, emulators.urls[vendor], **{setting: SECRET})
        for vendor, setting in WRONG_CREDENTIALS.items()
    ]
    refused(run("doctor", "--config", configured(tmp_path, *wrong)))


def test_doctor_where_nobody_listens(tmp_path: Path) -> None:
    with closed_port() as url:
        closed = [connection(vendor, url) for vendor in registry.EMULATORS]
        refused(run("doctor", "--config", configured(tmp_path, *closed)))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "error", "status": 403}, id="permission missing"),
        pytest.param({"kind": "error", "status": 500}, id="broken"),
        pytest.param({"kind": "content_type"}, id="login page"),
        pytest.param({"kind": "truncate"}, id="truncated"),
        pytest.param({"kind": "drop"}, id="dropped"),
    ],
)
def test_doctor_where_systems_misbehave(
    tmp_path: Path, emulators: Emulators, all_connections: list[dict[str, Any]], fault: dict[str, Any]
) -> None:
    for vendor in registry.EMULATORS:
        emulators.arm(vendor, **fault)
    refused(run("doctor", "--config", configured(tmp_path, *all_connections)))


def test_one_ill_system_hides_no_other(tmp_path: Path, all_connections: list[dict[str, Any]]) -> None:
    all_connections[0]["settings"]["base_url"] = "http://127.0.0.1:9"
    ended = run("doctor", "--config", configured(tmp_path, *all_connections))
    assert ended.status == 1
    failed = {line.split()[1].rstrip(":") for line in ended.out if not line.startswith("ok")}
    assert failed == {all_connections[0]["name"]}
    assert {line.split()[1].rstrip(":") for line in ended.out} == {each["name"] for each in all_connections}


def refused(ended: Ended) -> None:
    """The check-up of every emulated system failed, in lines of one form, without a secret."""
    assert (ended.status, ended.err) == (1, [])
    failed = {line.split()[1].rstrip(":") for line in ended.out if line.startswith("FAIL")}
    assert failed == set(registry.EMULATORS), ended.out
    assert all(re.match(r"(ok  |FAIL) [a-z]+: [^:]+: .+", line) for line in ended.out), ended.out
    assert SECRET not in ended.text
    for vendor in registry.EMULATORS:
        settings = registry.manifest(vendor).settings
        given = settings.model_validate(registry.emulator(vendor).settings("http://127.0.0.1:9"))
        for value in dict(given).values():
            if isinstance(value, SecretStr):
                assert value.get_secret_value() not in ended.text


# serve: mistakes

STRIPE = f'{{name: pay, system: PAYMENTS, adapter: stripe, settings: {{api_key: "{SECRET}"}}}}'

AUTH = "auth: {api_keys: true}\n"

MISTAKES = [
    pytest.param("connections: [\n", r":2:1: not valid YAML", id="no YAML"),
    pytest.param("connections: []\nsevrer: {}\n", r":2: sevrer: unknown key .*server\?", id="unknown key"),
    pytest.param("server: {}\n", r":1: connections: required", id="missing"),
    pytest.param(f"connections:\n- {STRIPE.replace('stripe', 'strype')}\n", r":2: .*stripe\?", id="vendor"),
    pytest.param(f"connections:\n- {STRIPE.replace('PAYMENTS', 'CRM')}\n", r":2: .*cannot be CRM", id="role"),
    pytest.param(
        f"connections:\n- {STRIPE.replace(SECRET, '${FIELDGATE_NOT_SET}')}\n",
        r":2: .*FIELDGATE_NOT_SET is not set",
        id="secret not set",
    ),
    pytest.param(f"connections:\n- {STRIPE}\nserver: {{port: 70000}}\n", r":3: server\.port: ", id="port"),
    pytest.param(
        f"connections:\n- {STRIPE}\nownership: {{Customer.nope: CRM}}\n{AUTH}",
        r":3: .*Customer\.nope",
        id="field",
    ),
    pytest.param(
        f"connections:\n- {STRIPE}\nownership:\n  Customer.taxId: PAYMENTS\n{AUTH}",
        r":4: ownership\.Customer\.taxId: pay cannot supply taxId",
        id="owner",
    ),
    pytest.param(
        f"connections:\n- {STRIPE}\nownership:\n  Customer.taxId: TAX\n{AUTH}",
        r":4: .*no TAX",
        id="no such system",
    ),
    pytest.param(
        "connections:\n- name: erp\n  system: ERP\n  adapter: netsuite\n  settings:\n    base_url: http://x\n"
        f"    account: a\n    client_id: b\n    certificate_id: c\n    private_key: {SECRET}\n{AUTH}",
        r":\d+: connections\[0\]\.settings\S* .*private.key",
        id="key that cannot sign",
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_of_configuration_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    config = written(tmp_path, text)
    ended = run("serve", "--config", config)
    assert (ended.status, ended.out) == (2, [])
    (line,) = ended.err
    assert line.startswith(f"{config}:"), line
    assert re.search(expected, line), line
    assert SECRET not in line


def test_several_mistakes_are_a_line_each(tmp_path: Path) -> None:
    config = written(tmp_path, "server: {prot: 1}\nconnections: [{name: UPPER}]\n")
    ended = run("serve", "-c", config)
    assert ended.status == 2
    assert len(ended.err) >= 3
    assert all(re.match(rf"{re.escape(str(config))}:\d+: ", line) for line in ended.err)


def test_no_configuration_file(tmp_path: Path) -> None:
    ended = run("serve", cwd=tmp_path)
    assert (ended.status, ended.out, ended.err) == (2, [], ["fieldgate.yaml: No such file or directory"])


@pytest.mark.parametrize(
    ("prepare", "why"),
    [("touch", "File exists"), ("rubbish", "file is not a database")],
)
def test_a_state_folder_that_cannot_be_used(tmp_path: Path, prepare: str, why: str) -> None:
    folder = tmp_path / "state"
    if prepare == "touch":
        folder.touch()
    else:
        folder.mkdir()
        (folder / "gateway.sqlite").write_text("no database\n" * 100)
    config = written(tmp_path, "state: {folder: state}\nauth: {api_keys: true}\nconnections: []\n")
    ended = run("serve", "--config", config, "--port", "0")
    assert (ended.status, ended.out) == (2, [])
    (line,) = ended.err
    assert line.startswith(f"{config}:1: state.folder: ")
    assert why in line


def test_serve_does_not_start_where_nobody_could_call(tmp_path: Path) -> None:
    config = written(tmp_path, "connections: []\n")
    ended = run("serve", "--config", config, "--port", "0")
    assert (ended.status, ended.out) == (2, [])
    (line,) = ended.err
    assert line.startswith(f"{config}:1: auth: nobody could call: ")


def test_a_port_that_is_taken(tmp_path: Path, url: str) -> None:
    port = httpx.URL(url).port
    config = written(tmp_path, "auth: {api_keys: true}\nconnections: []\n")
    for command in (["serve", "-c", config], ["sandbox", "--state", tmp_path / "s", "--customers", "40"]):
        ended = run(*command, "--port", str(port))
        assert (ended.status, ended.out) == (2, [])
        assert ended.err == [f"cannot listen on 127.0.0.1:{port}: Address already in use"]


# serve: running


def test_serve_starts_with_every_system_down(tmp_path: Path) -> None:
    with closed_port() as nowhere:
        down = dict.fromkeys(registry.EMULATORS, nowhere)
        with serving_over(down, tmp_path) as gateway:
            assert gateway.http.get(f"{gateway.url}/health/ready").status_code == 200
            answer = gateway.query("{ customers { nodes { id } } }")
    assert answer["data"] == {"customers": None}
    assert answer["errors"][0]["extensions"]["code"] == "SYSTEM_UNAVAILABLE"
    assert answer["errors"][0]["extensions"]["system"] == "CRM"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_and_cleanly(tmp_path: Path, emulators: Emulators, number: int) -> None:
    with serving_over(emulators.urls, tmp_path) as gateway:
        gateway.data("{ customers(first: 1) { nodes { id name } } }")
        began = time.monotonic()
        gateway.process.send_signal(number)
        assert gateway.process.wait(END_TIMEOUT_S) == 0
        assert time.monotonic() - began < SOON_S
        assert gateway.errors.read_text() == ""


def test_requests_under_way_finish(tmp_path: Path, emulators: Emulators) -> None:
    with serving_over(emulators.urls, tmp_path, settings={"deadline_s": 10}) as gateway:
        gateway.data("{ customers(first: 1) { nodes { id name } } }")
        emulators.clear()
        emulators.arm("salesforce", "latency", seconds=1.5)
        answers: list[httpx.Response] = []
        asking = threading.Thread(
            target=lambda: answers.append(gateway.post("{ customers(first: 1) { nodes { name } } }"))
        )
        asking.start()
        while not emulators.calls("salesforce"):
            assert asking.is_alive()
        gateway.process.send_signal(signal.SIGTERM)
        asking.join(END_TIMEOUT_S)
        assert gateway.process.wait(END_TIMEOUT_S) == 0
        assert answers[0].status_code == 200
        assert answers[0].json()["data"]["customers"]["nodes"][0]["name"]
        assert gateway.errors.read_text() == ""
        with pytest.raises(httpx.ConnectError):
            httpx.post(f"{gateway.url}/graphql", trust_env=False)


# sandbox


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
