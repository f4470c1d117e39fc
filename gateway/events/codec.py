"""Events to JSON and back."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from resolvers.event_port import Event

_NAMESPACE = uuid.UUID("6a0f3c5e-7a52-5b7e-9f0e-6d3b8c1d2e4f")

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def event_id(connection: str, key: str, part: str = "") -> str:
    """The id of the event that a notice makes: the same whenever, and wherever, it is made."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((connection, key, part))))


def encode(event: Event) -> bytes:
    """Without its cursor, which is the log's."""
    return _encoder.encode(event)


def decode(body: bytes, cursor: str) -> Event:
    """The event at a place of the log."""
    event = _decoder.decode(body)
    set_cursor(event, cursor)
    return event


def set_cursor(event: Any, cursor: str) -> None:
    # Just decoded and nobody else's yet: a copy by ``replace`` would cost more than the decoding.
    object.__setattr__(event, "cursor", cursor)
