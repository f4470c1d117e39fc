"""What the site remembers of idempotency keys (https://apidocs.chargebee.com/docs/api/idempotency).

For 30 minutes a request with a known key is answered from memory, with a header that says so. Its path and
parameters are compared with those of the first; that a difference is refused is documented, with which code
is not. Only what was done is remembered: a refusal is worked out anew each time.
"""

from __future__ import annotations

import hashlib
import sqlite3

from adapters.chargebee.emulator.problem import Problem

KEY, REPLAYED = "chargebee-idempotency-key", "chargebee-idempotency-replayed"
WINDOW_S = 30 * 60
MOST_CHARACTERS = 100


def open_memory(store: sqlite3.Connection) -> None:
    """Creates the table where there is none."""
    store.execute(
        "CREATE TABLE IF NOT EXISTS chargebee_idempotency"
        " (key TEXT PRIMARY KEY, signature TEXT NOT NULL, at REAL NOT NULL, answer BLOB NOT NULL)"
    )


def signature(path: str, body: bytes) -> str:
    """What two requests must share to be one."""
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


def recall(store: sqlite3.Connection, key: str, signed: str, now: float) -> bytes | None:
    """The answer to the request that had the key first. Raises the ``Problem`` of a key used otherwise."""
    if len(key) > MOST_CHARACTERS:
        raise Problem(400, f"The idempotency key has more than {MOST_CHARACTERS} characters.")
    store.execute("DELETE FROM chargebee_idempotency WHERE at <= ?", (now - WINDOW_S,))
    row = store.execute(
        "SELECT signature, answer FROM chargebee_idempotency WHERE key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    if row["signature"] != signed:
        raise Problem(400, "The idempotency key was used with a different request.")
    return row["answer"]


def remember(store: sqlite3.Connection, key: str, signed: str, now: float, answer: bytes) -> None:
    """Keeps an answer. In the transaction of what it answers for."""
    store.execute("INSERT INTO chargebee_idempotency VALUES (?, ?, ?, ?)", (key, signed, now, answer))
