"""Callers of ``fieldgate serve``: API keys, widget tokens, and what becomes of those who have neither."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from adapters import registry
from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref
from tests.auth.issuer import Issuer, issuing
from tests.support.sandbox import COMMAND, Gateway, api_key, closed_port, serving_over

ASK = {"query": "{ __typename }"}
CUSTOMER = Ref(RecordType.CUSTOMER, "salesforce", "001000000000001AAA").encode()
ORIGIN = "https://crm.example.com"
OTHER_ORIGIN = "https://desk.example.com"
SECRET = "a secret of more than thirty-two characters"
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": "subscription { businessEvents { id } }"}}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Gateway]:
    """A gateway whose systems are all down: who may call has nothing to do with them."""
    auth = {
        "api_keys": True,
        "issuers": [{"issuer": issuer.url, "audience": "fieldgate", "leeway_s": 0}],
        "widget_tokens": {"secret": SECRET},
    }
    sections = {"auth": auth, "server": {"drain_s": 0, "origins": [ORIGIN, OTHER_ORIGIN]}}
    with closed_port() as nowhere:
        down = dict.fromkeys(registry.EMULATORS, nowhere)
        with serving_over(down, tmp_path_factory.mktemp("serve"), sections=sections) as running:
            yield running


@pytest.fixture
def config(gateway: Gateway) -> Path:
    return gateway.errors.parent / "fieldgate.yaml"


def ask(gateway: Gateway, authorization: str | None, **headers: str) -> httpx.Response:
    if authorization is not None:
        headers["authorization"] = authorization
    return httpx.post(f"{gateway.url}/graphql", json=ASK, headers=headers, trust_env=False)


def fieldgate(*arguments: object) -> str:
    done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def socket(gateway: Gateway, payload: dict[str, Any] | None) -> ClientConnection:
    url = f"{gateway.url.replace('http', 'ws')}/graphql"
    opened = connect(url, subprotocols=["graphql-transport-ws"], proxy=None, legacy=True)
    message: dict[str, Any] = {"type": "connection_init"}
    if payload is not None:
        message["payload"] = payload
    opened.send(json.dumps(message))
    return opened


def closed(opened: ClientConnection) -> tuple[int, str]:
    try:
        while True:
            opened.recv(timeout=30)
    except ConnectionClosed as caught:
        return (caught.rcvd.code, caught.rcvd.reason) if caught.rcvd is not None else (0, "")


def test_who_says_nothing_is_unauthenticated(gateway: Gateway) -> None:
    answer = ask(gateway, None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="fieldgate"'
    assert answer.headers["cache-control"] == "no-store"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["correlationId"] == answer.headers["x-correlation-id"]
    assert "data" not in answer.json()


def test_the_role_switch_of_the_sandbox_is_nowhere_else(gateway: Gateway) -> None:
    assert ask(gateway, None, **{"x-fieldgate-role": "admin"}).status_code == 401
    assert httpx.get(f"{gateway.url}/auth/roles", trust_env=False).status_code == 404


@pytest.mark.parametrize("given", ["Bearer x", "Bearer fgk_000000000000_" + "A" * 43, "Basic YTpi", "Bearer"])
def test_a_bad_credential_says_so(gateway: Gateway, given: str) -> None:
    answer = ask(gateway, given)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_health_needs_nobody(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url}/health/live", trust_env=False).status_code == 200


def test_a_key_is_made_listed_and_revoked_at_once(gateway: Gateway, config: Path) -> None:
    key = fieldgate("keys", "create", "-c", config, "--name", "crm backend", "--role", "support").strip()
    own_id = key.split("_")[1]
    assert ask(gateway, f"Bearer {key}").status_code == 200
    listed = next(
        line for line in fieldgate("keys", "list", "-c", config).splitlines() if line.startswith(own_id)
    )
    assert "crm backend" in listed
    assert key not in listed
    opened = socket(gateway, {"authorization": f"Bearer {key}"})
    assert json.loads(opened.recv(timeout=30))["type"] == "connection_ack"
    fieldgate("keys", "revoke", own_id, "-c", config)
    assert ask(gateway, f"Bearer {key}").status_code == 401
    assert closed(opened) == (4403, "Forbidden: the credential was revoked")


def test_the_database_has_no_key(gateway: Gateway, config: Path) -> None:
    key = api_key(config, "support")
    assert ask(gateway, f"Bearer {key}").status_code == 200
    for file in config.parent.glob("state.sqlite*"):
        assert key.split("_", 2)[2].encode() not in file.read_bytes()
    assert key not in gateway.errors.read_text()


def test_a_key_that_expired_is_refused(gateway: Gateway, config: Path) -> None:
    key = api_key(config, "support", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert ask(gateway, f"Bearer {key}").status_code == 401


def test_a_token_of_the_issuer_is_taken_everywhere(gateway: Gateway, issuer: Issuer) -> None:
    bearer = f"Bearer {issuer.sign()}"
    assert ask(gateway, bearer).status_code == 200
    with socket(gateway, {"Authorization": bearer}) as opened:
        assert json.loads(opened.recv(timeout=30))["type"] == "connection_ack"


@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer nonsense"}, {"authorization": 1}])
def test_a_socket_of_nobody_is_closed(gateway: Gateway, payload: dict[str, Any] | None) -> None:
    code, reason = closed(socket(gateway, payload))
    assert code == 4403
    assert reason.startswith("Forbidden: ")


def test_an_operation_before_it_is_known_who_asks_is_unauthorized(gateway: Gateway) -> None:
    url = f"{gateway.url.replace('http', 'ws')}/graphql"
    opened = connect(url, subprotocols=["graphql-transport-ws"], proxy=None, legacy=True)
    opened.send(json.dumps(SUBSCRIBE))
    assert closed(opened) == (4401, "Unauthorized")


def test_a_token_that_expires_ends_its_streams(gateway: Gateway, issuer: Issuer) -> None:
    expires = int(datetime.now(UTC).timestamp()) + 8
    bearer = f"Bearer {issuer.sign(exp=expires)}"
    opened = socket(gateway, {"authorization": bearer})
    assert json.loads(opened.recv(timeout=30))["type"] == "connection_ack"
    opened.send(json.dumps(SUBSCRIBE))
    with httpx.stream(
        "POST",
        f"{gateway.url}/graphql",
        json=SUBSCRIBE["payload"],
        headers={"authorization": bearer, "accept": "text/event-stream"},
        timeout=30,
        trust_env=False,
    ) as events:
        assert events.status_code == 200
        told = events.read().decode()
    assert '"code":"UNAUTHENTICATED"' in told
    assert told.rstrip().endswith("event: complete\ndata:")
    assert closed(opened) == (4403, "Forbidden: the credential expired")
    assert ask(gateway, bearer).status_code == 401


def mint(gateway: Gateway, key: str, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{gateway.url}/auth/widget-tokens",
        json=body,
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
    )


def test_a_widget_token_is_for_one_customer_and_one_origin(gateway: Gateway, config: Path) -> None:
    minted = mint(gateway, api_key(config, "admin"), customerId=CUSTOMER, origin=ORIGIN)
    assert minted.status_code == 201
    bearer = f"Bearer {minted.json()['token']}"
    assert ask(gateway, bearer, origin=ORIGIN).status_code == 200
    assert ask(gateway, bearer, origin=OTHER_ORIGIN).status_code == 401
    assert ask(gateway, bearer).status_code == 401
    other = Ref(RecordType.CUSTOMER, "salesforce", "001000000000002AAA").encode()
    answer = httpx.post(
        f"{gateway.url}/graphql",
        json={
            "query": "query ($mine: ID!, $other: ID!) { mine: customer(id: $mine) { id } "
            "other: customer(id: $other) { id } }",
            "variables": {"mine": CUSTOMER, "other": other},
        },
        headers={"authorization": bearer, "origin": ORIGIN},
        trust_env=False,
    ).json()
    assert answer == {"data": {"mine": {"id": CUSTOMER}, "other": None}}


def test_minting_takes_its_scope_and_a_customer(gateway: Gateway, config: Path) -> None:
    assert mint(gateway, api_key(config, "support"), customerId=CUSTOMER, origin=ORIGIN).status_code == 403
    admin = api_key(config, "admin")
    assert mint(gateway, admin, customerId="nonsense", origin=ORIGIN).status_code == 400
    for origin in ("*", "null", "crm.example.com", "https://crm.example.com/path", "http://crm.example.com"):
        assert mint(gateway, admin, customerId=CUSTOMER, origin=origin).status_code == 400
    assert mint(gateway, "nonsense", customerId=CUSTOMER, origin=ORIGIN).status_code == 401


def test_a_widget_token_that_was_changed_is_refused(gateway: Gateway, config: Path) -> None:
    token = mint(gateway, api_key(config, "admin"), customerId=CUSTOMER, origin=ORIGIN).json()["token"]
    head, body, signature = token.split(".")
    assert ask(gateway, f"Bearer {head}.{body}x.{signature}", origin=ORIGIN).status_code == 401
    # Without its beginning it is a token of no issuer.
    assert ask(gateway, f"Bearer {token.removeprefix('fgw_')}", origin=ORIGIN).status_code == 401
