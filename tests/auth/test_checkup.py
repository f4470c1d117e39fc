"""``fieldgate doctor`` on who may call: each fault is found, named, and ends with 1."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from adapters.contracts.adapter import Finding
from gateway.auth.checkup import check_auth
from gateway.auth.key_store import KeyStore, NewKey
from gateway.auth.settings import AuthSettings
from gateway.policy.engine import Policy
from gateway.store.database import Database, sqlite_url
from tests.auth.issuer import Issuer, issuing, rsa
from tests.support.postgresql import PostgreSQL
from tests.support.sandbox import COMMAND, api_key, closed_port

pytestmark = pytest.mark.anyio
SECRET = "a-secret-of-widgets-that-nobody-may-see"
ROLES = Policy().roles


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A database without keys."""
    found = tmp_path / "state.sqlite"
    database = await Database.open(sqlite_url(found))
    await database.aclose()
    return found


async def made(file: Path, *roles: str, **more: Any) -> str:
    database = await Database.open(sqlite_url(file))
    try:
        return await KeyStore(database).create(NewKey("test", roles, **more))
    finally:
        await database.aclose()


async def checked(settings: AuthSettings, file: Path | None = None, **more: Any) -> list[Finding]:
    def database() -> Database | None:
        return None if file is None else Database.as_it_is(sqlite_url(file))

    return await check_auth(settings, ROLES, database, **more)


def faults(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.check, each.detail) for each in findings if not each.ok]


async def test_an_issuer_that_is_well(issuer: Issuer) -> None:
    issuer.keys.append(rsa("two"))
    findings = await checked(AuthSettings(issuers=(issuer.settings(),)))
    assert faults(findings) == []
    assert [each.check for each in findings] == ["issuer", "clock"]
    assert f"{issuer.url} has 2 of 2 keys for RS256, ES256 at {issuer.url}/keys" in findings[0].detail
    assert "the audience fieldgate" in findings[0].detail


async def test_keys_that_cannot_verify_what_is_taken(issuer: Issuer) -> None:
    issuer.keys = [
        ECKey.generate_key("P-384", {"kid": "curve"}),
        ECKey.generate_key("P-256", {"kid": "use", "alg": "ES384"}),
    ]
    (only, _) = await checked(AuthSettings(issuers=(issuer.settings(algorithms=("RS256", "ES256")),)))
    assert not only.ok
    assert "has 0 of 2 keys" in only.detail
    issuer.keys.append(ECKey.generate_key("P-256", {"kid": "right"}))
    (only, _) = await checked(AuthSettings(issuers=(issuer.settings(),)))
    assert only.ok
    assert "has 1 of 3 keys" in only.detail


async def test_an_issuer_that_does_not_answer(issuer: Issuer) -> None:
    issuer.down = True
    ((check, detail),) = faults(await checked(AuthSettings(issuers=(issuer.settings(),))))
    assert check == "issuer"
    assert detail.startswith(f"the keys of {issuer.url} cannot be had: HTTP 503")


async def test_an_issuer_that_is_not_there() -> None:
    with closed_port() as url:
        issuers = ({"issuer": url, "audience": "fieldgate"},)
        ((check, detail),) = faults(await checked(AuthSettings.model_validate({"issuers": issuers})))
    assert check == "issuer"
    assert detail.startswith(f"the keys of {url} cannot be had")


async def test_an_issuer_of_another_name(issuer: Issuer) -> None:
    settings = issuer.settings().model_copy(update={"issuer": f"{issuer.url}/"})
    ((_, detail),) = faults(await checked(AuthSettings(issuers=(settings,))))
    assert "is of another issuer" in detail


@pytest.mark.parametrize(("ahead_s", "ok"), [(-70, False), (-50, True), (50, True), (70, False)])
async def test_a_clock_that_is_wrong(issuer: Issuer, ahead_s: int, ok: bool) -> None:
    findings = await checked(
        AuthSettings(issuers=(issuer.settings(leeway_s=60),)),
        now=lambda: datetime.now(UTC) + timedelta(seconds=ahead_s),
    )
    (clock,) = (each for each in findings if each.check == "clock")
    assert clock.ok is ok, clock.detail


