"""What is said on a socket, and how it ends: the messages and close codes of graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md (version 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, cast

import orjson

MAX_ID = 128


class Close(IntEnum):
    """Close codes: those of the protocol, of WebSockets, and SLOW_CONSUMER, which is ours.

    TOO_MANY_MESSAGES: more messages than ``limits.messages_per_s``. (One that is too long closes with 1009.)
    BAD_MESSAGE:       a message that is none of the protocol's.
    SLOW_CONSUMER:     the client does not read what it subscribed to; the reason has its last cursor.
    UNAUTHORIZED:      an operation before the connection was acknowledged.
    FORBIDDEN:         nobody known asks, or the credential is good no longer.
    SUBPROTOCOL:       the client does not offer ``graphql-transport-ws``.
    INIT_TIMEOUT:      no ``connection_init`` in time.
    DUPLICATE_ID:      an operation with the id of one that is under way.
    TOO_MANY_INITS:    a second ``connection_init``.
    INTERNAL:          the unforeseen; the log has it.
    """

    TOO_MANY_MESSAGES = 1008
    SLOW_CONSUMER = 4008
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE_ID = 4409
    TOO_MANY_INITS = 4429
    INTERNAL = 4500


class Closed(Exception):
    """The socket is to be closed."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def parsed(text: str | None) -> Mapping[str, Any]:
    if text is None:
        raise Closed(Close.BAD_MESSAGE, "Invalid message: messages are text")
    try:
        message = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        raise Closed(Close.BAD_MESSAGE, "Invalid message: not JSON") from None
    found = cast(dict[str, Any], message) if isinstance(message, dict) else {}
    if not isinstance(found.get("type"), str):
        raise Closed(Close.BAD_MESSAGE, "Invalid message: not an object with a type")
    if found.get("payload") is not None and not isinstance(found["payload"], dict):
        raise Closed(Close.BAD_MESSAGE, "Invalid message: the payload is no object")
    return found


def id_of(message: Mapping[str, Any]) -> str:
    found = message.get("id")
    if not isinstance(found, str) or not found or len(found) > MAX_ID:
        raise Closed(Close.BAD_MESSAGE, f"Invalid message: the id is no string of 1 to {MAX_ID} characters")
    return found
