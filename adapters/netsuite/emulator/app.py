"""The emulator's endpoints: token, SuiteQL, single records, the RESTlet, server time."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.netsuite.emulator.access import Access, Refused
from adapters.netsuite.emulator.changes import change_record, delete_record, json_object
from adapters.netsuite.emulator.functions import register
from adapters.netsuite.emulator.problems import Problem, no_record, search_problem, standard
from adapters.netsuite.emulator.records import record
from adapters.netsuite.emulator.restlet import run_restlet
from adapters.netsuite.emulator.sql import compile_query, unknown_identifier
from adapters.netsuite.emulator.tables import HIDDEN

_REST = "/services/rest"
_LIMIT = 1000
_NO_COLUMN = re.compile(r"no such column: (?:\[?\w+\]?\.)?\[?(\w+)\]?")

_encode = msgspec.json.Encoder(decimal_format="number").encode

Endpoint = Callable[[Request], Awaitable[Response]]


def app(store: sqlite3.Connection) -> ASGIApp:
    """The bare app over a seeded store."""
    register(store)
    emulator = _NetSuite(store)
    return Starlette(
        routes=[
            Route(f"{_REST}/auth/oauth2/v1/token", emulator.token, methods=["POST"]),
            Route(f"{_REST}/query/v1/suiteql", emulator.guarded(emulator.suiteql), methods=["POST"]),
            Route(
                _REST + "/record/v1/{kind:str}/{record_id:str}",
                emulator.guarded(emulator.record),
                methods=["GET"],
            ),
            Route(
                _REST + "/record/v1/{kind:str}/{record_id:str}",
                emulator.guarded(emulator.change),
                methods=["PATCH"],
            ),
            Route(
                _REST + "/record/v1/{kind:str}/{record_id:str}",
                emulator.guarded(emulator.delete),
                methods=["DELETE"],
            ),
            Route("/app/site/hosting/restlet.nl", emulator.restlet, methods=["POST"]),
            Route(f"{_REST}/system/v1/serverTime", emulator.guarded(emulator.server_time), methods=["GET"]),
        ],
    )


class _NetSuite:
    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._access = Access()

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Lets only a living token through, and turns problems into answers."""

        async def answer(request: Request) -> Response:
            try:
                if not self._access.allows(request.headers.get("authorization")):
                    raise standard(401)
                return await endpoint(request)
            except Problem as problem:
                return problem.response()

        return answer

    async def token(self, request: Request) -> Response:
        try:
            if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                raise Refused("invalid_request")
            form = {name: str(value) for name, value in (await request.form()).items()}
            return JSONResponse(self._access.token(form, str(request.url.replace(query=""))))
        except Refused as refused:
            return JSONResponse({"error": refused.error}, 401 if refused.error == "invalid_client" else 400)

    async def suiteql(self, request: Request) -> Response:
        limit, offset = _paging(request)
        preferences = {part.strip() for part in request.headers.get("prefer", "").lower().split(",")}
        if "transient" not in preferences:
            raise Problem(
                400,
                "INVALID_HEADER",
                "Invalid header value. Provide the header Prefer with the value transient.",
                ("o:errorHeader", "Prefer"),
            )
        shrink = bool(cast("dict[str, Any]", request.scope.get("state", {})).get("shrink"))
        items, total, has_more = self._run(_query_text(await request.body()), limit, offset, shrink)
        page = {
            "links": _links(request, limit, offset, total, has_more),
            "count": len(items),
            "hasMore": has_more,
            "items": items,
            "offset": offset,
            "totalResults": total,
        }
        return _answer(page, "collection")

    async def record(self, request: Request) -> Response:
        kind, record_id = _address(request)
        root = f"{str(request.base_url).rstrip('/')}{_REST}/record/v1"
        found = record(self._store, root, kind, record_id)
        if found is None:
            raise no_record(record_id)
        return _answer(found, "singular")

    async def change(self, request: Request) -> Response:
        kind, record_id = _address(request)
        for name in request.query_params:
            detail = f"Invalid query parameter name '{name}'."
            raise Problem(400, "INVALID_PARAMETER", detail, ("o:errorQueryParam", name))
        if "respond-async" in request.headers.get("prefer", "").lower():
            # Jobs are not emulated: an answer that looked synchronous would mislead.
            raise Problem(400, "INVALID_HEADER", "Invalid header value.", ("o:errorHeader", "Prefer"))
        names = request.headers.get("x-netsuite-propertynamevalidation", "Warning").lower()
        body = json_object(await request.body())
        change_record(self._store, kind, record_id, body, strict=names == "error")
        return Response(status_code=204, headers={"location": str(request.url)})

    async def delete(self, request: Request) -> Response:
        delete_record(self._store, *_address(request))
        return Response(status_code=204)

    async def restlet(self, request: Request) -> Response:
        allowed = self._access.allows(request.headers.get("authorization"), "restlets")
        return run_restlet(self._store, dict(request.query_params), await request.body(), allowed=allowed)

    async def server_time(self, request: Request) -> Response:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return _answer({"serverTime": now}, "singular")

    def _run(
        self, text: str, limit: int, offset: int, shrink: bool
    ) -> tuple[list[dict[str, Any]], int, bool]:
        """Items, total and whether more follow. ``shrink`` holds back the last row of a page of several."""
        query = compile_query(text)
        try:
            cursor = self._store.execute(f"{query.sql} LIMIT ? OFFSET ?", (limit + 1, offset))
            names = [str(column[0]).lower() for column in cursor.description]
            rows = cursor.fetchall()
            more = len(rows) > limit
            total = self._store.execute(query.count).fetchone()[0] if more or offset else len(rows)
        except sqlite3.Error as error:
            raise _problem_of(error) from error
        rows = rows[:limit]
        if shrink and len(rows) > 1:
            rows, more = rows[:-1], True
        return [_item(names, row) for row in rows], total, more


