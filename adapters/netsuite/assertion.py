"""The signed assertion that proves who we are to NetSuite's token endpoint.

Header, claims and algorithms are those of "The Request Token Structure"
(https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_162790605110.html).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_S = 300
"""An assertion is used at once; the vendor refuses one that lives 60 minutes or longer."""

_CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class ClientAssertion:
    """Signs assertions for one integration."""

    def __init__(
        self,
        *,
        private_key: str,
        client_id: str,
        certificate_id: str,
        audience: str,
        scopes: Sequence[str] = ("rest_webservices",),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._algorithm = _signing_key(private_key)
        self._client_id = client_id
        self._certificate_id = certificate_id
        self._audience = audience
        self._scope = ",".join(scopes)
        self._clock = clock

    def sign(self) -> str:
        """A fresh assertion, as a compact JWT."""
        now = int(self._clock())
        header = {"typ": "JWT", "alg": self._algorithm, "kid": self._certificate_id}
        claims = {
            "iss": self._client_id,
            "scope": self._scope,
            "aud": self._audience,
            "iat": now,
            "exp": now + LIFETIME_S,
        }
        return jwt.encode(header, claims, self._key, algorithms=[self._algorithm])


def _signing_key(pem: str) -> tuple[ECKey | RSAKey, str]:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        # The library's own message could quote the key.
        raise ValueError("private_key is not an unencrypted private key in PEM form") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAKey.import_key(pem), "PS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVE_ALGORITHMS:
        return ECKey.import_key(pem), _CURVE_ALGORITHMS[key.curve.name]
    raise ValueError("private_key must be RSA, or EC on P-256, P-384 or P-521")
