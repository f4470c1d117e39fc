"""Tokens of an identity provider: each way to be wrong, and its answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from gateway.auth.authenticator import MAX_CREDENTIAL, Authenticator
from gateway.auth.jwks import AGAIN_S, IssuerKeys
from gateway.auth.jwt_tokens import JwtTokens
from gateway.auth.session import Credentials, Session, Unauthenticated
from gateway.policy.engine import Policy
from tests.auth.issuer import Issuer, issuing, rsa

pytestmark = pytest.mark.anyio


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


async def verified(issuer: Issuer, token: str, **settings: object) -> Session:
    tokens = JwtTokens([issuer.settings(**settings)], Policy())
    try:
        return await tokens.verify(token)
    finally:
        await tokens.aclose()


async def refused(issuer: Issuer, token: str, **settings: object) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verified(issuer, token, **settings)
    assert not caught.value.retryable
    return str(caught.value)


async def test_a_good_token_is_its_subject_with_its_roles(issuer: Issuer) -> None:
    session = await verified(issuer, issuer.sign(email="Ada@Example.com"))
    assert session.viewer.subject == f"{issuer.url}#ada"
    assert session.viewer.may("postInvoice")
    assert not session.viewer.may("updateCustomer")
    assert session.expires_at is not None


async def test_an_elliptic_key_is_taken_too(issuer: Issuer) -> None:
    issuer.keys = [ECKey.generate_key("P-256", {"kid": "curve"})]
    assert (await verified(issuer, issuer.sign())).viewer.subject.endswith("#ada")


async def test_expired(issuer: Issuer) -> None:
    token = issuer.sign(exp=int(time.time()) - 61)
    assert await refused(issuer, token) == "the token expired"


async def test_a_clock_that_differs_is_allowed_for(issuer: Issuer) -> None:
    now = int(time.time())
    await verified(issuer, issuer.sign(exp=now - 30, nbf=now + 30, iat=now + 30))
    assert await refused(issuer, issuer.sign(exp=now - 30), leeway_s=0) == "the token expired"


async def test_not_yet_valid(issuer: Issuer) -> None:
    assert await refused(issuer, issuer.sign(nbf=int(time.time()) + 600)) == "the token is not valid yet"


async def test_wrong_audience(issuer: Issuer) -> None:
    assert await refused(issuer, issuer.sign(aud="another-api")) == "the claim aud is not what is taken here"
    await verified(issuer, issuer.sign(aud=["another-api", "fieldgate"]))


async def test_wrong_issuer(issuer: Issuer) -> None:
    token = issuer.sign(iss="https://login.example.org/")
    assert await refused(issuer, token) == "the token is of an issuer that is not known here"
    assert issuer.fetches == 0


@pytest.mark.parametrize("claim", ["exp", "aud", "sub"])
async def test_a_claim_that_is_missing(issuer: Issuer, claim: str) -> None:
    assert await refused(issuer, issuer.sign(**{claim: None})) == f"the token has no claim {claim}"


async def test_wrong_key_of_the_right_name(issuer: Issuer) -> None:
    assert await refused(issuer, issuer.sign(rsa("one"))) == "no key of the issuer's signed the token"


async def test_a_key_that_the_issuer_does_not_have(issuer: Issuer) -> None:
    assert await refused(issuer, issuer.sign(rsa("unknown"))) == "no key of the issuer's signed the token"


async def test_a_changed_token(issuer: Issuer) -> None:
    head, _, signature = issuer.sign().split(".")
    claims = part(issuer.claims(roles=["admin"]))
    assert await refused(issuer, f"{head}.{claims}.{signature}") == "no key of the issuer's signed the token"


async def test_rotated_key(issuer: Issuer) -> None:
    now = [0.0]
    tokens = JwtTokens([issuer.settings()], Policy(), clock=lambda: now[0])
    await tokens.verify(issuer.sign())
    issuer.keys.insert(0, rsa("two"))
    now[0] += AGAIN_S
    await tokens.verify(issuer.sign())
    assert issuer.fetches == 2
    # Old tokens are good while their key is published.
    await tokens.verify(issuer.sign(issuer.keys[1], jti="old"))
    assert issuer.fetches == 2
    await tokens.aclose()


async def test_unknown_keys_do_not_make_us_ask_again_and_again(issuer: Issuer) -> None:
    tokens = JwtTokens([issuer.settings()], Policy())
    await tokens.verify(issuer.sign())
    for at in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.verify(issuer.sign(issuer.keys[0], {"kid": f"made-up-{at}"}))
    assert issuer.fetches == 1
    await tokens.aclose()


async def test_many_who_wait_cost_one_fetch(issuer: Issuer) -> None:
    tokens = JwtTokens([issuer.settings()], Policy())
    several = [issuer.sign(sub=f"person {at}") for at in range(50)]
    sessions = await asyncio.gather(*(tokens.verify(token) for token in several))
    assert len({session.viewer.subject for session in sessions}) == 50
    assert issuer.fetches == 1
    await tokens.aclose()


async def test_an_issuer_that_is_down_is_no_fault_of_the_token(issuer: Issuer) -> None:
    issuer.down = True
    with pytest.raises(Unauthenticated) as caught:
        await verified(issuer, issuer.sign())
    assert caught.value.retryable


async def test_keys_that_were_fetched_serve_while_the_issuer_is_down(issuer: Issuer) -> None:
    now = [0.0]
    keys = IssuerKeys(issuer.url, None, 600, clock=lambda: now[0])
    assert await keys.find("one")
    issuer.down = True
    now[0] += 601
    assert await keys.find("one")
    await keys.aclose()


async def test_none_is_refused_before_any_key_is_looked_at(issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        token = f"{part({'alg': algorithm})}.{part(issuer.claims())}."
        assert await refused(issuer, token) == "the token is signed by an algorithm that is not taken"
    assert issuer.fetches == 0


async def test_a_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """RS/HS confusion: signed with HMAC, by the bytes of the key that everybody can read."""
    head = part({"alg": "HS256", "kid": "one", "typ": "JWT"})
    body = part(issuer.claims(roles=["admin"]))
    for secret in (
        issuer.keys[0].as_pem(private=False),
        json.dumps(issuer.keys[0].as_dict(private=False)).encode(),
    ):
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        token = f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
        assert await refused(issuer, token) == "the token is signed by an algorithm that is not taken"


async def test_a_shared_secret_among_the_published_keys_verifies_nothing(issuer: Issuer) -> None:
    secret = OctKey.import_key("a secret that somebody published by mistake", {"kid": "shared"})
    token = jwt.encode({"alg": "HS256", "kid": "shared"}, issuer.claims(), secret)
    assert await refused(issuer, token) == "the token is signed by an algorithm that is not taken"


async def test_an_algorithm_that_is_not_configured(issuer: Issuer) -> None:
    assert "algorithm" in await refused(issuer, issuer.sign(), algorithms=("ES256",))


async def test_a_critical_header_that_nobody_knows(issuer: Issuer) -> None:
    _, body, signature = issuer.sign().split(".")
    told = part({"alg": "RS256", "kid": "one", "crit": ["exp"], "exp": 1})
    assert await refused(issuer, f"{told}.{body}.{signature}") == "the token demands what is not known here"


async def test_a_huge_token_is_refused_before_it_is_read(issuer: Issuer) -> None:
    tokens = JwtTokens([issuer.settings()], Policy())
    authenticator = Authenticator(tokens=tokens.verify)
    token = issuer.sign(filler="x" * MAX_CREDENTIAL)
    with pytest.raises(Unauthenticated, match=f"longer than {MAX_CREDENTIAL} characters"):
        await authenticator.session(Credentials(f"Bearer {token}"))
    assert issuer.fetches == 0


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "..", "e30.e30.", "W10.W10.", "é.é.é", "%%.e30.e30"])
async def test_rubbish_is_no_token(issuer: Issuer, token: str) -> None:
    assert await refused(issuer, token) in {
        "the credential is no token",
        "the token is of an issuer that is not known here",
    }


async def test_what_is_no_bearer_token(issuer: Issuer) -> None:
    authenticator = Authenticator(tokens=JwtTokens([issuer.settings()], Policy()).verify)
    for header in ("", "Basic YTpi", issuer.sign(), "Bearer"):
        with pytest.raises(Unauthenticated):
            await authenticator.session(Credentials(header))


async def test_a_token_that_was_verified_is_remembered_until_it_expires(issuer: Issuer) -> None:
    tokens = JwtTokens([issuer.settings()], Policy())
    token = issuer.sign()
    assert await tokens.verify(token) is await tokens.verify(token)
    await tokens.aclose()


async def test_a_header_is_known_once_its_token_was_verified(issuer: Issuer) -> None:
    tokens = JwtTokens([issuer.settings()], Policy())
    authenticator = Authenticator(tokens=tokens.verify, remembered={b"": tokens.known})
    header = f"Bearer {issuer.sign()}"
    assert authenticator.known(header.encode()) is None
    session = await authenticator.session(Credentials(header))
    assert authenticator.known(header.encode()) is session
    for other in (header[1:], f"{header}x", header.replace("Bearer ", ""), "Bearer ", ""):
        assert authenticator.known(other.encode()) is None
    await tokens.aclose()


async def test_claims_become_roles_scopes_and_limits(issuer: Issuer) -> None:
    token = issuer.sign(groups="Billing-Team other", scp="customer:read nonsense", entities=["DE01"])
    session = await verified(
        issuer,
        token,
        roles_claim="groups",
        roles={"Billing-Team": "finance"},
        scopes_claim="scp",
        legal_entities_claim="entities",
        customer_claim="customer",
    )
    viewer = session.viewer
    assert viewer.may("refundPayment")
    assert viewer.rows is not None
    assert viewer.rows.legal_entities == frozenset({"DE01"})
    # A claim that binds and is not there binds to nothing.
    assert viewer.rows.customers == frozenset()


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
