"""The head of a request, gone through once for all who look into it; and what the head of its answer gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.types import Message, Scope, Send

HEAD = "fieldgate.head"
"""Where it stands in a request's scope, once somebody has looked into it."""


def head_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Header values by lower-case name. Of a header that came more often it is the last one."""
    found = scope.get(HEAD)
    if found is None:
        found = scope[HEAD] = dict(scope["headers"])
    return found


def all_of(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header, in the order in which they came."""
    head = head_of(scope)
    if name not in head:
        return []
    if len(head) == len(scope["headers"]):
        return [head[name]]
    return [value for own, value in scope["headers"] if own == name]


def joined(scope: Scope, head: Mapping[bytes, bytes], name: bytes) -> bytes:
    """A header as one value, in however many it came; empty where it did not."""
    if name not in head:
        return b""
    if len(head) == len(scope["headers"]):
        return head[name]
    return b",".join(all_of(scope, name))


def with_headers(send: Send, headers: Sequence[tuple[bytes, bytes]]) -> Send:
    """Sends an answer with these headers beside its own."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return send_with_headers
