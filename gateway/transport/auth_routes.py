"""``POST /auth/widget-tokens``: a trusted backend asks for the token that its page will use. In the sandbox,
also ``GET /auth/roles``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.contracts.vocabulary import RecordType
from gateway.auth.authenticator import Authenticator
from gateway.auth.origin import BadOrigin
from gateway.transport.authentication import Authentication, session_of
from gateway.transport.correlation import current_correlation_id
from gateway.transport.errors import request_error
from gateway.transport.operation import MakeContext
from resolvers.errors import Code, GraphFault
from resolvers.reference import reference

if TYPE_CHECKING:
    from gateway.auth.widget_tokens import WidgetTokens

PATH = "/auth/widget-tokens"
SCOPE = "widget-token:mint"
MAX_BODY_BYTES = 10_000

_STATUSES = {Code.BAD_USER_INPUT: 400, Code.FORBIDDEN: 403, Code.NOT_FOUND: 404}


def auth_routes(authenticator: Authenticator, make_context: MakeContext) -> list[Route]:
    """What there is of both."""
    routes = [] if authenticator.development is None else authenticator.development.routes()
    if authenticator.widgets is not None:
        routes.append(_widget_route(authenticator.widgets, authenticator, make_context))
    return routes


def _widget_route(tokens: WidgetTokens, authenticator: Authenticator, make_context: MakeContext) -> Route:
    async def mint(request: Request) -> Response:
        viewer = session_of(request.scope).viewer
        if SCOPE not in viewer.scopes:
            return _refusal(Code.FORBIDDEN, f"the scope {SCOPE} is needed")
        given = await _body(request)
        customer_id, origin = given.get("customerId"), given.get("origin")
        if not isinstance(customer_id, str) or not isinstance(origin, str):
            return _refusal(Code.BAD_USER_INPUT, "customerId and origin are needed, as strings")
        context = make_context(current_correlation_id(), viewer)
        try:
            ref = reference(context, customer_id, RecordType.CUSTOMER, "customerId")
            customer = await context.existing(ref)
        except GraphFault as fault:
            code = Code(str((fault.extensions or {}).get("code")))
            return _refusal(code, fault.message)
        if customer is None:
            return _refusal(Code.NOT_FOUND, "customerId: there is no such Customer")
        try:
            minted = tokens.mint(customer.ref, origin, viewer.subject)
        except BadOrigin as error:
            return _refusal(Code.BAD_USER_INPUT, f"origin: {error}")
        expires = datetime.fromtimestamp(minted.expires_at, UTC).isoformat().replace("+00:00", "Z")
        body = {"token": minted.token, "expiresAt": expires}
        return JSONResponse(body, 201, {"cache-control": "no-store"})

    endpoint = Route(PATH, mint, methods=["POST"]).app
    return Route(PATH, Authentication(endpoint, authenticator), methods=["POST"])


async def _body(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; empty for anything else."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return {}
        found: object = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError, ClientDisconnect):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _refusal(code: Code, message: str) -> Response:
    error = request_error(code, message, current_correlation_id())
    return JSONResponse({"errors": [error]}, _STATUSES.get(code, 503), {"cache-control": "no-store"})
