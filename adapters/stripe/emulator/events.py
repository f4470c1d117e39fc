"""Events of what happens: into the list, and to the webhook endpoint. https://docs.stripe.com/api/events"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.emulation.webhooks import post_event
from adapters.stripe import signature
from adapters.stripe.emulator import documents
from adapters.stripe.emulator.objects import Document, Objects

WEBHOOK_SECRET = "whsec_sandbox_of_fieldgate"  # noqa: S105 - opens nothing but a sandbox
"""The signing secret of the sandbox's one endpoint."""

RETRIES_S = tuple(120.0 * 2**attempt for attempt in range(11))
"""Stripe tries for three days, ever less often (https://docs.stripe.com/webhooks, automatic retries); it does
not say when exactly."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that does something: what its events say about it. ``now`` is in seconds since 1970.

    request_id: None for what happens without a request.
    """

    request_id: str | None
    idempotency_key: str | None
    now: int


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def happened(
    objects: Objects, origin: Origin, type: str, about: Document, before: Mapping[str, Any] | None = None
) -> None:
    """Adds an event to the list, and sends it. ``before`` has the values that an update replaced."""
    event = documents.event(
        id=new_id("evt"),
        created=origin.now,
        type=type,
        about=about,
        before=before,
        request_id=origin.request_id,
        idempotency_key=origin.idempotency_key,
    )
    objects.add(event)
    post_event(objects.store, "stripe", event["id"], msgspec.json.encode(event))


def prove(body: bytes, now: int) -> Mapping[str, str]:
    """The headers of one attempt to deliver."""
    return {signature.HEADER: signature.sign(WEBHOOK_SECRET, body, now), "user-agent": "Stripe/1.0"}
