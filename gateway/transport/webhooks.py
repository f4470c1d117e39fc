"""``POST /webhooks/{connection}``: where the systems tell of changes.

2xx is answered once the message is durable; a duplicate is 2xx like the first. What does not prove where
it comes from is 401, and nothing of it is kept.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.contracts.events import Unverified
from gateway.events.inbox import Inbox, UnknownConnection

_log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 1_000_000


def webhook_routes(inbox: Inbox) -> list[Route]:
    """The routes: with a secret in the path for systems that are given their URL with one."""

    async def receive(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        secret: str | None = request.path_params.get("secret")
        try:
            await inbox.accept(request.path_params["connection"], headers, body, secret)
        except UnknownConnection:
            return Response(status_code=404)
        except Unverified:
            return Response(status_code=401)
        except (SQLAlchemyError, OSError):
            # The sender tries again: it was not kept.
            _log.exception("a webhook could not be kept")
            return Response(status_code=503, headers={"retry-after": "5"})
        return Response(status_code=204)

    return [
        Route("/webhooks/{connection}", receive, methods=["POST"]),
        Route("/webhooks/{connection}/{secret}", receive, methods=["POST"]),
    ]


async def _body(request: Request) -> bytes | None:
    """The raw bytes; None where there are too many."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)
