"""The correlation id of a request: the caller's own where it is well-formed, else a new one.

It is answered in ``x-correlation-id``, stands in every error and log line, and goes upstream with every
call that the request causes.
"""

from __future__ import annotations

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http import correlation_id
from gateway.transport.head import head_of

HEADER = "x-correlation-id"
_RAW = HEADER.encode()
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{8,128}")


def current_correlation_id() -> str:
    """The id of the request under way."""
    return correlation_id.get() or secrets.token_hex(16)


class CorrelationMiddleware:
    """Gives each request its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = head_of(scope).get(_RAW, b"").decode("latin-1")
        request_id = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(16)
        token = correlation_id.set(request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_RAW, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            correlation_id.reset(token)
