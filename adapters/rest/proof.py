"""Proof of origin of a webhook, by a secret that both sides know."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from adapters.contracts.events import Unverified
from adapters.rest.event_form import HeaderProof, HmacProof


def verify(proof: HeaderProof | HmacProof, headers: Mapping[str, str], body: bytes) -> None:
    """Raises ``Unverified`` unless the header, of a lower-case name, is right for one of the secrets.

    Every secret is compared, in constant time: how long it takes tells nothing of what is expected.
    """
    name = proof.name if isinstance(proof, HeaderProof) else proof.header
    given = headers.get(name.lower())
    if given is None:
        raise Unverified(f"there is no {name}")
    secrets = [secret.get_secret_value().encode() for secret in proof.secrets]
    expected = secrets if isinstance(proof, HeaderProof) else [sign(proof, each, body) for each in secrets]
    matches = [hmac.compare_digest(each, given.strip().encode()) for each in expected]
    if not any(matches):
        raise Unverified(f"{name} is of another body or another secret")


def sign(proof: HmacProof, secret: bytes, body: bytes) -> bytes:
    """The value of the header for this body."""
    code = hmac.new(secret, body, getattr(hashlib, proof.algorithm)).digest()
    text = code.hex().encode() if proof.encoding == "hex" else base64.b64encode(code)
    return proof.prefix.encode() + text
