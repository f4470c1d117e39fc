"""The correlation id of a request: the caller's own where it is well-formed, else a new one.

It is answered in ``x-correlation-id``, stands in every error and log line, and goes upstream with every
call that the request causes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http import correlation_id
from gateway.transport.head import head_of, with_headers

HEADER = "x-correlation-id"
RAW = HEADER.encode()
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{8,128}")


def current_correlation_id() -> str:
    """The id of the request under way."""
    return correlation_id.get() or _new()


def correlation_id_of(head: Mapping[bytes, bytes]) -> str:
    """The id of the request with this head."""
    if RAW in head:
        given = head[RAW].decode("latin-1")
        if _WELL_FORMED.fullmatch(given):
            return given
    return _new()


def _new() -> str:
    return os.urandom(16).hex()


class CorrelationMiddleware:
    """Gives each request its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = correlation_id_of(head_of(scope))
        token = correlation_id.set(request_id)
        try:
            await self._app(scope, receive, with_headers(send, [(RAW, request_id.encode())]))
        finally:
            correlation_id.reset(token)
