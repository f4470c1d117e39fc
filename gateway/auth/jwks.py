"""An issuer's public keys: fetched when needed, kept for a while, one fetch for however many wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from adapters.contracts.errors import SystemFault
from adapters.http import HttpClient
from gateway.auth.session import Unauthenticated

_log = structlog.get_logger(__name__)

AGAIN_S = 30.0
"""A key id that the issuer does not have, and an issuer that does not answer, are asked about again after
so long: tokens that are made up must not make us ask more often."""

_MAX_KEYS = 100
_MAX_BYTES = 1_000_000
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Published:
    """What an issuer publishes. ``date``: its clock, as the header of that name has it."""

    url: str
    keys: list[Key]
    date: str | None


class IssuerKeys:
    """The key set of one issuer."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None,
        ttl_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._ttl_s = ttl_s
        self._clock = clock
        self._keys: list[Key] = []
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._clients: dict[str, HttpClient] = {}

    async def find(self, kid: str | None) -> list[Key]:
        """The keys that a token may be signed with. ``Unauthenticated`` where none can be had."""
        now = self._clock()
        if self._fetched_at is None or now - self._fetched_at >= self._ttl_s:
            await self._fetch(now)
        found = self._of(kid)
        if not found and self._fetched_at is not None:
            # The issuer may have begun to sign with a new key.
            await self._fetch(now)
            found = self._of(kid)
        if self._fetched_at is None:
            raise Unauthenticated("the issuer's keys cannot be had now", retryable=True)
        return found

    async def aclose(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        for client in self._clients.values():
            await client.aclose()

    def _of(self, kid: str | None) -> list[Key]:
        return self._keys if kid is None else [key for key in self._keys if key.kid == kid]

    async def _fetch(self, now: float) -> None:
        if self._fetching is None or self._fetching.done():
            if self._tried_at is not None and now - self._tried_at < AGAIN_S:
                return
            self._tried_at = now
            self._fetching = asyncio.create_task(self._fetch_and_keep())
        # Shielded: one caller that gives up must not end the fetch that others wait for.
        await asyncio.shield(self._fetching)

    async def _fetch_and_keep(self) -> None:
        try:
            self._keys = (await self.published()).keys
        except (SystemFault, JoseError, ValueError) as error:
            # What was fetched before is good until it is replaced: an issuer that is down locks nobody out.
            _log.warning("the keys of an issuer cannot be had", issuer=self._issuer, reason=str(error))
            return
        self._fetched_at = self._clock()

    async def published(self) -> Published:
        """Asks the issuer. Raises ``SystemFault``, ``JoseError`` or ``ValueError`` with the reason."""
        url = self._jwks_url or await self._discovered()
        document, date = await self._get(url)
        return Published(url, _keys_of(document), date)

    async def _discovered(self) -> str:
        document, _ = await self._get(self._issuer.rstrip("/") + _DISCOVERY)
        if document.get("issuer") != self._issuer or not isinstance(document.get("jwks_uri"), str):
            raise ValueError("the discovery document is of another issuer, or names no keys")
        found: str = document["jwks_uri"]
        if urlsplit(found).scheme != urlsplit(self._issuer).scheme:
            raise ValueError("the keys are elsewhere by another scheme")
        return found

    async def _get(self, url: str) -> tuple[Mapping[str, Any], str | None]:
        """The object that is there, and the server's clock."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        client = self._clients.get(origin)
        if client is None:
            client = self._clients[origin] = HttpClient(origin, timeout_s=5.0, max_connections=2)
        answer = await client.send("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")
        if answer.status != 200 or len(answer.body) > _MAX_BYTES:
            raise ValueError(f"HTTP {answer.status}, {len(answer.body)} bytes")
        found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return cast(dict[str, Any], found), answer.headers.get("date")


def _keys_of(document: Mapping[str, Any]) -> list[Key]:
    """The keys that verify signatures; kinds that we do not know are left out."""
    given: object = document.get("keys")
    if not isinstance(given, list):
        raise ValueError("no keys in the key set")
    keys: list[Key] = []
    objects = [cast(dict[str, Any], each) for each in cast(list[Any], given) if isinstance(each, dict)]
    for entry in objects[:_MAX_KEYS]:
        # A shared secret has no place in a public key set, and must never verify anything.
        if entry.get("kty") == "oct" or entry.get("use") == "enc":
            continue
        try:
            keys += KeySet.import_key_set({"keys": [cast(Any, entry)]}).keys
        except (JoseError, ValueError):
            continue
    return keys
