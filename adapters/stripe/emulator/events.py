"""Events of what requests do. https://docs.stripe.com/api/events"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from adapters.stripe.emulator import documents
from adapters.stripe.emulator.objects import Document, Objects


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that does something: what its events say about it. ``now`` is in seconds since 1970."""

    request_id: str
    idempotency_key: str | None
    now: int


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def happened(objects: Objects, origin: Origin, type: str, about: Document) -> None:
    """Adds an event to the list."""
    objects.add(
        documents.event(
            id=new_id("evt"),
            created=origin.now,
            type=type,
            about=about,
            request_id=origin.request_id,
            idempotency_key=origin.idempotency_key,
        )
    )
