"""``/health/live`` and ``/health/ready``: whether the process runs, and whether to send it requests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.transport.drain import Drain

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def health_routes(drain: Drain) -> list[Route]:
    """The routes. A system that is down costs its own fields: the gateway is ready without it."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_HEADERS)

    async def ready(_: Request) -> Response:
        if drain.announced:
            return JSONResponse({"status": "draining"}, 503, headers=_HEADERS)
        return JSONResponse({"status": "ok"}, headers=_HEADERS)

    return [
        Route("/health/live", live, methods=["GET"]),
        Route("/health/ready", ready, methods=["GET"]),
    ]
