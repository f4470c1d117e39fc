"""GraphQL over HTTP: POST with a JSON body, GET for queries, answers by the Accept header.

Media types and statuses as the GraphQL-over-HTTP specification has them (draft of 2025,
https://graphql.github.io/graphql-over-http/draft/): a request that cannot be executed is 4xx as
``application/graphql-response+json`` and 200 as ``application/json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from typing import Any, cast

import orjson
import strawberry
import structlog
from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from gateway.transport.correlation import current_correlation_id
from gateway.transport.errors import UNFORESEEN, before_execution, in_execution, request_error
from resolvers.context import RequestContext
from resolvers.errors import Code

_log = structlog.get_logger(__name__)

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"

MAX_BODY_BYTES = 1_000_000


class _BadRequest(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_NAME_NEEDED = "The document has several operations: operationName must say which one to run"

_OPERATION = re.compile(r"\b(?:query|mutation|subscription)\b")


class GraphQLEndpoint:
    """The ``/graphql`` endpoint."""

    def __init__(self, graph: strawberry.Schema, make_context: Callable[[str], RequestContext]) -> None:
        self._graph = graph
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._respond(Request(scope, receive))
        except Exception:  # noqa: BLE001 - the last line of defence: every request gets an answer
            _log.exception("unforeseen error in a request")
            error = request_error(Code.INTERNAL, UNFORESEEN, current_correlation_id())
            response = _answer(500, PLAIN_JSON, [error])
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        correlation_id = current_correlation_id()
        media = _media_type(",".join(request.headers.getlist("accept")))
        if media is None:
            return _answer(
                406, PLAIN_JSON, [request_error(Code.BAD_USER_INPUT, _NOT_ACCEPTABLE, correlation_id)]
            )
        try:
            parameters = await _parameters(request)
        except _BadRequest as error:
            response = _answer(error.status, media, [_refusal(str(error), correlation_id)])
            response.headers.update(error.headers)
            return response
        return await self._execute(request, parameters, media, correlation_id)

    async def _execute(
        self, request: Request, parameters: dict[str, Any], media: str, correlation_id: str
    ) -> Response:
        refused_status = 400 if media == GRAPHQL_JSON else 200
        if parameters.get("operationName") is None and _has_several_operations(parameters["query"]):
            return _answer(refused_status, media, [_invalid(_NAME_NEEDED, correlation_id)])
        allowed = {OperationType.QUERY}
        if request.method == "POST":
            allowed |= {OperationType.MUTATION}
        try:
            result = await self._graph.execute(
                parameters["query"],
                variable_values=parameters.get("variables") or {},
                context_value=self._make_context(correlation_id),
                operation_name=parameters.get("operationName"),
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError as error:
            # Nothing was executed: the method may not carry a mutation, one answer no subscription.
            if error.operation_type is OperationType.SUBSCRIPTION:
                message = "A subscription answers many times, and this way of asking takes one answer"
                return _answer(refused_status, media, [_refusal(message, correlation_id)])
            response = _answer(405, media, [_refusal("A mutation is asked by POST", correlation_id)])
            response.headers["allow"] = "POST"
            return response
        except CannotGetOperationTypeError as error:
            return _answer(refused_status, media, [_invalid(error.as_http_error_reason(), correlation_id)])
        errors = result.errors or []
        # Variables are refused by the executor, without a path: a request error like any other.
        refused = result.data is None and bool(errors) and all(error.path is None for error in errors)
        if isinstance(result, PreExecutionError) or refused:
            formatted = [before_execution(error, correlation_id) for error in errors]
            unforeseen = any(each["extensions"]["code"] == Code.INTERNAL.value for each in formatted)
            return _answer(500 if unforeseen else refused_status, media, formatted)
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = [in_execution(error, correlation_id) for error in errors]
        return _json(200, media, body)


_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
"""A quality value (RFC 9110, 12.4.2)."""

_NOT_ACCEPTABLE = f"Answers are {GRAPHQL_JSON} or {PLAIN_JSON}; the Accept header allows neither."


def _refusal(message: str, correlation_id: str) -> dict[str, Any]:
    return request_error(Code.BAD_USER_INPUT, message, correlation_id)


def _invalid(message: str, correlation_id: str) -> dict[str, Any]:
    return request_error(Code.GRAPHQL_VALIDATION_FAILED, message, correlation_id)


def _has_several_operations(document: str) -> bool:
    """Whether only an operation name can tell what to run: Strawberry would run the first."""
    if len(_OPERATION.findall(document)) < 2:
        return False
    try:
        definitions = parse(document, no_location=True).definitions
    except GraphQLSyntaxError:
        return False
    return sum(isinstance(each, OperationDefinitionNode) for each in definitions) > 1


def _media_type(accept: str) -> str | None:
    """The media type to answer with: the better of the two by the caller's weights; None for neither."""
    if not accept.strip():
        return PLAIN_JSON
    weights: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                weight = float(parameter[2:]) if _WEIGHT.fullmatch(parameter[2:]) else 0.0
        weights[name] = max(weight, weights.get(name, 0.0))
    general = weights.get("application/*", weights.get("*/*", 0.0))
    modern = weights.get(GRAPHQL_JSON, general)
    plain = weights.get(PLAIN_JSON, general)
    if modern <= 0 and plain <= 0:
        return None
    # Older clients that accept anything, or name plain JSON, get what they always got.
    named = GRAPHQL_JSON in weights
    return GRAPHQL_JSON if plain <= 0 or (named and modern >= plain) else PLAIN_JSON


async def _parameters(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return _from_query(request)
    if request.method != "POST":
        raise _BadRequest(405, "GraphQL is asked by GET or POST", allow="GET, POST")
    content = Message()
    content["content-type"] = request.headers.get("content-type", "text/plain")
    if content.get_content_type() != PLAIN_JSON:
        raise _BadRequest(415, f"The body must be {PLAIN_JSON}", accept_post=PLAIN_JSON)
    if (content.get_content_charset() or "utf-8") not in {"utf-8", "utf8"}:
        raise _BadRequest(415, "The body must be UTF-8")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _BadRequest(415, "The body must not be compressed", accept_encoding="identity")
    return _checked(_decode(await _body(request)))


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _BadRequest(413, f"The body is longer than {MAX_BODY_BYTES} bytes")
    except ClientDisconnect:
        raise _BadRequest(400, "The body did not arrive whole") from None
    return body


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
    if isinstance(given, list):
        raise _BadRequest(400, "One operation a request: batches are not taken")
    if not isinstance(given, dict):
        raise _BadRequest(400, "The body is a JSON object with the key query")
    parameters = cast(dict[str, Any], given)
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _BadRequest(400, "query: a GraphQL document is needed, as a string")
    for name, kinds in (("variables", dict), ("extensions", dict), ("operationName", str)):
        if parameters.get(name) is not None and not isinstance(parameters[name], kinds):
            wanted = "an object" if kinds is dict else "a string"
            raise _BadRequest(400, f"{name}: must be {wanted}")
    return parameters


def _answer(status: int, media: str, errors: list[dict[str, Any]]) -> Response:
    return _json(status, media, {"errors": errors})


def _json(status: int, media: str, body: dict[str, Any]) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        headers={
            "content-type": f"{media}; charset=utf-8",
            "cache-control": "no-store",
            "vary": "accept",
            "x-content-type-options": "nosniff",
        },
    )
