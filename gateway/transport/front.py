"""The way in to the graph, and out again: what every request goes through, in one place.

In: its id, its caller's trace, the origin of the page that asks, and who asks. Out: the headers of these,
compression, and the short way of the exchange. Other routes have a middleware for each; around most of all
requests those would cost more than what they do.
"""

from __future__ import annotations

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.http import correlation_id
from gateway.auth.authenticator import Authenticator
from gateway.auth.session import Unauthenticated
from gateway.observability.trace_context import callers, trace_context_of
from gateway.transport.authentication import SESSION, credentials_of, unauthenticated
from gateway.transport.compression import compress
from gateway.transport.correlation import RAW, correlation_id_of
from gateway.transport.drain import CLOSE, Drain
from gateway.transport.exchange import exchange_of
from gateway.transport.graphql_http import Answered, GraphQLEndpoint, unforeseen
from gateway.transport.head import head_of, with_headers
from gateway.transport.origins import (
    SENT_BY_BROWSERS,
    Origins,
    foreign,
    is_preflight,
    preflight_answer,
    readable_by,
)

_log = structlog.get_logger(__name__)

COMPRESS_OVER_BYTES = 1_400
"""About what fits into one packet."""


class Front:
    """In front of the endpoint: an ASGI application that answers whatever happens."""

    def __init__(
        self,
        endpoint: GraphQLEndpoint,
        authenticator: Authenticator,
        origins: Origins,
        drain: Drain,
        compress_over_bytes: int = COMPRESS_OVER_BYTES,
    ) -> None:
        self._endpoint = endpoint
        self._authenticator = authenticator
        self._origins = origins
        self._drain = drain
        self._compress_over_bytes = compress_over_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = head_of(scope)
        own_id = correlation_id_of(head)
        exchange = exchange_of(scope)
        identified = correlation_id.set(own_id)
        # In any case: a request that waited behind another of its connection begins in its context.
        traced = callers.set(trace_context_of(scope) if b"traceparent" in head else None)
        readable: list[tuple[bytes, bytes]] = []
        try:
            if not SENT_BY_BROWSERS.isdisjoint(head) and not self._origins.admits(scope):
                answer = foreign(own_id)
            elif b"origin" in head and is_preflight(scope):
                answer = preflight_answer(scope)
            else:
                if b"origin" in head:
                    readable = readable_by(head[b"origin"])
                try:
                    # A preflight carries no credential, by the rules of CORS, and reaches no data.
                    if scope["method"] != "OPTIONS":
                        session = None
                        # At once for one that was good lately, where there is no doubt which one it is.
                        if b"authorization" in head and len(head) == len(scope["headers"]):
                            session = self._authenticator.known(head[b"authorization"])
                        scope[SESSION] = session or await self._authenticator.session(credentials_of(scope))
                    answer = await self._endpoint.respond(scope, head, receive, exchange, own_id)
                except Unauthenticated as refusal:
                    answer = unauthenticated(scope, refusal)
                except Exception:  # noqa: BLE001 - the last line of defence: every request gets an answer
                    _log.exception("unforeseen error in a request")
                    answer = unforeseen(own_id)
            if isinstance(answer, Answered):
                if (
                    exchange is not None
                    and not readable
                    and not self._drain.announced
                    and (len(answer.body) <= self._compress_over_bytes or b"accept-encoding" not in head)
                    and exchange.answer(answer.lines(own_id), answer.body)
                ):
                    return
                answer = answer.response()
            if isinstance(answer, Response) and len(answer.body) > self._compress_over_bytes:
                await compress(answer, scope)
            headers = [*readable, (RAW, own_id.encode()), *([CLOSE] if self._drain.announced else ())]
            await answer(scope, receive, with_headers(send, headers))
        finally:
            correlation_id.reset(identified)
            callers.reset(traced)
