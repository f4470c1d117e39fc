"""Nobody reaches the graph over HTTP unless it is known who asks. Sockets say so in ``connection_init``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.authenticator import Authenticator
from gateway.auth.development import HINTS
from gateway.auth.session import Credentials, Session, Unauthenticated
from gateway.transport.correlation import current_correlation_id
from gateway.transport.errors import request_error
from gateway.transport.head import all_of, head_of
from resolvers.errors import Code

SESSION = "fieldgate.session"
"""Where the session stands in a request's scope."""

_HINTS = frozenset(name.encode() for name in HINTS)


class Authentication:
    """In front of an application: 401 for who is not known, the session in the scope for who is."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A preflight carries no credential, by the rules of CORS, and reaches no data.
        if scope["method"] != "OPTIONS":
            try:
                scope[SESSION] = await self._authenticator.session(credentials_of(scope))
            except Unauthenticated as refusal:
                await unauthenticated(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def session_of(scope: Scope) -> Session:
    """The session of a request that has been authenticated."""
    return scope[SESSION]


def credentials_of(scope: Scope, payload: Mapping[str, Any] | None = None) -> Credentials:
    """What a request brings, or a socket: there ``connection_init`` counts before the headers."""
    head = head_of(scope)
    given = all_of(scope, b"authorization")
    # Two credentials are none: which of them counts would be anybody's guess.
    authorization = given[0].decode("latin-1") if len(given) == 1 else "" if given else None
    origin = head[b"origin"].decode("latin-1") if b"origin" in head else None
    hints = {name.decode(): head[name].decode("latin-1") for name in _HINTS & head.keys()}
    for name, value in (payload or {}).items():
        if isinstance(value, str) and value:
            lower = name.lower()
            if lower == "authorization":
                authorization = value
            elif lower in HINTS:
                hints[lower] = value
    return Credentials(authorization, origin, hints)


def unauthenticated(scope: Scope, refusal: Unauthenticated) -> Response:
    """401 as RFC 6750 (3) has it, with an error of the closed list."""
    error = request_error(Code.UNAUTHENTICATED, str(refusal), current_correlation_id())
    error["extensions"]["retryable"] = refusal.retryable
    challenge = 'Bearer realm="fieldgate"'
    if refusal.given:
        described = str(refusal).encode("ascii", "replace").decode().replace('"', "'")
        challenge += f', error="invalid_token", error_description="{described}"'
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    media = "application/graphql-response+json" if b"graphql-response+json" in accept else "application/json"
    headers = {
        "content-type": f"{media}; charset=utf-8",
        "www-authenticate": challenge,
        "cache-control": "no-store",
        "vary": "accept",
        "x-content-type-options": "nosniff",
    }
    return Response(orjson.dumps({"errors": [error]}), 401, headers)
