"""Cursors of connections: which list, which connection of the system, which place in it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

from resolvers.errors import bad_user_input


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: behind ``position`` (the adapter's own) of a connection."""

    connection: str
    position: str


def encode_cursor(list_name: str, place: Place) -> str:
    """An opaque cursor. ``list_name`` names the list and its order, so that another's cursor is refused."""
    plain = msgspec.json.encode([list_name, place.connection, place.position])
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def decode_cursor(list_name: str, cursor: str) -> Place:
    """The place a cursor names. BAD_USER_INPUT for one that this list did not give."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True)
        name, connection, position = msgspec.json.decode(plain, type=tuple[str, str, str])
    except (binascii.Error, UnicodeError, ValueError, msgspec.MsgspecError):
        raise bad_user_input("after: not a cursor of this list") from None
    if name != list_name:
        raise bad_user_input("after: a cursor of another list, or of the same list in another order")
    return Place(connection, position)
