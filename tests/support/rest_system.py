"""A company's own REST system, as a company would have built it: four lists, each paged in a way of its own.

It is no emulator of a vendor and shares nothing with the adapter under test. Parameters that it does not
know are refused. Rows are plain dictionaries, kept in the order they are given in.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.emulation.faults import ErrorBody

KEY = "k-2f9d"
MOST_IDS = 50
MOST_ROWS = 100

Row = dict[str, Any]
Predicate = Callable[[Row, str], bool]


class Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status = status
        self.code = code


@dataclass
class Collection:
    """One list. ``one_of``: parameters with ids, and the key they are compared with; they give all rows."""

    paging: str
    rows: Sequence[Row]
    one_of: Mapping[str, str] = field(default_factory=dict)
    paged_one_of: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Predicate] = field(default_factory=dict)
    sorts: Mapping[str, Callable[[Sequence[Row]], list[Row]]] = field(default_factory=dict)


PAGING = {
    "total": {"limit", "offset"},
    "bare": {"limit", "offset"},
    "token": {"page_size", "page_token"},
    "behind": {"limit", "behind"},
    "numbered": {"per_page", "page"},
}


def rest_system(collections: Mapping[str, Collection]) -> Starlette:
    """Serves ``/api/{name}`` and ``/api/{name}/{id}`` for each collection."""
    routes: list[Route] = []
    for name, collection in collections.items():
        routes.append(Route(f"/api/{name}", _guarded(_list, collection)))
        routes.append(Route(f"/api/{name}/{{id}}", _guarded(_item, collection)))
    return Starlette(routes=routes)


def error_body(status: int, kind: str) -> ErrorBody:
    return ErrorBody({"problem": kind, "status": status})


def _guarded(handler: Callable[[Request, Collection], Any], collection: Collection) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        if request.headers.get("x-company-key") != KEY:
            return JSONResponse(error_body(401, "unknown key").body, 401)
        try:
            return JSONResponse(handler(request, collection))
        except Refusal as refusal:
            return JSONResponse(error_body(refusal.status, refusal.code).body, refusal.status)

    return answer


def _item(request: Request, collection: Collection) -> Any:
    for row in collection.rows:
        if row["id"] == request.path_params["id"]:
            return {"record": row}
    raise Refusal(404, "not found")


def _list(request: Request, collection: Collection) -> Any:
    given = request.query_params
    known = {"fields", "sort", *PAGING[collection.paging], *collection.one_of}
    if unknown := set(given) - known - {*collection.paged_one_of, *collection.filters}:
        raise Refusal(400, f"unknown parameter {min(unknown)}")
    if any(len(given.getlist(name)) > 1 for name in set(given) - {"state"}):
        raise Refusal(400, "a parameter is repeated")
    rows = list(collection.rows)
    whole = False
    for name, key in {**collection.one_of, **collection.paged_one_of}.items():
        if name not in given:
            continue
        ids = given[name].split(",")
        if len(ids) > MOST_IDS:
            raise Refusal(400, "too many ids")
        rows = [row for each in ids for row in rows if row[key] == each]
        whole |= name in collection.one_of
    for name, holds in collection.filters.items():
        for values in [given.getlist(name)] if name in given else []:
            rows = [row for row in rows if any(holds(row, value) for value in values)]
    if "sort" in given:
        if given["sort"] not in collection.sorts:
            raise Refusal(400, "unknown order")
        rows = collection.sorts[given["sort"]](rows)
    if whole:
        if set(given) & PAGING[collection.paging]:
            raise Refusal(400, "an answer to ids has no pages")
        return _wrapped(collection.paging, _project(rows, given.get("fields")), {})
    shrink = bool(request.scope.get("state", {}).get("shrink"))
    page, more = _page(collection.paging, rows, given, shrink)
    return _wrapped(collection.paging, _project(page, given.get("fields")), more)


def _page(
    paging: str, rows: list[Row], given: Mapping[str, str], shrink: bool
) -> tuple[list[Row], dict[str, Any]]:
    size = int(given.get("limit") or given.get("page_size") or given.get("per_page") or 10)
    if not 1 <= size <= MOST_ROWS:
        raise Refusal(400, "limit out of range")
    begin = int(given.get("offset", 0))
    if paging == "token":
        token = given.get("page_token")
        begin = 0 if token is None else int(base64.b64decode(token).removeprefix(b"at:"))
    elif paging == "numbered":
        begin = (int(given.get("page", 0))) * size
    elif "behind" in given:
        ids = [row["id"] for row in rows]
        if given["behind"] not in ids:
            raise Refusal(400, "unknown place")
        begin = ids.index(given["behind"]) + 1
    page = rows[begin : begin + max(1, size - shrink)]
    end = begin + len(page)
    following = base64.b64encode(f"at:{end}".encode()).decode() if end < len(rows) else None
    return page, {"count": len(rows), "more": end < len(rows), "next": following}


def _wrapped(paging: str, rows: list[Row], more: Mapping[str, Any]) -> Any:
    match paging:
        case "total":
            return {"result": {"items": rows, "count": more.get("count", len(rows))}}
        case "token":
            return {"data": rows, "meta": {"next": more.get("next")}}
        case "behind" | "numbered":
            return {"data": rows, "has_more": more.get("more", False)}
        case _:
            return rows


def _project(rows: list[Row], fields: str | None) -> list[Row]:
    if fields is None:
        return rows
    wanted = fields.split(",")
    for row in rows[:1]:
        if unknown := [name for name in wanted if name not in row]:
            raise Refusal(400, f"unknown field {unknown[0]}")
    return [{name: row[name] for name in wanted} for row in rows]
