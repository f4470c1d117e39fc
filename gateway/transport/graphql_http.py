"""GraphQL over HTTP: POST with a JSON body, GET for queries, answers by the Accept header.

Media types and statuses as the GraphQL-over-HTTP specification has them (draft of 2025,
https://graphql.github.io/graphql-over-http/draft/): a request that cannot be executed is 4xx as
``application/graphql-response+json`` and 200 as ``application/json``.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any, ClassVar

import orjson
import structlog
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.limits.caller import Caller, caller_of
from gateway.transport.authentication import session_of
from gateway.transport.compression import compress
from gateway.transport.correlation import current_correlation_id
from gateway.transport.drain import Drain
from gateway.transport.errors import UNFORESEEN, request_error
from gateway.transport.fanout import Fanout
from gateway.transport.head import all_of, head_of
from gateway.transport.operation import BadParameters, NotAllowed, Operations, Refusal, checked_parameters
from gateway.transport.sse import EVENT_STREAM, EventStream, single
from resolvers.errors import Code

_log = structlog.get_logger(__name__)

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"


COMPRESS_OVER_BYTES = 1_400
"""About what fits into one packet."""


class _BadRequest(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_NO_STREAM = (
    f"A subscription answers many times: ask for {EVENT_STREAM} by the Accept header, or by WebSocket, and "
    "nothing else"
)

_ALLOWED: dict[str, frozenset[OperationType]] = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}


class GraphQLEndpoint:
    """The ``/graphql`` endpoint."""

    def __init__(
        self,
        operations: Operations,
        fanout: Fanout,
        drain: Drain,
        compress_over_bytes: int = COMPRESS_OVER_BYTES,
    ) -> None:
        self._compress_over_bytes = compress_over_bytes
        self._operations = operations
        self._fanout = fanout
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._respond(Request(scope, receive))
        except Exception:  # noqa: BLE001 - the last line of defence: every request gets an answer
            _log.exception("unforeseen error in a request")
            error = request_error(Code.INTERNAL, UNFORESEEN, current_correlation_id())
            response = _answer(500, PLAIN_JSON, [error])
        if isinstance(response, Response) and len(response.body) > self._compress_over_bytes:
            await compress(response, scope)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response | EventStream:
        correlation_id = current_correlation_id()
        media, streams = _accepted(b",".join(all_of(request.scope, b"accept")).decode("latin-1"))
        if media is None and not streams:
            return _answer(
                406, PLAIN_JSON, [request_error(Code.BAD_USER_INPUT, _NOT_ACCEPTABLE, correlation_id)]
            )
        try:
            parameters = await _parameters(request, self._operations.limits.body_bytes)
        except _BadRequest as error:
            response = _answer(error.status, media or PLAIN_JSON, [_refusal(str(error), correlation_id)])
            response.headers.update(error.headers)
            return response
        try:
            parameters = self._operations.resolved(parameters, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, 400 if media == GRAPHQL_JSON else 200, media or PLAIN_JSON)
        # Clients name events among what they take for any operation; only a subscription needs them.
        caller = caller_of(request.scope, session_of(request.scope).viewer)
        if media is None or (streams and self._operations.is_subscription(parameters)):
            response = await self._stream(request, parameters, correlation_id, caller)
        else:
            response = await self._execute(request, parameters, media, correlation_id, caller)
        if caller.standing is not None and isinstance(response, Response):
            response.raw_headers += [
                (b"ratelimit-policy", self._operations.rate.policy.encode()),
                (b"ratelimit", caller.standing.header.encode()),
            ]
        return response

    async def _execute(
        self,
        request: Request,
        parameters: dict[str, Any],
        media: str,
        correlation_id: str,
        caller: Caller,
    ) -> Response:
        refused_status = 400 if media == GRAPHQL_JSON else 200
        try:
            allowed = _ALLOWED[request.method]
            viewer = session_of(request.scope).viewer
            body = await self._operations.answer(parameters, correlation_id, viewer, caller, allowed)
        except NotAllowed as error:
            # Nothing was executed: the method may not carry a mutation, one answer no subscription.
            if error.kind is OperationType.SUBSCRIPTION:
                return _answer(refused_status, media, [_refusal(_NO_STREAM, correlation_id)])
            return _mutation_by_get(media, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, refused_status, media)
        return _json(200, media, body)

    async def _stream(
        self, request: Request, parameters: dict[str, Any], correlation_id: str, caller: Caller
    ) -> Response | EventStream:
        """An answer in events: of a subscription, or of a query for a caller who takes nothing else."""
        session = session_of(request.scope)
        try:
            if self._operations.is_subscription(parameters):
                plan = await self._operations.plan(parameters, correlation_id, session.viewer, caller)
                return EventStream(self._fanout, plan, self._drain, session)
            allowed = _ALLOWED[request.method]
            body = await self._operations.answer(parameters, correlation_id, session.viewer, caller, allowed)
        except NotAllowed:
            return _mutation_by_get(PLAIN_JSON, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, 400, PLAIN_JSON)
        return Response(single(body), headers={"content-type": f"{EVENT_STREAM}; charset=utf-8", **_HEADERS})


def _refused(refusal: Refusal, status: int, media: str) -> Response:
    if refusal.unforeseen or refusal.limited:
        status = 500 if refusal.unforeseen else 429
    response = _answer(status, media, refusal.errors)
    if refusal.retry_after_s is not None:
        response.headers["retry-after"] = str(math.ceil(refusal.retry_after_s))
    return response


def _mutation_by_get(media: str, correlation_id: str) -> Response:
    response = _answer(405, media, [_refusal("A mutation is asked by POST", correlation_id)])
    response.headers["allow"] = "POST"
    return response


_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
"""A quality value (RFC 9110, 12.4.2)."""

_NOT_ACCEPTABLE = (
    f"Answers are {GRAPHQL_JSON}, {PLAIN_JSON} or {EVENT_STREAM}; the Accept header allows none of them."
)

_HEADERS = {
    "cache-control": "no-store",
    "vary": "accept, accept-encoding, origin",
    "x-content-type-options": "nosniff",
}

_REMEMBERED_BYTES = 200
"""Header values up to this length are parsed once: callers send the same few again and again."""


class _Json(Response):
    """An answer in JSON, with headers that are encoded once for all."""

    _fixed: ClassVar = {
        media: [
            (b"content-type", f"{media}; charset=utf-8".encode()),
            *((name.encode(), value.encode()) for name, value in _HEADERS.items()),
        ]
        for media in (GRAPHQL_JSON, PLAIN_JSON)
    }

    def __init__(self, status: int, media: str, body: bytes) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [*self._fixed[media], (b"content-length", str(len(body)).encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def _refusal(message: str, correlation_id: str) -> dict[str, Any]:
    return request_error(Code.BAD_USER_INPUT, message, correlation_id)


def _accepted(accept: str) -> tuple[str | None, bool]:
    """What an Accept header allows: the media type of one answer, None for none; and whether events."""
    return _parsed_accept(accept) if len(accept) <= _REMEMBERED_BYTES else _parsed_accept.__wrapped__(accept)


@functools.lru_cache(256)
def _parsed_accept(accept: str) -> tuple[str | None, bool]:
    weights = _weights(accept)
    return _media_type(weights), weights.get(EVENT_STREAM, 0.0) > 0


def _weights(accept: str) -> dict[str, float]:
    """The weight of each media range of an Accept header; without one, everything is taken."""
    weights: dict[str, float] = {}
    for part in accept.split(",") if accept.strip() else ("*/*",):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = float(parameter[2:]) if _WEIGHT.fullmatch(parameter[2:]) else 0.0
        weights[name] = max(weight, weights.get(name, 0.0))
    return weights


def _media_type(weights: Mapping[str, float]) -> str | None:
    """The media type to answer with: the better of the two by the caller's weights; None for neither."""
    general = weights.get("application/*", weights.get("*/*", 0.0))
    modern = weights.get(GRAPHQL_JSON, general)
    plain = weights.get(PLAIN_JSON, general)
    if modern <= 0 and plain <= 0:
        return None
    # Older clients that accept anything, or name plain JSON, get what they always got.
    named = GRAPHQL_JSON in weights
    return GRAPHQL_JSON if plain <= 0 or (named and modern >= plain) else PLAIN_JSON


