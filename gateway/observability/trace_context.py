"""The caller's trace, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/).

It goes upstream as it came where the gateway makes no spans of its own: whoever traces around the gateway
sees one trace all the same.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.transport.head import head_of, joined

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_STATE = 512


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The two headers of a trace, well-formed."""

    parent: str
    state: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": self.parent} | ({"tracestate": self.state} if self.state else {})


callers: ContextVar[TraceContext | None] = ContextVar("fieldgate_trace_context", default=None)
"""Of the request under way; None where its caller does not trace."""


def trace_context_of(scope: Scope) -> TraceContext | None:
    """What the headers of a request say. A malformed one is as good as none."""
    head = head_of(scope)
    parent = head.get(b"traceparent", b"").decode("latin-1")
    if not _PARENT.fullmatch(parent):
        return None
    # In however many headers it came, it is one list, in their order.
    state = joined(scope, head, b"tracestate")
    return TraceContext(
        parent, state.decode("ascii") if len(state) <= _MAX_STATE and state.isascii() else None
    )


class TraceContextMiddleware:
    """Keeps the caller's trace for as long as its request, or its socket, is under way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (found := trace_context_of(scope)) is None:
            await self._app(scope, receive, send)
            return
        token = callers.set(found)
        try:
            await self._app(scope, receive, send)
        finally:
            callers.reset(token)
