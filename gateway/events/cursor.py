"""Cursors of the log: a sequence number, opaque to callers."""

from __future__ import annotations

import base64
import binascii

from resolvers.event_port import BadCursor

_PREFIX = "e:"


def encode_cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"{_PREFIX}{seq}".encode()).decode().rstrip("=")


def decode_cursor(text: str) -> int:
    """The sequence number. Raises ``BadCursor``."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        digits = plain.removeprefix(_PREFIX)
        if digits == plain or not digits.isdigit() or len(digits) > 18 or encode_cursor(int(digits)) != text:
            raise ValueError
    except (binascii.Error, UnicodeError, ValueError):
        raise BadCursor("not a cursor of the log of events") from None
    return int(digits)