def _address(request: Request) -> tuple[str, int]:
    """Record type and internal id of a request for one record."""
    kind, record_id = request.path_params["kind"], request.path_params["record_id"]
    if kind not in ("customer", "invoice"):
        detail = f"Record type '{kind}' does not exist. Provide a valid record type."
        raise Problem(404, "NONEXISTENT_ID", detail, ("o:urlPath", kind))
    if not record_id.isdecimal():
        raise no_record(record_id)
    return kind, int(record_id)


def _item(names: list[str], row: sqlite3.Row) -> dict[str, Any]:
    """A row as an item: every value a string, null left out."""
    item: dict[str, Any] = {"links": []}
    for name, value in zip(names, row, strict=True):
        if value is not None and name not in HIDDEN:
            item[name] = str(value)
    return item


def _problem_of(error: sqlite3.Error) -> Exception:
    match = _NO_COLUMN.search(str(error))
    return unknown_identifier(match.group(1)) if match else search_problem("Invalid or unsupported search")


def _paging(request: Request) -> tuple[int, int]:
    for name in request.query_params:
        if name not in ("limit", "offset"):
            detail = f"Invalid query parameter name '{name}'. Allowed query parameters are: limit, offset."
            raise Problem(400, "INVALID_PARAMETER", detail, ("o:errorQueryParam", name))
    values = {"limit": str(_LIMIT), "offset": "0", **dict(request.query_params)}
    for name, least, most in (("limit", 1, _LIMIT), ("offset", 0, 99_999)):
        if not values[name].isdecimal() or not least <= int(values[name]) <= most:
            detail = f"Invalid value for the query parameter {name}. Provide a value from {least} to {most}."
            raise Problem(400, "INVALID_PARAMETER", detail, ("o:errorQueryParam", name))
    limit, offset = int(values["limit"]), int(values["offset"])
    if offset % limit:
        detail = "Invalid value for the query parameter offset. The offset must be divisible by the limit."
        raise Problem(400, "INVALID_PARAMETER", detail, ("o:errorQueryParam", "offset"))
    return limit, offset


def _query_text(body: bytes) -> str:
    try:
        content: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = None
    text = cast("dict[str, Any]", content).get("q") if isinstance(content, dict) else None
    if not isinstance(text, str):
        detail = "Invalid content in the request body. Provide an object with the query in q."
        raise Problem(400, "INVALID_CONTENT", detail, ("o:errorPath", "q"))
    return text


def _links(request: Request, limit: int, offset: int, total: int, has_more: bool) -> list[dict[str, str]]:
    url = request.url.replace(query="")

    def link(rel: str, start: int) -> dict[str, str]:
        return {"rel": rel, "href": f"{url}?limit={limit}&offset={start}"}

    links = [link("self", offset)]
    if has_more:
        links += [link("next", offset + limit), link("last", max(0, total - 1) // limit * limit)]
    if offset:
        links += [link("first", 0), link("prev", max(0, offset - limit))]
    return links


def _answer(content: Any, kind: str) -> Response:
    return Response(_encode(content), media_type=f"application/vnd.oracle.resource+json; type={kind}")
