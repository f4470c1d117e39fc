"""Which pages of the web may use the API: those served from here, and those of the configured origins.

A browser adds ``Origin`` to what a page asks of another origin, and ``Sec-Fetch-Site`` to all it asks; no
page can change either. Whoever sends neither is no browser: nothing here is for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import orjson
from starlette.responses import Response
from starlette.types import Scope

from gateway.transport.errors import request_error
from gateway.transport.head import head_of
from resolvers.errors import Code

EXPOSED = b"x-correlation-id, ratelimit, ratelimit-policy, retry-after"
"""Headers of answers that pages of other origins may read."""

PREFLIGHT_S = b"7200"
"""How long a browser remembers that it may ask: browsers take no longer."""


SENT_BY_BROWSERS = frozenset({b"origin", b"sec-fetch-site"})
"""Without any of these, a request comes from no page."""

_OTHER_SITES = frozenset({b"cross-site", b"same-site"})


class Origins:
    """The origins that may ask. ``allowed`` are those beside the gateway's own, as ``https://host:port``."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(allowed)

    def admits(self, scope: Scope) -> bool:
        """Whether the request comes from no page, or from one that may ask."""
        head = head_of(scope)
        origin = head.get(b"origin")
        if not origin:
            # A link or an image of another site: browsers send no Origin with these.
            return head.get(b"sec-fetch-site") not in _OTHER_SITES
        return self._own(origin, head.get(b"host", b"")) or origin.decode("latin-1") in self._allowed

    @staticmethod
    def _own(origin: bytes, host: bytes) -> bool:
        return bool(host) and urlsplit(origin).netloc == host


def foreign(request_id: str) -> Response:
    """403, for pages that may not ask."""
    error = request_error(Code.FORBIDDEN, _FOREIGN, request_id)
    return Response(orjson.dumps({"errors": [error]}), 403, _REFUSED)


_FOREIGN = "Pages of this origin may not use the API: server.origins has those that may"

_REFUSED = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "vary": "origin, sec-fetch-site",
    "x-content-type-options": "nosniff",
}


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks on behalf of a page if it may ask."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def preflight_answer(scope: Scope) -> Response:
    """Yes, and for whatever headers: what a page may send is decided by its origin alone."""
    wanted = next(
        (value for name, value in scope["headers"] if name == b"access-control-request-headers"), b""
    )
    answer = Response(status_code=204)
    answer.raw_headers = [
        (b"access-control-allow-origin", head_of(scope).get(b"origin", b"")),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-max-age", PREFLIGHT_S),
        (b"vary", b"origin, access-control-request-headers"),
    ]
    if wanted:
        answer.raw_headers.append((b"access-control-allow-headers", wanted))
    return answer


def readable_by(origin: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of answers that a page of this origin may read."""
    return [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]
