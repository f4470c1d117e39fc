"""Who may call: assertions are verified for what they claim, tokens for having been given here."""

from __future__ import annotations

import hashlib
import secrets
import time
from functools import cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

CLIENT_ID = "fieldgate-sandbox-integration"
CERTIFICATE_ID = "fieldgate-sandbox-certificate"
ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
TOKEN_LIVES_S = 3600
SCOPES = frozenset({"rest_webservices", "restlets", "suite_analytics"})
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    # Derived from a public phrase: every process of a sandbox has the same pair, and it guards nothing.
    digest = hashlib.sha256(b"the NetSuite emulator's certificate").digest()
    return ec.derive_private_key(int.from_bytes(digest[:31], "big") + 1, ec.SECP256R1())


def private_key_pem() -> str:
    """The integration's private key."""
    return _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Refused(Exception):
    """The token endpoint's error, by its code of RFC 6749 section 5.2."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Access:
    """Tokens given by one running emulator."""

    def __init__(self) -> None:
        public = _key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self._certificate = ECKey.import_key(public)
        self._ends_at: dict[str, float] = {}
        self._scopes: dict[str, frozenset[str]] = {}

    def token(self, form: dict[str, str], token_url: str) -> dict[str, str]:
        """A token for a form whose assertion holds. Raises ``Refused``."""
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            raise Refused("invalid_request")
        scopes = self._verify(form["client_assertion"], token_url)
        now = time.monotonic()
        self._ends_at = {token: ends_at for token, ends_at in self._ends_at.items() if ends_at > now}
        self._scopes = {token: self._scopes[token] for token in self._ends_at}
        token = secrets.token_urlsafe(32)
        self._ends_at[token] = now + TOKEN_LIVES_S
        self._scopes[token] = scopes
        return {"access_token": token, "expires_in": str(TOKEN_LIVES_S), "token_type": "bearer"}

    def allows(self, authorization: str | None, scope: str = "rest_webservices") -> bool:
        """Whether ``Authorization`` carries a token that still lives and is good for ``scope``."""
        scheme, _, token = (authorization or "").partition(" ")
        alive = scheme.lower() == "bearer" and self._ends_at.get(token, 0.0) > time.monotonic()
        return alive and scope in self._scopes[token]

    def _verify(self, assertion: str, token_url: str) -> frozenset[str]:
        """The scopes that are asked for."""
        try:
            decoded = jwt.decode(assertion, self._certificate, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            raise Refused("invalid_grant") from None
        claims: dict[str, Any] = decoded.claims
        now = time.time()
        issued_at, expires_at = claims.get("iat"), claims.get("exp")
        scope = claims.get("scope")
        scopes = scope.split(",") if isinstance(scope, str) else scope
        if decoded.header.get("typ") != "JWT" or decoded.header.get("kid") != CERTIFICATE_ID:
            raise Refused("invalid_grant")
        if claims.get("iss") != CLIENT_ID or claims.get("aud") != token_url:
            raise Refused("invalid_grant")
        if not isinstance(issued_at, int | float) or not isinstance(expires_at, int | float):
            raise Refused("invalid_grant")
        # The vendor's rule: less than 60 minutes between the two.
        if expires_at <= now or issued_at > now + 60 or expires_at - issued_at >= 3600:
            raise Refused("invalid_grant")
        asked = (
            frozenset(str(each) for each in cast("list[Any]", scopes))
            if isinstance(scopes, list)
            else frozenset[str]()
        )
        if not asked or not asked <= SCOPES:
            raise Refused("invalid_scope")
        return asked
