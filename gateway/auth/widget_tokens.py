"""Widget tokens: short-lived, for one customer and one origin, signed by the gateway for itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from gateway.auth.origin import checked_origin
from gateway.auth.session import Session, Unauthenticated
from gateway.auth.settings import WidgetSettings
from gateway.auth.verified import Verified
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.ids import BadId, Ref, decode_id

PREFIX = "fgw_"
_ALGORITHM = "HS256"
_USE = "fieldgate-widget"


@dataclass(frozen=True, slots=True)
class WidgetToken:
    """A token as it is given out. ``expires_at``: seconds since 1970."""

    token: str
    expires_at: int


class WidgetTokens:
    """Mints and verifies."""

    def __init__(self, settings: WidgetSettings, policy: Policy) -> None:
        self._settings = settings
        self._policy = policy
        secrets = (settings.secret, *settings.previous_secrets)
        self._keys = [OctKey.import_key(each.get_secret_value()) for each in secrets]
        self._verified = Verified()

    def mint(self, customer: Ref, origin: str, minted_by: str) -> WidgetToken:
        """A token for a customer that exists. Raises ``BadOrigin``."""
        now = int(time.time())
        expires_at = now + self._settings.lifetime_s
        claims: dict[str, Any] = {
            "aud": _USE,
            "sub": minted_by,
            "customer": customer.encode(),
            "origin": checked_origin(origin),
            "iat": now,
            "exp": expires_at,
        }
        return WidgetToken(PREFIX + jwt.encode({"alg": _ALGORITHM}, claims, self._keys[0]), expires_at)

    async def verify(self, token: str) -> Session:
        """The session of a token. Raises ``Unauthenticated``."""
        known = self._verified.get(token.encode())
        if known is not None:
            return known
        claims = self._claims(token.removeprefix(PREFIX))
        # No leeway: the clock that signed it is the clock that reads it.
        if claims.get("aud") != _USE or not isinstance(claims.get("exp"), int):
            raise Unauthenticated("the widget token is not one of ours")
        if time.time() >= claims["exp"]:
            raise Unauthenticated("the widget token expired")
        try:
            customer = decode_id(claims["customer"])
        except BadId:
            raise Unauthenticated("the widget token is for no customer") from None
        principal = Principal(
            f"widget:{claims['sub']}", (self._settings.role,), customers=frozenset({customer})
        )
        session = Session(self._policy.viewer(principal), expires_at=claims["exp"], origin=claims["origin"])
        return self._verified.put(token.encode(), session)

    def _claims(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
            except (JoseError, ValueError, TypeError):
                continue
        raise Unauthenticated("the widget token is not one of ours")
