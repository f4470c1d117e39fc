"""`fieldgate doctor` as a real process, over systems that are well and ill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters import registry
from tests.auth.issuer import issuing
from tests.gateway.command import SECRET, Ended, configured, connection, run
from tests.support.sandbox import Emulators, closed_port


def test_doctor_finds_all_well(tmp_path: Path, all_connections: list[dict[str, Any]]) -> None:
    with issuing() as issuer:
        auth = {"issuers": [{"issuer": issuer.url, "audience": "fieldgate"}]}
        ended = run("doctor", "--config", configured(tmp_path, *all_connections, auth=auth))
    assert (ended.status, ended.err) == (0, [])
    assert {line.split()[1].rstrip(":") for line in ended.out} == {*registry.EMULATORS, "auth"}
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
    # Nobody could call either: the configuration has no section auth.
    assert failed == {all_connections[0]["name"], "auth"}
    assert {line.split()[1].rstrip(":") for line in ended.out} == {
        *(each["name"] for each in all_connections),
        "auth",
    }


def refused(ended: Ended) -> None:
    """The check-up of every emulated system failed, in lines of one form, without a secret.

    So did that of ``auth``, a section that the configurations here do not have.
    """
    assert (ended.status, ended.err) == (1, [])
    failed = {line.split()[1].rstrip(":") for line in ended.out if line.startswith("FAIL")}
    assert failed == {*registry.EMULATORS, "auth"}, ended.out
    assert all(re.match(r"(ok  |FAIL) [a-z]+: [^:]+: .+", line) for line in ended.out), ended.out
    assert SECRET not in ended.text
    for vendor in registry.EMULATORS:
        settings = registry.manifest(vendor).settings
        given = settings.model_validate(registry.emulator(vendor).settings("http://127.0.0.1:9"))
        for value in dict(given).values():
            if isinstance(value, SecretStr):
                assert value.get_secret_value() not in ended.text
