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
from typing import Any, ClassVar, NamedTuple

import orjson
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.session import Session
from gateway.limits.caller import Caller, caller_of
from gateway.limits.rate import Standing
from gateway.transport.authentication import session_of
from gateway.transport.correlation import HEADER
from gateway.transport.drain import Drain
from gateway.transport.errors import UNFORESEEN, request_error
from gateway.transport.exchange import Exchange
from gateway.transport.fanout import Fanout
from gateway.transport.head import joined
from gateway.transport.operation import BadParameters, NotAllowed, Operations, Refusal, checked_parameters
from gateway.transport.sse import EVENT_STREAM, EventStream, single
from resolvers.errors import Code

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"


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
    """The ``/graphql`` endpoint, behind what every request goes through."""

    def __init__(self, operations: Operations, fanout: Fanout, drain: Drain) -> None:
        self._operations = operations
        self._fanout = fanout
        self._drain = drain

    async def respond(
        self,
        scope: Scope,
        head: Mapping[bytes, bytes],
        receive: Receive,
        exchange: Exchange | None,
        correlation_id: str,
    ) -> Answered | ASGIApp:
        """What is to be sent. The request has been authenticated; only what nobody foresaw is raised."""
        accept = joined(scope, head, b"accept")
        media, streams = (_accepted if len(accept) <= _REMEMBERED_BYTES else _accepted.__wrapped__)(accept)
        try:
            if media is None and not streams:
                raise _BadRequest(406, _NOT_ACCEPTABLE)
            parameters = checked_parameters(
                await self._body(receive, head, exchange) if scope["method"] == "POST" else _from_query(scope)
            )
        except (_BadRequest, BadParameters) as error:
            return _bad(error, media or PLAIN_JSON, correlation_id)
        try:
            parameters = self._operations.resolved(parameters, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, _status_of(media), media or PLAIN_JSON)
        session = session_of(scope)
        caller = caller_of(scope, session.viewer)
        allowed = _ALLOWED[scope["method"]]
        # Clients name events among what they take for any operation; only a subscription needs them.
        if media is None or (streams and self._operations.is_subscription(parameters)):
            response = await self._stream(parameters, correlation_id, session, caller, allowed)
        else:
            try:
                body = await self._operations.answer(
                    parameters, correlation_id, session.viewer, caller, allowed
                )
                if caller.standing is not None:
                    return Answered(media, orjson.dumps(body), self._operations.rate.policy, caller.standing)
                response = _json(200, media, body)
            except NotAllowed as error:
                # Nothing was executed: the method may not carry a mutation, one answer no subscription.
                if error.kind is OperationType.SUBSCRIPTION:
                    response = _answer(_status_of(media), media, [_refusal(_NO_STREAM, correlation_id)])
                else:
                    response = _mutation_by_get(media, correlation_id)
            except Refusal as refusal:
                response = _refused(refusal, _status_of(media), media)
        if caller.standing is not None and isinstance(response, Response):
            response.raw_headers += _rate_headers(self._operations.rate.policy, caller.standing)
        return response

    async def _stream(
        self,
        parameters: dict[str, Any],
        correlation_id: str,
        session: Session,
        caller: Caller,
        allowed: frozenset[OperationType],
    ) -> Response | EventStream:
        """An answer in events: of a subscription, or of a query for a caller who takes nothing else."""
        try:
            if self._operations.is_subscription(parameters):
                plan = await self._operations.plan(parameters, correlation_id, session.viewer, caller)
                return EventStream(self._fanout, plan, self._drain, session)
            body = await self._operations.answer(parameters, correlation_id, session.viewer, caller, allowed)
        except NotAllowed:
            return _mutation_by_get(PLAIN_JSON, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, 400, PLAIN_JSON)
        return Response(single(body), headers={"content-type": f"{EVENT_STREAM}; charset=utf-8", **_HEADERS})

    async def _body(self, receive: Receive, head: Mapping[bytes, bytes], exchange: Exchange | None) -> Any:
        """What a POST carries, decoded."""
        _check_type(head.get(b"content-type", b"text/plain"))
        if b"content-encoding" in head and head[b"content-encoding"].strip().lower() != b"identity":
            raise _BadRequest(415, "The body must not be compressed", accept_encoding="identity")
        most = self._operations.limits.body_bytes
        body = None if exchange is None else exchange.whole_body()
        if body is None:
            body = await _received(head, receive, most)
        elif len(body) > most:
            raise _too_long(most)
        try:
            return orjson.loads(body)
        except (orjson.JSONDecodeError, RecursionError):
            raise _BadRequest(400, "The body is not valid JSON in UTF-8") from None


