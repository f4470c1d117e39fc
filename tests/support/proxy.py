"""A reverse proxy, so that a real server can stand behind the fault middleware."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to a single connection (RFC 9110, 7.6.1) or are set anew for the next."""


def proxy(base_url: str, *, timeout_s: float = 30.0) -> ASGIApp:
    """An ASGI app that passes every request to ``base_url`` and its answer back, body bytes untouched."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        query = f"?{request.url.query}" if request.url.query else ""
        path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
        # A client for each request: the app has no start and no end at which to open and close one.
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False, verify=False) as client:
            upstream = client.build_request(
                request.method,
                f"{base_url}{path}{query}",
                headers=_passed(request.headers.items()),
                content=await request.body(),
            )
            try:
                answer = await client.send(upstream, stream=True)
                body = b"".join([chunk async for chunk in answer.aiter_raw()])
            except httpx.TransportError as error:
                response: Response = PlainTextResponse(type(error).__name__, status_code=502)
            else:
                response = Response(body, status_code=answer.status_code)
                for name, value in _passed(answer.headers.multi_items()):
                    response.headers.append(name, value)
        await response(scope, receive, send)

    return app


def _passed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_ONE_CONNECTION]
