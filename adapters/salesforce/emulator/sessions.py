"""The token endpoint's side: client credentials in, sessions out.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm
"""

from __future__ import annotations

import base64
import binascii
import secrets
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from adapters.emulation.ids import salesforce_id

SESSIONS = "CREATE TABLE IF NOT EXISTS salesforce_session (token TEXT PRIMARY KEY, expires_at REAL NOT NULL)"
ORGANIZATION_ID = salesforce_id("00D", 1)
RUN_AS_USER_ID = salesforce_id("005", 0)
CLIENT_ID = "3MVG9Fieldgate.Sandbox"
CLIENT_SECRET = "emulated-consumer-secret"  # noqa: S105 - of the sandbox, which guards nothing


class Sessions:
    """Issues and recognises access tokens. ``lives_s`` is the org's session timeout."""

    def __init__(self, store: sqlite3.Connection, lives_s: float) -> None:
        self._store = store
        self._lives_s = lives_s

    def grant(
        self, form: Mapping[str, str], authorization: str, instance_url: str
    ) -> tuple[int, dict[str, Any]]:
        """The token endpoint's (status, body). Credentials come in the form or by HTTP Basic."""
        client_id, secret = _basic(authorization)
        client_id, secret = form.get("client_id", client_id), form.get("client_secret", secret)
        if form.get("grant_type") != "client_credentials":
            return 400, {
                "error": "unsupported_grant_type",
                "error_description": "grant type not supported",
            }
        if client_id != CLIENT_ID:
            return 400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}
        if not secrets.compare_digest(secret.encode(), CLIENT_SECRET.encode()):
            return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}
        token = f"{ORGANIZATION_ID[:15]}!AQ{secrets.token_urlsafe(48)}"
        now = time.time()
        self._store.execute(
            "INSERT INTO salesforce_session VALUES (?, ?)",
            (token, now + self._lives_s),
        )
        # No expires_in: the session timeout is the org's own setting, and moves with use.
        return 200, {
            "access_token": token,
            "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
            "scope": "api",
            "instance_url": instance_url,
            "id": f"{instance_url}/id/{ORGANIZATION_ID}/{RUN_AS_USER_ID}",
            "token_type": "Bearer",
            "issued_at": str(int(now * 1000)),
            "api_instance_url": "https://api.salesforce.com",
        }

    def knows(self, authorization: str) -> bool:
        """Whether the header carries a session that is still open."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in ("bearer", "oauth"):
            return False
        found = self._store.execute(
            "SELECT expires_at FROM salesforce_session WHERE token = ?", (token,)
        ).fetchone()
        return found is not None and found[0] > time.time()


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret
