"""The HTTP side of the emulated org: token endpoint, sessions, limits, versions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from adapters.salesforce.emulator.api import VERSIONS, Api, Reply, Request, with_options
from adapters.salesforce.emulator.errors import INVALID_SESSION, LIMIT_EXCEEDED, ApiError, not_found
from adapters.salesforce.emulator.query import Batching
from adapters.salesforce.emulator.sessions import Sessions

LONGEST_HEAD = 16_384
"""Bytes of URI and headers together (https://help.salesforce.com/s/articleView?id=000386264&type=1)."""


class Org:
    """One org. ``page_size`` and ``child_page_size`` bound the batches; ``api_limit`` the calls of a day."""

    def __init__(
        self,
        store: sqlite3.Connection,
        *,
        page_size: int,
        child_page_size: int,
        api_limit: int,
        session_s: float,
    ) -> None:
        self._batching = Batching(page_size, child_page_size)
        self._sessions = Sessions(store, session_s)
        self._api_limit = api_limit
        self._api_used = 0
        self._versions = {version: Api(store, version, self._usage) for version in VERSIONS}

    def _usage(self) -> tuple[int, int]:
        return self._api_used, self._api_limit

    async def token(self, request: HttpRequest) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        instance_url = f"{request.url.scheme}://{request.url.netloc}"
        return _json(*self._sessions.grant(form, request.headers.get("authorization", ""), instance_url))

    async def versions(self, request: HttpRequest) -> Response:
        # The one resource of the API that needs no session.
        return _json(
            200,
            [
                {"label": label, "url": f"/services/data/v{version}", "version": version}
                for version, label in VERSIONS.items()
            ],
        )

    async def data(self, request: HttpRequest) -> Response:
        head = len(request.url.path) + len(request.url.query)
        head += sum(len(name) + len(value) + 4 for name, value in request.scope["headers"])
        if head > LONGEST_HEAD:
            return Response(
                "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", 414, media_type="text/html"
            )
        try:
            reply = self._answer(request, await request.body())
        except ApiError as error:
            reply = Reply(error.status, error.body)
        headers = {**self._headers(), **reply.headers}
        if reply.body is None:
            return Response(status_code=reply.status, headers=headers)
        return _json(reply.status, reply.body, headers)

    def _answer(self, request: HttpRequest, raw: bytes) -> Reply:
        if not self._sessions.knows(request.headers.get("authorization", "")):
            raise ApiError(401, *INVALID_SESSION)
        api = self._versions.get(request.path_params["version"])
        if api is None:
            raise not_found()
        if self._api_used >= self._api_limit:
            raise ApiError(403, *LIMIT_EXCEEDED)
        self._api_used += 1
        try:
            body = json.loads(raw) if raw else None
        except ValueError as error:
            raise ApiError(400, "JSON_PARSER_ERROR", "the body is not JSON") from error
        state: Mapping[str, Any] = request.scope.get("state", {})
        batching = Batching(self._batching.rows, self._batching.child_rows, bool(state.get("shrink")))
        return api.answer(
            Request(
                request.method,
                request.path_params["rest"].strip("/"),
                dict(request.query_params),
                body,
                with_options(batching, request.headers.get("sforce-query-options")),
                dict(request.headers),
            )
        )

    def _headers(self) -> dict[str, str]:
        return {"sforce-limit-info": f"api-usage={self._api_used}/{self._api_limit}"}


def app(
    store: sqlite3.Connection,
    *,
    page_size: int = 2_000,
    child_page_size: int = 200,
    api_limit: int = 15_000_000,
    session_s: float = 7_200,
) -> Starlette:
    """The bare app over a seeded store, with an org's tunable bounds (see ``Org``)."""
    org = Org(
        store,
        page_size=page_size,
        child_page_size=child_page_size,
        api_limit=api_limit,
        session_s=session_s,
    )
    return Starlette(
        routes=[
            Route("/services/oauth2/token", org.token, methods=["POST"]),
            Route("/services/data", org.versions),
            Route("/services/data/", org.versions),
            Route(
                "/services/data/v{version}/{rest:path}",
                org.data,
                methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            ),
        ]
    )


def _json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    content_type = "application/json;charset=UTF-8"
    return Response(msgspec.json.encode(body), status, dict(headers or {}), media_type=content_type)
