"""The REST resources of one API version: a table of routes, used by HTTP and by composite alike.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.salesforce.emulator import describe
from adapters.salesforce.emulator.changes import Changes
from adapters.salesforce.emulator.conditions import holds_for_read, holds_for_write, validators
from adapters.salesforce.emulator.errors import ApiError, malformed, not_found
from adapters.salesforce.emulator.objects import Entity, Kind, entity_named
from adapters.salesforce.emulator.query import Batching, QueryEngine
from adapters.salesforce.record_id import canonical_id

VERSIONS = {"64.0": "Summer '25", "65.0": "Winter '26", "66.0": "Spring '26", "67.0": "Summer '26"}
SUBREQUESTS = 25
QUERIES = 5
RETRIEVED = 2_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request without its transport.

    rest:    the path behind the version, without slashes around.
    headers: by their names in lower case.
    """

    method: str
    rest: str
    params: Mapping[str, str]
    body: Any
    batching: Batching
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no error; a ``body`` of None is none at all."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class _RolledBack(Exception):
    """Ends the transaction of a composite request without its effects."""


class Api:
    """Answers requests to one version. Every method gives the JSON body of a 200, a Reply, or ApiError."""

    def __init__(self, store: sqlite3.Connection, version: str, usage: Callable[[], tuple[int, int]]) -> None:
        self._root = f"/services/data/v{version}"
        self._engine = QueryEngine(store, self._root)
        self._changes = Changes(store)
        self._usage = usage

    def answer(self, request: Request) -> Reply:
        """The answer. Raises NOT_FOUND for a path that is none, METHOD_NOT_ALLOWED for a method."""
        methods: set[str] = set()
        for method, pattern, handler in _ROUTES:
            if (match := re.fullmatch(pattern, request.rest)) is not None:
                if method == request.method:
                    found = handler(self, request, *(unquote(group) for group in match.groups()))
                    return found if isinstance(found, Reply) else Reply(200, found)
                methods.add(method)
        if methods:
            raise ApiError(
                405,
                "METHOD_NOT_ALLOWED",
                f"HTTP Method '{request.method}' not allowed. Allowed are {methods}",
            )
        raise not_found()

    def resources(self, request: Request) -> Any:
        names = ("composite", "limits", "query", "queryAll", "sobjects")
        return {name: f"{self._root}/{name}" for name in names}

    def limits(self, request: Request) -> Any:
        used, most = self._usage()
        return {"DailyApiRequests": {"Max": most, "Remaining": max(0, most - used)}}

    def query(self, request: Request) -> Any:
        soql = request.params.get("q", "")
        if not soql.strip():
            raise malformed("unexpected token: '<EOF>'")
        return self._engine.run(soql, request.batching)

    def query_more(self, request: Request, locator: str) -> Any:
        return self._engine.more(locator, request.batching)

    def objects(self, request: Request) -> Any:
        return describe.listing(self._root)

    def object(self, request: Request, name: str) -> Any:
        return {"objectDescribe": describe.summary(_entity(name), self._root), "recentItems": []}

    def describe(self, request: Request, name: str) -> Any:
        return describe.description(_entity(name), self._root)

    def record(self, request: Request, name: str, record_id: str) -> Any:
        entity, known = _entity(name), _known_id(record_id)
        validator = validators(entity.name, self._changes.record(entity, known))
        if not holds_for_read(request.headers, validator):
            return Reply(304, None, validator.headers())
        asked = request.params.get("fields")
        fields = asked.split(",") if asked else [column.name for column in entity.columns]
        return Reply(200, self._engine.fetch(entity, fields, [known])[known], validator.headers())

    def record_by(self, request: Request, name: str, field: str, value: str) -> Any:
        record_id = self._id_by(_entity(name), field, value)
        if record_id is None:
            raise not_found()
        return self.record(request, name, record_id)

    def create(self, request: Request, name: str) -> Any:
        record_id = self._changes.create(_entity(name), _record(request), request.headers)
        location = {"location": f"{self._root}/sobjects/{_entity(name).name}/{record_id}"}
        return Reply(201, {"id": record_id, "success": True, "errors": []}, location)

    def update(self, request: Request, name: str, record_id: str) -> Any:
        entity, known = _entity(name), _known_id(record_id)
        validator = validators(entity.name, self._changes.record(entity, known))
        if not holds_for_write(request.headers, validator):
            return Reply(412, None)
        self._changes.update(entity, known, _record(request), request.headers)
        return Reply(204, None)

    def upsert(self, request: Request, name: str, field: str, value: str) -> Any:
        """Creates or updates the record with a value in an external id column."""
        entity, given = _entity(name), _record(request)
        record_id = self._id_by(entity, field, value)
        column = entity.column(field).name
        if any(each.lower() == column.lower() for each in given):
            raise ApiError(
                400, "INVALID_FIELD", f"The {column} field should not be specified in the sobject data."
            )
        created = record_id is None
        if record_id is None:
            record_id = self._changes.create(entity, {**given, column: value}, request.headers)
        else:
            self._changes.update(entity, record_id, given, request.headers)
        body: dict[str, Any] = {"id": record_id, "success": True, "errors": [], "created": created}
        return Reply(201 if created else 200, body)

    def delete(self, request: Request, name: str, record_id: str) -> Any:
        self._changes.delete(_entity(name), _known_id(record_id))
        return Reply(204, None)

    def _id_by(self, entity: Entity, field: str, value: str) -> str | None:
        column = entity.column(field)
        if not column.external_id and column.kind is not Kind.ID:
            raise not_found()
        ids = self._engine.id_by(entity, field, value)
        if len(ids) > 1:
            raise ApiError(300, "MULTIPLE_CHOICES", "more than one record has this external id")
        return ids[0] if ids else None

    def retrieve(self, request: Request, name: str) -> Any:
        """Many records by id; null in the place of one that is not there."""
        body = _object(request.body)
        ids, fields = body.get("ids", _listed(request, "ids")), body.get("fields", _listed(request, "fields"))
        if not _are_strings(ids) or not _are_strings(fields):
            raise ApiError(400, "JSON_PARSER_ERROR", "ids and fields are lists of strings")
        if not ids or not fields:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", "ids and fields are required")
        if len(ids) > RETRIEVED:
            raise ApiError(
                400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {RETRIEVED}"
            )
        known = [canonical_id(record_id) for record_id in ids]
        found = self._engine.fetch(_entity(name), fields, [record_id for record_id in known if record_id])
        return [found.get(record_id or "") for record_id in known]

    def composite(self, request: Request) -> Any:
        """Up to 25 requests in one, 5 of them queries; each answer has its own status."""
        body = _object(request.body)
        parts = body.get("compositeRequest")
        if not isinstance(parts, list) or not parts:
            raise ApiError(400, "JSON_PARSER_ERROR", "compositeRequest is a list of requests")
        subrequests = [_object(part) for part in cast(list[Any], parts)]
        names = [part.get("referenceId") for part in subrequests]
        if not all(isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name) for name in names):
            raise ApiError(
                400, "INVALID_REFERENCE_ID", "every subrequest needs a referenceId of letters and digits"
            )
        if len({*names}) < len(names):
            raise ApiError(400, "DUPLICATE_REFERENCE_ID", "referenceIds must be unique")
        queries = sum("/query" in str(part.get("url")) for part in subrequests)
        if len(subrequests) > SUBREQUESTS or queries > QUERIES:
            raise ApiError(
                400,
                "INVALID_BATCH_REQUEST",
                f"at most {SUBREQUESTS} subrequests, {QUERIES} of them queries",
            )
        if body.get("allOrNone") is not True:
            return {"compositeResponse": [self._subanswer(part, request.batching) for part in subrequests]}
        answers: list[dict[str, Any]] = []
        with contextlib.suppress(_RolledBack), self._changes.unit():
            answers += [self._subanswer(part, request.batching) for part in subrequests]
            if any(answer["httpStatusCode"] >= 400 for answer in answers):
                answers = [_halted(answer) for answer in answers]
                raise _RolledBack
        return {"compositeResponse": answers}

    def _subanswer(self, part: Mapping[str, Any], batching: Batching) -> dict[str, Any]:
        parts = urlsplit(str(part.get("url")))
        headers = {str(name).lower(): str(value) for name, value in _object(part.get("httpHeaders")).items()}
        try:
            if not parts.path.startswith(f"{self._root}/") or parts.netloc:
                raise ApiError(400, "INVALID_URL", "a subrequest stays within the API version")
            rest = parts.path.removeprefix(f"{self._root}/").strip("/")
            if rest == "composite":
                raise ApiError(400, "INVALID_URL", "composite requests cannot be nested")
            params = dict(parse_qsl(parts.query))
            method, body = str(part.get("method")), part.get("body")
            reply = self.answer(Request(method, rest, params, body, batching, headers))
        except ApiError as error:
            reply = Reply(error.status, error.body)
        return {
            "body": reply.body,
            "httpHeaders": dict(reply.headers),
            "httpStatusCode": reply.status,
            "referenceId": part.get("referenceId"),
        }


