"""API keys of services, verified against the database and remembered until one is revoked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from gateway.auth.key_store import ApiKey, KeyStore
from gateway.auth.revocations import Revocations
from gateway.auth.session import REVOKED, Session, Unauthenticated
from gateway.auth.verified import Verified
from gateway.policy.engine import Policy
from gateway.policy.principal import Principal
from resolvers.ids import Ref, decode_id

WATCH_S = 1.0
"""How often streams are held against the revocations; requests are each time."""


class ApiKeys:
    """Verifies keys, and ends the streams of those that are revoked."""

    def __init__(self, store: KeyStore, revocations: Revocations, policy: Policy) -> None:
        self._store = store
        self._revocations = revocations
        self._policy = policy
        self._verified = Verified()
        self._sessions: dict[str, Session] = {}
        self._revision: int | None = None
        self._watching: asyncio.Task[None] | None = None

    def known(self, key: bytes) -> Session | None:
        """The session of a key that was verified since the last revocation."""
        revision = self._revocations.revision()
        if revision is None or revision != self._revision:
            self._verified = Verified()
            self._revision = revision
        return self._verified.get(key)

    async def verify(self, key: str) -> Session:
        """The session of a key. Raises ``Unauthenticated``."""
        known = self.known(key.encode())
        if known is not None:
            return known
        verified, revision = self._verified, self._revision
        found = await self._store.find(key)
        if found is None or not found.usable(datetime.now(UTC)):
            raise Unauthenticated("the API key is not known, expired, or was revoked")
        session = self._sessions.get(found.id)
        if session is None or session.over:
            session = self._sessions[found.id] = self._session(found)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        # Read before the key was: what was revoked in between makes the next request look anew.
        return verified.put(key.encode(), session) if revision is not None else session

    async def aclose(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._revocations.aclose()

    def _session(self, key: ApiKey) -> Session:
        customers: frozenset[Ref] | None = None
        if key.customer is not None:
            customers = frozenset({decode_id(key.customer)})
        principal = Principal(
            f"key:{key.id}",
            key.roles,
            email=key.email,
            customers=customers,
            legal_entities=None if key.legal_entities is None else frozenset(key.legal_entities),
        )
        expires_at = None if key.expires_at is None else key.expires_at.timestamp()
        return Session(self._policy.viewer(principal), expires_at=expires_at, key_id=key.id)

    async def _watch(self) -> None:
        """Ends the streams of keys that are revoked. A database that does not answer is asked again."""
        seen: int | None = None
        while True:
            await asyncio.sleep(WATCH_S)
            revision = self._revocations.revision()
            if (revision is not None and revision == seen) or not any(
                session.watched for session in self._sessions.values()
            ):
                continue
            try:
                revoked = await self._store.revoked()
            except Exception:  # noqa: BLE001, S112 - whatever it is, the next turn asks again
                continue
            seen = revision
            for own_id in revoked & self._sessions.keys():
                self._sessions.pop(own_id).end(REVOKED)
