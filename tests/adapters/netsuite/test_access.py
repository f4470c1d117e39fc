"""The client credentials flow: what is signed, and what the token endpoint makes of it."""

from __future__ import annotations

import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pydantic import ValidationError

from adapters.contracts.errors import Unauthorised
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from adapters.netsuite.assertion import ClientAssertion
from adapters.netsuite.client import TOKEN_PATH
from tests.adapters.netsuite.conftest import Sandbox


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "kind", "algorithm"),
    [
        (pem(rsa.generate_private_key(65537, 2048)), RSAKey, "PS256"),
        (pem(ec.generate_private_key(ec.SECP256R1())), ECKey, "ES256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), ECKey, "ES384"),
    ],
)
def test_assertion_is_what_the_vendor_documents(key: str, kind: type, algorithm: str) -> None:
    signed = ClientAssertion(
        private_key=key, client_id="client", certificate_id="certificate", audience="https://token"
    ).sign()
    token = jwt.decode(signed, kind.import_key(key), algorithms=[algorithm])
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "certificate"}
    assert {name: token.claims[name] for name in ("iss", "aud", "scope")} == {
        "iss": "client",
        "aud": "https://token",
        "scope": "rest_webservices",
    }
    assert 0 < token.claims["exp"] - token.claims["iat"] < 3600


@pytest.mark.parametrize("key", ["hunter2", pem(ec.generate_private_key(ec.SECP256K1()))])
def test_key_that_cannot_sign_is_refused_without_being_shown(sandbox: Sandbox, key: str) -> None:
    with pytest.raises(ValueError, match="private_key") as caught:
        sandbox.connect(private_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("column", ["x y", "x'", "id) FROM customer --", "X", ""])
def test_column_settings_hold_nothing_but_a_name(sandbox: Sandbox, column: str) -> None:
    with pytest.raises(ValidationError):
        sandbox.settings(customer_crm_column=column)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"certificate_id": "another"},
        {"audience": "https://another.suitetalk.api.netsuite.com/token"},
        {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))},
        {"private_key": pem(rsa.generate_private_key(65537, 2048))},
        {"clock": lambda: time.time() - 3600},
        {"clock": lambda: time.time() + 3600},
    ],
)
def test_token_endpoint_refuses_a_wrong_assertion(sandbox: Sandbox, changes: dict[str, object]) -> None:
    answer = sandbox.token(sandbox.assertion(**changes))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


def test_token_endpoint_refuses_an_hour_and_a_wrong_scope(sandbox: Sandbox) -> None:
    settings = sandbox.settings()
    key = ECKey.import_key(settings.private_key.get_secret_value())
    now = int(time.time())
    good = {
        "iss": settings.client_id,
        "aud": sandbox.url + TOKEN_PATH,
        "scope": "restlets,rest_webservices",
        "iat": now,
        "exp": now + 3599,
    }
    header = {"alg": "ES256", "kid": settings.certificate_id}
    assert sandbox.token(jwt.encode(header, good, key)).json()["expires_in"] == "3600"
    too_long = sandbox.token(jwt.encode(header, {**good, "exp": now + 3600}, key))
    assert too_long.json() == {"error": "invalid_grant"}
    wrong_scope = sandbox.token(jwt.encode(header, {**good, "scope": "everything"}, key))
    assert wrong_scope.json() == {"error": "invalid_scope"}


def test_data_needs_a_token_that_was_given(sandbox: Sandbox) -> None:
    for authorization in ({}, {"authorization": f"Bearer {sandbox.assertion()}"}):
        answer = httpx.post(
            f"{sandbox.url}/services/rest/query/v1/suiteql",
            headers={"prefer": "transient", **authorization},
            json={"q": "SELECT id FROM customer"},
            trust_env=False,
        )
        assert answer.status_code == 401
        assert answer.json()["o:errorDetails"][0]["o:errorCode"] == "INVALID_LOGIN"


@pytest.mark.anyio
async def test_refused_token_is_renewed_once(sandbox: Sandbox) -> None:
    adapter = sandbox.connect()
    customers = adapter.resources[RecordType.CUSTOMER]
    erp_id = str(sandbox.world.customers[0].erp_ids[0])
    try:
        await customers.read_many([erp_id], frozenset({"id"}))
        sandbox.front.log.clear()
        sandbox.front.arm(Fault("expire_token", path="/suiteql"))
        assert await customers.read_many([erp_id], frozenset({"id"}))
        paths = [call["path"].rpartition("/")[2] for call in sandbox.front.log.calls]
        assert paths == ["suiteql", "token", "suiteql"]
        sandbox.front.arm(Fault("expire_token", path="/suiteql", times=2))
        with pytest.raises(Unauthorised) as caught:
            await customers.read_many([erp_id], frozenset({"id"}))
        assert caught.value.vendor_code == "INVALID_LOGIN"
    finally:
        await adapter.aclose()
