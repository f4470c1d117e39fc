"""`fieldgate serve` as a real process: mistakes of configuration, its start and its end."""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from adapters import registry
from tests.gateway.command import SECRET, run, written
from tests.support.sandbox import END_TIMEOUT_S, Emulators, closed_port, serving_over

SOON_S = 8.0
"""A gateway that has nothing to do ends well within this."""


# Mistakes

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


# Running


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
