"""Who we are to a system: keys, and tokens that are fetched and renewed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapters.http import HttpClient


class Authenticator(Protocol):
    """Gives the headers that prove who we are."""

    async def headers(self, client: HttpClient) -> Mapping[str, str]: ...

    async def refused(self, client: HttpClient, sent: Mapping[str, str]) -> bool:
        """Told that ``sent`` was answered with 401. True where it is worth trying once more."""
        ...


@dataclass(frozen=True, slots=True)
class StaticHeaders:
    """Credentials that do not change: keys."""

    values: Mapping[str, str]

    async def headers(self, client: HttpClient) -> Mapping[str, str]:
        return self.values

    async def refused(self, client: HttpClient, sent: Mapping[str, str]) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. ``lives_s`` is None where the vendor does not say when it expires."""

    value: str
    lives_s: float | None = None


class TokenAuthenticator:
    """A bearer token that is fetched when needed and again when it expires or is refused.

    However many requests wait, one fetch is under way at a time. A token is renewed a little before
    its end, so that no request leaves with one that expires on the way.
    """

    def __init__(
        self,
        fetch: Callable[[HttpClient], Awaitable[Token]],
        *,
        scheme: str = "Bearer",
        early_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._scheme = scheme
        self._early_s = early_s
        self._clock = clock
        self._token: str | None = None
        self._expires_at: float | None = None
        self._fetching: asyncio.Task[str] | None = None

    async def headers(self, client: HttpClient) -> Mapping[str, str]:
        token = self._token
        if token is None or (self._expires_at is not None and self._clock() >= self._expires_at):
            token = await self._renew(client)
        return {"authorization": f"{self._scheme} {token}"}

    async def refused(self, client: HttpClient, sent: Mapping[str, str]) -> bool:
        # Another request may have renewed it meanwhile; a fresh token must not be thrown away.
        if self._token is not None and sent.get("authorization") == f"{self._scheme} {self._token}":
            self._token = None
        return True

    async def _renew(self, client: HttpClient) -> str:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_and_keep(client))
        # Shielded: one waiter that gives up must not cancel the fetch the others wait for.
        return await asyncio.shield(self._fetching)

    async def _fetch_and_keep(self, client: HttpClient) -> str:
        token = await self._fetch(client)
        self._token = token.value
        self._expires_at = (
            None
            if token.lives_s is None
            else self._clock() + max(token.lives_s - self._early_s, token.lives_s / 2)
        )
        return token.value
