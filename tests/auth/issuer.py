"""An identity provider on loopback: it signs tokens, and publishes the keys that verify them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.auth.settings import IssuerSettings
from tests.support.server import serving

AUDIENCE = "fieldgate"


class Issuer:
    """``keys`` are published in order; ``fetches`` counts how often they were asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.fetches = 0
        self.down = False
        self.keys: list[RSAKey | ECKey] = [rsa("one")]

    def settings(self, **more: Any) -> IssuerSettings:
        return IssuerSettings(issuer=self.url, audience=AUDIENCE, **more)

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        told = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "roles": ["finance"],
        }
        return {name: value for name, value in {**told, **more}.items() if value is not None}

    def sign(
        self, key: RSAKey | ECKey | None = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token, by the first key unless told otherwise. A claim that is None is left out."""
        key = key or self.keys[0]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": key.kid, **(header or {})}, self.claims(**claims), key)

    async def discovery(self, _: Request) -> Response:
        if self.down:
            return Response(status_code=503)
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def published(self, _: Request) -> Response:
        self.fetches += 1
        if self.down:
            return Response(status_code=503)
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})


def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@contextlib.contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer at a free port."""
    issuer = Issuer()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", issuer.discovery),
            Route("/keys", issuer.published),
        ]
    )
    with serving(app) as url:
        issuer.url = url
        yield issuer
