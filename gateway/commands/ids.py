"""Ids of commands, and what is derived from them."""

from __future__ import annotations

import uuid
from datetime import datetime
from random import Random


def command_id(now: datetime, random: Random) -> str:
    """A version 7 UUID: sortable by time to the millisecond, then random.

    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7 (the standard library has it from 3.14 on).
    """
    value = int(now.timestamp() * 1000) << 80 | random.getrandbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def vendor_key(command: str) -> str:
    """The idempotency key that every attempt of a command sends."""
    return f"fieldgate-{command}"
