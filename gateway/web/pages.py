"""`/` (the playground), `/welcome` and `/static/…`, from files made beforehand by the recipe in `build/`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from gateway.web.headers import SECURITY_HEADERS
from gateway.web.packed import Packed

HTML = Path(__file__).parent / "html"
STATIC = Path(__file__).parent / "static"

# Not left to the machine's own table: where that calls a script text/plain, `nosniff` refuses to run it.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
}
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
_HASHED = re.compile(r"-[A-Z0-9]{8}\.\w+$")


class Assets(StaticFiles):
    """A file whose name carries its hash is cached for good; any other is asked for again."""

    def __init__(self, directory: Path, packed: Packed) -> None:
        super().__init__(directory=directory)
        self._packed = packed

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path = Path(full_path)
        headers = {
            "content-type": MEDIA_TYPES[path.suffix],
            "cache-control": IMMUTABLE if _HASHED.search(path.name) else REVALIDATE,
        }
        return FileResponse(full_path, status_code, headers, stat_result=stat_result)

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as refusal:
            return PlainTextResponse(
                refusal.detail, refusal.status_code, {**(refusal.headers or {}), **SECURITY_HEADERS}
            )
        return await self.answer(response, scope) if isinstance(response, FileResponse) else response

    async def answer(self, file: FileResponse, scope: Scope) -> Response:
        """The file, compressed where its caller accepts that; or that the caller's copy is fresh."""
        response = await self._packed.of(file, scope)
        # Freshness is asked of the representation that would be sent.
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            response = NotModifiedResponse(response.headers)
        response.headers.update(SECURITY_HEADERS)
        return response


def _page(name: str, status_code: int = 200) -> FileResponse:
    headers = {**SECURITY_HEADERS, "cache-control": REVALIDATE}
    file = HTML / name
    return FileResponse(file, status_code, headers, "text/html", stat_result=file.stat())


async def not_found(request: Request, error: Exception) -> Response:
    """For the application's `exception_handlers`, under 404: a page for a browser, a line for all else."""
    if "text/html" in request.headers.get("accept", ""):
        return _page("not_found.html", 404)
    return PlainTextResponse("Not Found", 404, SECURITY_HEADERS)


def web_routes() -> list[BaseRoute]:
    """The routes of the pages; they ask the API at `/graphql` of the same origin, over HTTP and WebSocket."""
    assets = Assets(STATIC, Packed())

    async def playground(request: Request) -> Response:
        return await assets.answer(_page("playground.html"), request.scope)

    async def welcome(request: Request) -> Response:
        return await assets.answer(_page("welcome.html"), request.scope)

    return [
        Route("/", playground, methods=["GET"], name="playground"),
        Route("/welcome", welcome, methods=["GET"], name="welcome"),
        Mount("/static", assets, name="static"),
    ]
