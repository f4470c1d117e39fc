"""The ASGI app: Stripe's v1 API, reads and the writes of payments.

It speaks one version of the API, today's, whatever well-formed ``Stripe-Version`` a client pins, and
says the client's back in its answer, as Stripe does.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.stripe.emulator import expand, parameters
from adapters.stripe.emulator.documents import API_VERSION
from adapters.stripe.emulator.errors import StripeError, missing, request_id, unrecognized_url
from adapters.stripe.emulator.objects import Objects
from adapters.stripe.emulator.parameters import Kind
from adapters.stripe.emulator.writes import OPERATIONS, WriteApi, answer

API_KEY = "sk_test_sandbox"
"""The sandbox's key. Nothing but this emulator accepts it."""

ACCOUNT = "acct_sandbox"

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_PAGING: Mapping[str, Kind] = {
    "limit": Kind.INTEGER,
    "starting_after": Kind.TEXT,
    "ending_before": Kind.TEXT,
    "expand": Kind.LIST,
}


@dataclass(frozen=True, slots=True)
class Collection:
    """A list endpoint: the type of its objects, how messages call them, what it can be filtered by."""

    kind: str
    noun: str
    filters: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    path_param: str = "id"


_CREATED: Mapping[str, Kind] = {"created": Kind.RANGE}
_CUSTOMER: Mapping[str, Kind] = {"customer": Kind.TEXT}
_INTENT: Mapping[str, Kind] = {"payment_intent": Kind.TEXT}

COLLECTIONS: Mapping[str, Collection] = {
    "customers": Collection("customer", "customer", {**_CREATED, "email": Kind.TEXT}),
    "payment_methods": Collection(
        "payment_method",
        "PaymentMethod",
        {**_CUSTOMER, "type": Kind.TEXT},
        path_param="payment_method",
    ),
    "payment_intents": Collection(
        "payment_intent", "payment_intent", {**_CREATED, **_CUSTOMER}, path_param="intent"
    ),
    "charges": Collection("charge", "charge", {**_CREATED, **_CUSTOMER, **_INTENT}),
    "refunds": Collection("refund", "refund", {**_CREATED, **_INTENT, "charge": Kind.TEXT}),
    "events": Collection("event", "event", {**_CREATED, "type": Kind.TEXT, "types": Kind.LIST}),
}

_MUST_EXIST: Mapping[str, str] = {
    "customer": "customer",
    "payment_intent": "payment_intent",
    "charge": "charge",
}
"""Filters that name an object, and its type: one that does not exist is refused, not an empty list."""


