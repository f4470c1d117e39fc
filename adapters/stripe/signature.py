"""Stripe's proof of origin: ``Stripe-Signature: t={unix seconds},v1={hex},v1={hex}``.

Each v1 is HMAC-SHA256 of ``{t}.{raw body}`` with one of the endpoint's signing secrets, of which there are
two while one takes the place of the other (https://docs.stripe.com/webhooks/signature, verify manually).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from adapters.contracts.events import Unverified

HEADER = "stripe-signature"

TOLERANCE_S = 300
"""How far a signature's time may be from ours: what Stripe's libraries use."""

_TIME = re.compile(r"\d{1,12}", re.ASCII)


def sign(secret: str, body: bytes, now: int) -> str:
    """A header's value. ``now`` is in seconds since 1970."""
    return f"t={now},v1={_mac(secret, str(now), body)}"


def verify(header: str | None, body: bytes, secrets: Sequence[str], now: float) -> None:
    """Raises ``Unverified`` unless one signature is of one of the secrets, over these bytes, and of now.

    Every pair is compared, in constant time each: how long it takes tells nothing of what is expected.
    """
    if not secrets:
        raise Unverified("no signing secret is configured")
    pairs = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    given = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not given:
        raise Unverified("there is no signature of a known scheme")
    expected = [_mac(secret, times[0], body).encode() for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(matches):
        raise Unverified("the signature is of another body or another secret")
    if abs(now - int(times[0])) > TOLERANCE_S:
        raise Unverified("the signature is too old, or one of the clocks is wrong")


def _mac(secret: str, moment: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
