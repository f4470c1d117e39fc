"""Stripe's memory of idempotency keys. https://docs.stripe.com/api/idempotent_requests

The first answer to a key is kept once the endpoint began its work, whatever it was, and given again to the
same request for 24 hours. Parameters that failed validation, and a key that is in use, leave nothing behind.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from urllib.parse import parse_qsl

from adapters.stripe.emulator.errors import StripeError

SCHEMA = """
CREATE TABLE IF NOT EXISTS stripe_idempotency_key (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    request_id TEXT NOT NULL,
    created INTEGER NOT NULL
)
"""

KEPT_S = 24 * 3600
MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer as it was first given; ``request_id`` is that of the request it was given to."""

    status: int
    body: bytes
    request_id: str


class KeyMemory:
    """The keys of one account. A key is in use from ``take`` until ``release``."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._in_use: set[str] = set()
        store.execute(SCHEMA)

    def take(self, key: str, path: str, form: str, now: int) -> Remembered | None:
        """The answer this request was given before; None for a new key, which is then in use.

        Raises ``StripeError`` for a key that is in use, or belongs to another request.
        """
        if len(key) > MAX_LENGTH:
            raise StripeError(f"Idempotency keys are at most {MAX_LENGTH} characters long.")
        if key in self._in_use:
            raise StripeError(
                "There is currently another in-progress request using this Idempotent Key "
                "(that probably means you submitted twice, and the other request is still going through).",
                status=409,
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        self._store.execute("DELETE FROM stripe_idempotency_key WHERE created < ?", (now - KEPT_S,))
        known = self._store.execute("SELECT * FROM stripe_idempotency_key WHERE key = ?", (key,)).fetchone()
        if known is None:
            self._in_use.add(key)
            return None
        if known["path"] != path:
            raise StripeError(
                "Keys for idempotent requests can only be used for the same endpoint they were first used "
                f"for ('{path}' vs '{known['path']}'). Try using a key other than '{key}' if you meant to "
                "execute a different request.",
                type="idempotency_error",
            )
        if known["fingerprint"] != _fingerprint(form):
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        return Remembered(known["status"], known["body"], known["request_id"])

    def keep(self, key: str, path: str, form: str, answer: Remembered, now: int) -> None:
        """Keeps a first answer, in the transaction of the caller."""
        self._store.execute(
            "INSERT INTO stripe_idempotency_key VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, path, _fingerprint(form), answer.status, answer.body, answer.request_id, now),
        )

    def release(self, key: str) -> None:
        """The request has been answered."""
        self._in_use.discard(key)


def _fingerprint(form: str) -> str:
    """The same for the same parameters in another order."""
    return hashlib.sha256(repr(sorted(parse_qsl(form, keep_blank_values=True))).encode()).hexdigest()