def _content_type(header: str) -> tuple[str, str]:
    """The media type of a Content-Type header, and its character set."""
    return _parsed_type(header) if len(header) <= _REMEMBERED_BYTES else _parsed_type.__wrapped__(header)


@functools.lru_cache(64)
def _parsed_type(header: str) -> tuple[str, str]:
    content = Message()
    content["content-type"] = header
    return content.get_content_type(), content.get_content_charset() or "utf-8"


async def _parameters(request: Request, max_body_bytes: int) -> dict[str, Any]:
    if request.method == "GET":
        return _from_query(request)
    if request.method != "POST":
        raise _BadRequest(405, "GraphQL is asked by GET or POST", allow="GET, POST")
    head = head_of(request.scope)
    kind, charset = _content_type(head.get(b"content-type", b"text/plain").decode("latin-1"))
    if kind != PLAIN_JSON:
        raise _BadRequest(415, f"The body must be {PLAIN_JSON}", accept_post=PLAIN_JSON)
    if charset not in {"utf-8", "utf8"}:
        raise _BadRequest(415, "The body must be UTF-8")
    if head.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise _BadRequest(415, "The body must not be compressed", accept_encoding="identity")
    return _checked(_decode(await _body(request, max_body_bytes)))


async def _body(request: Request, max_bytes: int) -> bytes:
    length = head_of(request.scope).get(b"content-length", b"")
    if length.isdigit() and (len(length) > 15 or int(length) > max_bytes):
        raise _too_long(max_bytes)
    body = b""
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise _BadRequest(400, "The body did not arrive whole")
        # Nearly always the whole of it comes at once.
        chunk: bytes = message.get("body", b"")
        body = body + chunk if body else chunk
        if len(body) > max_bytes:
            raise _too_long(max_bytes)
        more = message.get("more_body", False)
    return body


def _too_long(max_bytes: int) -> _BadRequest:
    return _BadRequest(413, f"The body is longer than {max_bytes} bytes")


def _decode(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError):
        raise _BadRequest(400, "The body is not valid JSON in UTF-8") from None


def _from_query(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if given.get(name):
            try:
                given[name] = orjson.loads(given[name])
            except orjson.JSONDecodeError:
                raise _BadRequest(400, f"The parameter {name} is not valid JSON") from None
        else:
            given.pop(name, None)
    if not given.get("operationName"):
        given.pop("operationName", None)
    return _checked(given)


def _checked(given: Any) -> dict[str, Any]:
    try:
        return checked_parameters(given)
    except BadParameters as error:
        raise _BadRequest(400, str(error)) from error


def _answer(status: int, media: str, errors: Sequence[Mapping[str, Any]]) -> Response:
    return _json(status, media, {"errors": errors})


def _json(status: int, media: str, body: dict[str, Any]) -> Response:
    return _Json(status, media, orjson.dumps(body))
