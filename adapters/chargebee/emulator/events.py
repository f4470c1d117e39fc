"""Events of what happens on the site: into the list, and to the webhook.

https://apidocs.chargebee.com/docs/api/events
"""

from __future__ import annotations

import base64
import secrets
import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.chargebee.emulator.catalogue import CUSTOMERS, EVENTS
from adapters.chargebee.emulator.term import Document
from adapters.emulation.webhooks import endpoint_of, post_event

WEBHOOK_USERNAME = "fieldgate"
WEBHOOK_PASSWORD = "webhooks of the sandbox"  # noqa: S105 - opens nothing but a sandbox
"""What the site's webhook proves itself with."""

RETRIES_S = (120.0, 360.0, 1_800.0, 3_600.0, 18_000.0, 86_400.0, 172_800.0)
"""Seven times, after 2 and 6 and 30 minutes, 1 and 5 hours, 1 and 2 days
(https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings, automatic retries)."""

_USERS = {"api": "full_access_key_v1"}


def happened(store: sqlite3.Connection, type: str, about: Document, now: float, *, source: str) -> None:
    """Adds an event and sends it, in the caller's transaction.

    about:  a subscription, which brings its customer along, or a customer.
    source: ``api`` for what a request did, ``scheduled_job`` for what the clock did, ``admin_console``.
    """
    content: dict[str, Any] = {about["object"]: about}
    if about["object"] == "subscription":
        row = store.execute(
            f"SELECT document FROM {CUSTOMERS.table} WHERE id = ?", (about["customer_id"],)
        ).fetchone()
        content["customer"] = msgspec.json.decode(row["document"])
    sent = endpoint_of(store, "chargebee") is not None
    event: dict[str, Any] = {
        "id": f"ev_{secrets.token_urlsafe(12)}",
        "occurred_at": int(now),
        "source": source,
        "object": "event",
        "api_version": "v2",
        "content": content,
        "event_type": type,
        "webhook_status": "scheduled" if sent else "not_configured",
        "webhooks": [
            {"id": "whv2_sandbox", "webhook_status": "scheduled", "object": "webhook"},
        ]
        if sent
        else [],
    }
    if source in _USERS:
        event["user"] = _USERS[source]
    body = msgspec.json.encode(event)
    store.execute(f"INSERT INTO {EVENTS.table} (id, document) VALUES (?, ?)", (event["id"], body.decode()))
    post_event(store, "chargebee", event["id"], body)


def prove(body: bytes, now: int) -> Mapping[str, str]:
    """The headers of one attempt to deliver."""
    pair = base64.b64encode(f"{WEBHOOK_USERNAME}:{WEBHOOK_PASSWORD}".encode()).decode()
    return {"authorization": f"Basic {pair}", "user-agent": "ChargeBee"}