_OBJECT = r"sobjects/(\w+)"
_ROUTES: Sequence[tuple[str, str, Callable[..., Any]]] = (
    ("GET", r"", Api.resources),
    ("GET", r"limits", Api.limits),
    ("GET", r"query(?:All)?", Api.query),
    ("GET", r"query(?:All)?/([\w-]+)", Api.query_more),
    ("POST", r"composite", Api.composite),
    ("GET", rf"composite/{_OBJECT}", Api.retrieve),
    ("POST", rf"composite/{_OBJECT}", Api.retrieve),
    ("GET", r"sobjects", Api.objects),
    ("GET", _OBJECT, Api.object),
    ("POST", _OBJECT, Api.create),
    ("GET", rf"{_OBJECT}/describe", Api.describe),
    ("GET", rf"{_OBJECT}/(\w+)", Api.record),
    ("PATCH", rf"{_OBJECT}/(\w+)", Api.update),
    ("DELETE", rf"{_OBJECT}/(\w+)", Api.delete),
    ("GET", rf"{_OBJECT}/(\w+)/([^/]+)", Api.record_by),
    ("PATCH", rf"{_OBJECT}/(\w+)/([^/]+)", Api.upsert),
)


def with_options(batching: Batching, header: str | None) -> Batching:
    """``Sforce-Query-Options: batchSize=500``: between 200 and 2,000, and never more than the org gives.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm
    """
    match = re.search(r"batchSize\s*=\s*(\d+)", header or "", re.IGNORECASE)
    if match is None:
        return batching
    return replace(batching, rows=min(batching.rows, max(200, int(match.group(1)))))


def _entity(name: str) -> Entity:
    try:
        return entity_named(name)
    except ApiError as error:
        # In a path an unknown object is a page that is not there; in a query it is INVALID_TYPE.
        raise not_found() from error


def _known_id(text: str) -> str:
    known = canonical_id(text)
    if known is None:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {text}")
    return known


def _record(request: Request) -> Mapping[str, Any]:
    """The columns in a request's body."""
    body = request.body
    if not isinstance(body, Mapping):
        raise ApiError(400, "JSON_PARSER_ERROR", "the body is not an object")
    return cast(Mapping[str, Any], body)


def _object(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _listed(request: Request, name: str) -> list[str]:
    return [item for item in request.params.get(name, "").split(",") if item]


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast(list[Any], value))


def _halted(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["httpStatusCode"] >= 400:
        return answer
    message = "The transaction was rolled back since another operation in the same transaction failed."
    return {
        **answer,
        "httpStatusCode": 400,
        "body": [{"errorCode": "PROCESSING_HALTED", "message": message}],
    }