async def test_roles_that_do_not_exist(issuer: Issuer, file: Path) -> None:
    key = await made(file, "finance", "fiance")
    settings = AuthSettings.model_validate(
        {
            "issuers": [issuer.settings(roles={"Staff": "support", "Boss": "manager"})],
            "api_keys": True,
            "widget_tokens": {"secret": SECRET, "role": "gadget"},
        }
    )
    found = faults(await checked(settings, file))
    assert {check for check, _ in found} == {"roles"}
    assert sorted(detail.split(",")[0].removeprefix("there is no role ") for _, detail in found) == [
        "fiance",
        "gadget",
        "manager",
    ]
    told = " ".join(detail for _, detail in found)
    assert key[:16] in told
    assert key not in told
    assert SECRET not in told


async def test_api_keys(file: Path) -> None:
    settings = AuthSettings(api_keys=True)
    assert faults(await checked(settings, None)) == [
        ("API keys", "0 of 0 are usable; `fieldgate keys create` makes one")
    ]
    await made(file, "admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert faults(await checked(settings, file)) == [
        ("API keys", "0 of 1 are usable; `fieldgate keys create` makes one")
    ]
    await made(file, "admin")
    assert await checked(settings, file) == [Finding("API keys", True, "1 of 2 are usable")]


async def test_without_any_key_who_has_an_issuer_can_call(issuer: Issuer, file: Path) -> None:
    settings = AuthSettings(issuers=(issuer.settings(),), api_keys=True)
    assert faults(await checked(settings, file)) == []


async def test_a_database_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    file.write_bytes(b"this is no database" * 100)
    ((check, detail),) = faults(await checked(AuthSettings(api_keys=True), file))
    assert check == "API keys"
    assert detail.startswith("the database cannot be read")


async def test_a_database_of_an_earlier_version_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    file.touch()
    ((_, detail),) = faults(await checked(AuthSettings(api_keys=True), file))
    assert "`fieldgate serve` brings its tables up to date" in detail
    assert file.stat().st_size == 0


def test_nobody_could_call(tmp_path: Path) -> None:
    status, lines = doctor(tmp_path, {})
    assert status == 1
    assert lines == [
        "FAIL auth: callers: nobody could call: there is neither an issuer, nor are API keys taken"
    ]


def test_the_command_says_it_all_in_its_own_form(tmp_path: Path, issuer: Issuer) -> None:
    auth = {
        "issuers": [{"issuer": issuer.url, "audience": "fieldgate"}],
        "api_keys": True,
        "widget_tokens": {"secret": SECRET, "previous_secrets": [SECRET[::-1]]},
    }
    status, lines = doctor(tmp_path, auth)
    assert status == 0
    assert not (tmp_path / ".fieldgate").exists()
    assert [line.split(": ")[:2] for line in lines] == [
        ["ok   auth", "issuer"],
        ["ok   auth", "clock"],
        ["ok   auth", "API keys"],
        ["ok   auth", "widget tokens"],
    ]
    api_key(tmp_path / "fieldgate.yaml", "admin")
    status, lines = doctor(tmp_path, auth)
    assert (status, lines[2]) == (0, "ok   auth: API keys: 1 of 1 are usable")
    assert SECRET not in "".join(lines)
    issuer.down = True
    status, lines = doctor(tmp_path, auth)
    assert status == 1
    assert lines[0].startswith("FAIL auth: issuer: ")


async def test_keys_in_postgresql(postgresql_server: PostgreSQL) -> None:
    url = postgresql_server.fresh()
    settings = AuthSettings(api_keys=True)
    ((_, detail),) = faults(await check_auth(settings, ROLES, lambda: Database.as_it_is(url)))
    assert detail.startswith("the database cannot be read (ProgrammingError)")
    database = await Database.open(url)
    try:
        await KeyStore(database).create(NewKey("test", ("admin",)))
    finally:
        await database.aclose()
    assert await check_auth(settings, ROLES, lambda: Database.as_it_is(url)) == [
        Finding("API keys", True, "1 of 1 are usable")
    ]


def doctor(folder: Path, auth: dict[str, Any], **sections: Any) -> tuple[int, list[str]]:
    """The exit code and the lines of ``fieldgate doctor``, without any system."""
    file = folder / "fieldgate.yaml"
    file.write_text(json.dumps({"auth": auth, "connections": [], **sections}))
    done = subprocess.run(
        [str(COMMAND), "doctor", "--config", str(file)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()