class Answered(NamedTuple):
    """The answer of an operation, in JSON, with status 200."""

    media: str
    body: bytes
    policy: str
    standing: Standing

    def lines(self, correlation_id: str) -> bytes:
        """The headers as they are written, with the request's id."""
        return (
            f"{_LINES[self.media]}content-length: {len(self.body)}\r\nratelimit-policy: {self.policy}\r\n"
            f"ratelimit: {self.standing.header}\r\n{HEADER}: {correlation_id}\r\n"
        ).encode()

    def response(self) -> Response:
        """The same for a server that takes an answer in ASGI's messages, or for one that is to be changed."""
        response = _Json(200, self.media, self.body)
        response.raw_headers += _rate_headers(self.policy, self.standing)
        return response


def unforeseen(correlation_id: str) -> Response:
    """The answer where nobody foresaw what happened; the log has it."""
    return _answer(500, PLAIN_JSON, [request_error(Code.INTERNAL, UNFORESEEN, correlation_id)])


def _rate_headers(policy: str, standing: Standing) -> list[tuple[bytes, bytes]]:
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", standing.header.encode())]


def _bad(error: _BadRequest | BadParameters, media: str, correlation_id: str) -> Response:
    status, headers = (error.status, error.headers) if isinstance(error, _BadRequest) else (400, {})
    response = _answer(status, media, [_refusal(str(error), correlation_id)])
    response.headers.update(headers)
    return response


def _status_of(media: str | None) -> int:
    """The status of a request that is not executed, by the media type of its answer."""
    return 400 if media == GRAPHQL_JSON else 200


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

_LINES = {
    media: "".join(
        f"{name}: {value}\r\n"
        for name, value in {"content-type": f"{media}; charset=utf-8", **_HEADERS}.items()
    )
    for media in (GRAPHQL_JSON, PLAIN_JSON)
}
"""The headers that all answers of a media type have, as they are written."""

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


@functools.lru_cache(256)
def _accepted(accept: bytes) -> tuple[str | None, bool]:
    """What an Accept header allows: the media type of one answer, None for none; and whether events."""
    weights = _weights(accept.decode("latin-1"))
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


def _check_type(header: bytes) -> None:
    """Raises what is wrong with a Content-Type header: it is of JSON in UTF-8."""
    wrong = _wrong_type(header) if len(header) <= _REMEMBERED_BYTES else _wrong_type.__wrapped__(header)
    if wrong is not None:
        message, headers = wrong
        raise _BadRequest(415, message, **headers)


@functools.lru_cache(64)
def _wrong_type(header: bytes) -> tuple[str, Mapping[str, str]] | None:
    """What is said of a Content-Type header that is wrong, and the headers of that answer."""
    content = Message()
    content["content-type"] = header.decode("latin-1")
    if content.get_content_type() != PLAIN_JSON:
        return f"The body must be {PLAIN_JSON}", {"accept_post": PLAIN_JSON}
    if (content.get_content_charset() or "utf-8") not in {"utf-8", "utf8"}:
        return "The body must be UTF-8", {}
    return None


async def _received(head: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    length = head.get(b"content-length", b"")
    if length.isdigit() and (len(length) > 15 or int(length) > most):
        raise _too_long(most)
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _BadRequest(400, "The body did not arrive whole")
        # Nearly always the whole of it comes at once.
        chunk: bytes = message.get("body", b"")
        body = body + chunk if body else chunk
        if len(body) > most:
            raise _too_long(most)
        more = message.get("more_body", False)
    return body


def _too_long(max_bytes: int) -> _BadRequest:
    return _BadRequest(413, f"The body is longer than {max_bytes} bytes")


def _from_query(scope: Scope) -> dict[str, Any]:
    if scope["method"] != "GET":
        raise _BadRequest(405, "GraphQL is asked by GET or POST", allow="GET, POST")
    given: dict[str, Any] = dict(Request(scope).query_params)
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
    return given


def _answer(status: int, media: str, errors: Sequence[Mapping[str, Any]]) -> Response:
    return _json(status, media, {"errors": errors})


def _json(status: int, media: str, body: dict[str, Any]) -> Response:
    return _Json(status, media, orjson.dumps(body))