class StripeApi:
    """The endpoints that read, over one store."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._objects = Objects(store)

    async def list_collection(self, request: Request) -> Response:
        collection = COLLECTIONS.get(request.path_params["collection"])
        if collection is None:
            raise unrecognized_url(request.method, request.url.path)
        values = parameters.parse(request.url.query, {**_PAGING, **collection.filters})
        where = {
            name: str(values[name])
            for name, kind in collection.filters.items()
            if kind is Kind.TEXT and name in values
        }
        for name, kind in _MUST_EXIST.items():
            if name in where and self._objects.get(kind, where[name]) is None:
                raise missing(kind, where[name], name, 400)
        return self._list(request, collection, where, values)

    async def list_payment_methods(self, request: Request) -> Response:
        collection = COLLECTIONS["payment_methods"]
        values = parameters.parse(request.url.query, {**_PAGING, "type": Kind.TEXT})
        id = str(request.path_params["customer"])
        customer = self._objects.get("customer", id)
        if customer is None or customer.get("deleted"):
            raise missing("customer", id, "customer", 404)
        where = {"customer": id, **({"type": values["type"]} if "type" in values else {})}
        return self._list(request, collection, where, values)

    async def retrieve(self, request: Request) -> Response:
        collection = COLLECTIONS.get(request.path_params["collection"])
        if collection is None:
            raise unrecognized_url(request.method, request.url.path)
        values = parameters.parse(request.url.query, {"expand": Kind.LIST})
        id = str(request.path_params["id"])
        document = self._objects.get(collection.kind, id)
        if document is None:
            raise missing(collection.noun, id, collection.path_param, 404)
        paths: list[str] = values.get("expand", [])
        for path in paths:
            expand.check(collection.kind, path, in_list=False)
        for path in paths:
            expand.apply(self._objects, document, path.split("."))
        return answer(document)

    async def balance(self, request: Request) -> Response:
        parameters.parse(request.url.query, {})
        document = self._objects.get("balance", "balance") or {}
        return answer({name: value for name, value in document.items() if name != "id"})

    def _list(
        self, request: Request, collection: Collection, where: Mapping[str, str], values: Mapping[str, Any]
    ) -> Response:
        paths: list[str] = values.get("expand", [])
        for path in paths:
            expand.check(collection.kind, path, in_list=True)
        size = parameters.limit(values)
        backwards = "ending_before" in values
        rows = self._objects.newest(
            collection.kind,
            where=where,
            created=values.get("created"),
            types=values.get("types", ()),
            before=self._place(collection, values, "starting_after"),
            after=self._place(collection, values, "ending_before"),
            rows=size + 1,
        )
        has_more = len(rows) > size
        if has_more:
            # One was read too many, only to know: the farthest from where the page begins.
            rows = rows[1:] if backwards else rows[:-1]
        if request.scope.get("state", {}).get("shrink") and len(rows) > 1:
            rows, has_more = (rows[1:] if backwards else rows[:-1]), True
        for path in paths:
            for row in rows:
                expand.apply(self._objects, row, path.split(".")[1:])
        return answer({"object": "list", "data": rows, "has_more": has_more, "url": request.url.path})

    def _place(self, collection: Collection, values: Mapping[str, Any], name: str) -> int | None:
        if name not in values:
            return None
        place = self._objects.place(collection.kind, str(values[name]))
        if place is None:
            raise missing(collection.noun, str(values[name]), name, 400)
        return place


def application(store: sqlite3.Connection) -> ASGIApp:
    """The app over a seeded store."""
    api = StripeApi(store)
    endpoints = {
        "/v1/balance": api.balance,
        "/v1/customers/{customer}/payment_methods": api.list_payment_methods,
        "/v1/{collection}": api.list_collection,
        "/v1/{collection}/{id}": api.retrieve,
    }
    routes = [Route(path, _guarded(endpoint), methods=["GET"]) for path, endpoint in endpoints.items()]
    writes = WriteApi(store)
    routes += [
        Route(path, _guarded(writes.endpoint(operation)), methods=["POST"])
        for path, operation in OPERATIONS.items()
    ]
    return Starlette(routes=routes, exception_handlers={StripeError: _refuse, HTTPException: _not_there})


def _guarded(endpoint: Any) -> Any:
    async def handle(request: Request) -> Response:
        request.state.request_id = request_id()
        _authenticate(request)
        response: Response = await endpoint(request)
        return _signed(request, response)

    return handle


def _authenticate(request: Request) -> None:
    """By Bearer, or Basic with the key as user name (https://docs.stripe.com/api/authentication)."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if scheme.lower() not in ("basic", "bearer") or not key:
        raise StripeError("You did not provide an API key.", status=401)
    if key != API_KEY:
        raise StripeError(f"Invalid API Key provided: {key[:8]}****{key[-4:]}", status=401)
    account = request.headers.get("stripe-account")
    if account is not None and account != ACCOUNT:
        raise StripeError(
            f"The provided key does not have access to account '{account}'.",
            status=403,
            code="account_invalid",
        )
    version = request.headers.get("stripe-version")
    if version is not None and not _VERSION.fullmatch(version):
        raise StripeError(f"Invalid Stripe API version: {version}")
    request.state.api_version = version or API_VERSION


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, StripeError)
    response = answer(error.body, error.status)
    if error.status == 401:
        response.headers["www-authenticate"] = 'Basic realm="Stripe"'
    return _signed(request, response)


async def _not_there(request: Request, error: Exception) -> Response:
    return await _refuse(request, unrecognized_url(request.method, request.url.path))


def _signed(request: Request, response: Response) -> Response:
    response.headers["request-id"] = getattr(request.state, "request_id", None) or request_id()
    response.headers["stripe-version"] = getattr(request.state, "api_version", API_VERSION)
    return response
