"""The emulator's endpoints: lists, single records and operations on a subscription, behind HTTP Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.chargebee.emulator import idempotency, scheduled
from adapters.chargebee.emulator import query as queries
from adapters.chargebee.emulator.catalogue import CATALOGUES, CUSTOMERS, SUBSCRIPTIONS, Catalogue
from adapters.chargebee.emulator.operations import find, operate
from adapters.chargebee.emulator.problem import Problem
from adapters.emulation.journal import open_journal
from adapters.emulation.store import transaction
from adapters.emulation.webhooks import open_outbox

API_KEY = "test_sandbox_of_fieldgate"
"""The one key of the sandbox's site."""


def create_app(store: sqlite3.Connection, clock: Callable[[], float] = time.time) -> Starlette:
    """The bare app over a seeded store. ``clock`` gives seconds since 1970."""
    open_journal(store)
    open_outbox(store)
    idempotency.open_memory(store)
    scheduled.open_schedule(store)

    async def many(request: Request) -> Response:
        catalogue = _catalogue(request)
        return _json(list_page(store, catalogue, request))

    async def one(request: Request) -> Response:
        catalogue, record_id = _catalogue(request), request.path_params["id"]
        row = store.execute(f"SELECT document FROM {catalogue.table} WHERE id = ?", (record_id,)).fetchone()
        if row is None:
            raise Problem(404, f"{record_id} not found", param=f"{catalogue.resource}_id")
        return _json(_envelopes(store, catalogue, [row["document"]])[0])

    async def one_as_scheduled(request: Request) -> Response:
        subscription = scheduled.with_changes(store, find(store, request.path_params["id"]))
        return _json(_with_customers(store, [subscription])[0])

    async def operation(request: Request) -> Response:
        body, now = await request.body(), clock()
        key = request.headers.get(idempotency.KEY) or None
        signed = idempotency.signature(request.url.path, body)
        with transaction(store):
            answer = None if key is None else idempotency.recall(store, key, signed, now)
            if answer is not None:
                return _json(answer, headers={idempotency.REPLAYED: "true"})
            pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
            left = operate(store, request.path_params["id"], request.path_params["name"], pairs, key, now)
            answer = msgspec.json.encode(_with_customers(store, [left])[0])
            if key is not None:
                idempotency.remember(store, key, signed, now, answer)
        return _json(answer)

    return Starlette(
        routes=[
            Route(
                "/api/v2/subscriptions/{id:path}/retrieve_with_scheduled_changes",
                _guarded(one_as_scheduled),
                methods=["GET"],
            ),
            Route("/api/v2/subscriptions/{id:path}/{name}", _guarded(operation), methods=["POST"]),
            Route("/api/v2/{path}", _guarded(many), methods=["GET"]),
            Route("/api/v2/{path}/{id:path}", _guarded(one), methods=["GET"]),
        ],
        exception_handlers={Problem: _refuse, HTTPException: _no_route},
    )


def list_page(store: sqlite3.Connection, catalogue: Catalogue, request: Request) -> dict[str, Any]:
    """One page in Chargebee's list envelope; ``next_offset`` only where more follow."""
    query = queries.parse(catalogue, request.query_params.multi_items())
    limit = query.limit - 1 if request.scope.get("state", {}).get("shrink") else query.limit
    sort = query.sort if query.sort in catalogue.columns else f"json_extract(document, '$.{query.sort}')"
    sort = "id" if query.sort == "id" else sort
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    where, values = list(query.where), list(query.values)
    if query.after is not None:
        where.append(f"({sort}, sequence) {beyond} (?, ?)")
        values.extend(query.after)
    rows = store.execute(
        f"SELECT document, sequence, {sort} AS place FROM {catalogue.table}"
        f" WHERE {' AND '.join(where)} ORDER BY place {direction}, sequence {direction} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    page = rows[:limit]
    answer: dict[str, Any] = {"list": _envelopes(store, catalogue, [row["document"] for row in page])}
    if len(rows) > limit:
        if page:
            answer["next_offset"] = queries.next_offset(page[-1]["place"], page[-1]["sequence"])
        else:
            before = 1 if query.descending else -1
            answer["next_offset"] = queries.next_offset(rows[0]["place"], rows[0]["sequence"] + before)
    return answer


def _envelopes(store: sqlite3.Connection, catalogue: Catalogue, documents: list[str]) -> list[dict[str, Any]]:
    """``{"subscription": …, "customer": …}``; a customer comes with each subscription."""
    records: list[dict[str, Any]] = [msgspec.json.decode(document) for document in documents]
    if catalogue is not SUBSCRIPTIONS:
        return [{catalogue.resource: record} for record in records]
    return _with_customers(store, records)


def _with_customers(store: sqlite3.Connection, subscriptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {subscription["customer_id"] for subscription in subscriptions}
    places = ", ".join("?" for _ in ids)
    customers = {
        row["id"]: msgspec.json.decode(row["document"])
        for row in store.execute(
            f"SELECT id, document FROM {CUSTOMERS.table} WHERE id IN ({places})", tuple(ids)
        )
    }
    return [
        {"subscription": subscription, "customer": customers[subscription["customer_id"]]}
        for subscription in subscriptions
    ]


def _catalogue(request: Request) -> Catalogue:
    catalogue = CATALOGUES.get(request.path_params["path"])
    if catalogue is None:
        raise Problem(404)
    return catalogue


Endpoint = Callable[[Request], Awaitable[Response]]


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if not _authenticated(request.headers.get("authorization", "")):
            raise Problem(401)
        return await endpoint(request)

    return guarded


def _authenticated(header: str) -> bool:
    scheme, _, proof = header.partition(" ")
    try:
        user, _, _ = base64.b64decode(proof, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(user.encode(), API_KEY.encode())


async def _refuse(request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else Problem(500)
    return _json(problem.body, problem.status)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return await _refuse(request, Problem(405 if status == 405 else 404))


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` is encoded, or is bytes that are."""
    return Response(
        body if isinstance(body, bytes) else msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json;charset=utf-8",
    )
