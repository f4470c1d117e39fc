"""Tokens that were found good, by their hash, until they expire: verifying a signature costs a hundred times
what looking one up does."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

from gateway.auth.session import Session
from resolvers.recent import Recent

KEPT = 10_000
KEPT_S = 300.0
"""A token is verified anew after so long: its issuer may have withdrawn the key that signed it."""


class Verified:
    """A bounded memory. The tokens themselves are not in it."""

    def __init__(self, kept: int = KEPT, clock: Callable[[], float] = time.time) -> None:
        self._sessions: Recent[bytes, tuple[float, Session]] = Recent(kept)
        self._clock = clock

    def get(self, token: bytes) -> Session | None:
        key = sha256(token).digest()
        found = self._sessions.get(key)
        if found is None:
            return None
        if self._clock() >= found[0]:
            self._sessions.drop(key)
            return None
        return found[1]

    def put(self, token: bytes, session: Session) -> Session:
        until = self._clock() + KEPT_S
        if session.expires_at is not None:
            until = min(until, session.expires_at)
        self._sessions.put(sha256(token).digest(), (until, session))
        return session
