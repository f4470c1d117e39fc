"""Global ids: opaque, stateless; type, connection and record id inside."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Callable
from dataclasses import dataclass

from adapters.contracts.vocabulary import RecordType

_LETTERS = {
    RecordType.CUSTOMER: "c",
    RecordType.SUBSCRIPTION: "s",
    RecordType.INVOICE: "i",
    RecordType.PAYMENT: "p",
}
_COMMAND = "k"
_EVENT = "e"
_TYPES = {letter: record_type for record_type, letter in _LETTERS.items()}


class BadId(ValueError):
    """Not an id that this gateway gave."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An object of the graph: its type, and the record that anchors it."""

    type: RecordType
    connection: str
    record_id: str

    def plain(self) -> str:
        """What the public id holds."""
        return f"{_LETTERS[self.type]}:{self.connection}:{self.record_id}"

    def encode(self) -> str:
        """The public id."""
        return base64.urlsafe_b64encode(self.plain().encode()).decode().rstrip("=")


def encode_event_id(event_id: str) -> str:
    """The public id of a business event."""
    return base64.urlsafe_b64encode(f"{_EVENT}:{event_id}".encode()).decode().rstrip("=")


def decode_event_id(text: str) -> str:
    """The event id in a public id. Raises ``BadId``."""
    return _decoded(text, _EVENT, encode_event_id, "a business event")


def encode_command_id(command_id: str) -> str:
    """The public id of a command."""
    return base64.urlsafe_b64encode(f"{_COMMAND}:{command_id}".encode()).decode().rstrip("=")


def decode_command_id(text: str) -> str:
    """The command id in a public id. Raises ``BadId``."""
    return _decoded(text, _COMMAND, encode_command_id, "a command")


def _decoded(text: str, letter: str, encode: Callable[[str], str], what: str) -> str:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found, own_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(":", 1)
    except (binascii.Error, UnicodeError, ValueError):
        raise BadId("not an id of this graph") from None
    if found != letter or encode(own_id) != text or len(text) > 200:
        raise BadId(f"not the id of {what}")
    return own_id


@functools.lru_cache(4_096)
def decode_id(text: str) -> Ref:
    """The reference in a public id. Raises ``BadId``; whether the record exists is the system's to say."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        letter, connection, record_id = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(":", 2)
        )
        ref = Ref(_TYPES[letter], connection, record_id)
    except (binascii.Error, UnicodeError, ValueError, KeyError):
        raise BadId("not an id of this graph") from None
    # One object, one id: other spellings of the same bytes are refused.
    if ref.encode() != text or not record_id or len(text) > 500:
        raise BadId("not an id of this graph")
    return ref
