"""The one place that speaks HTTP to the systems, and the only importer of the HTTP client.

``HttpClient.send`` is the one narrow function every upstream call passes through. What is under it
can be changed here and nowhere else. Transport failures become the fault tree; HTTP statuses are
left to each vendor's table (``raise_for``).
"""

from __future__ import annotations

import email.utils
import re
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC
from functools import cached_property, lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from adapters.authenticator import Authenticator, StaticHeaders, Token, TokenAuthenticator
from adapters.contracts.errors import Rejected, SystemFault, Throttled, fault_for_status
from adapters.wire.address import Address, Base, is_absolute, parse_base
from adapters.wire.answer import Answer as Response
from adapters.wire.coding import ACCEPTED
from adapters.wire.pool import Pool
from adapters.wire.request import encode_form as encoded
from adapters.wire.request import header_lines, request_bytes, target_of

if TYPE_CHECKING:
    from adapters.proxied import Proxied

correlation_id: ContextVar[str | None] = ContextVar("fieldgate_correlation_id", default=None)
"""Sent on every upstream call as ``x-correlation-id``; the transport of the graph sets it."""

Params = Sequence[tuple[str, str]]


class Call(msgspec.Struct, frozen=True):
    """One upstream call that ended, for whoever watches: metrics, traces.

    status: None where no answer came. bytes: of the answer's body, decompressed.
    """

    method: str
    path: str
    status: int | None
    bytes: int
    elapsed_s: float


class Observer(Protocol):
    """Watches the calls of one piece of work."""

    def begin(self, method: str, headers: dict[str, str]) -> Callable[[Call], None]:
        """A call is about to be sent with these headers; it may add some. Gives what is told its end."""
        ...


observer: ContextVar[Observer | None] = ContextVar("fieldgate_observer", default=None)
"""Who watches the calls made here; the gateway sets it around each piece of work of a connection."""


class Prepared(NamedTuple):
    """A GET of which only a part of the query changes: what ``HttpClient.prepare`` makes of a path.

    first, last: the query before and after that part. begin, end: all of the request line around it.
    """

    path: str
    first: str
    last: str
    begin: str
    end: str


_lines_of = lru_cache(256)(header_lines)
"""The calls of one request have the same headers: its id, and its caller's trace."""

_Exchange = Callable[[dict[str, str]], Coroutine[Any, Any, Response]]
"""Sends a request with these headers, and gives its answer."""


class HttpClient:
    """Pools of keep-alive connections: to one base URL, and to any other that a whole URL names.

    ``timeout_s`` bounds a single call, the wait for a connection included; the deadline of a whole load is
    the gateway's business. ``tls`` replaces the trusted authorities of the machine. ``proxy`` is the URL of
    a proxy to go through.
    """

    def __init__(
        self,
        base_url: str,
        *,
        authenticator: Authenticator | None = None,
        timeout_s: float = 10.0,
        max_connections: int = 20,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._timeout_s = timeout_s
        self._max_connections = max_connections
        self._tls = tls
        self._base = parse_base(base_url)
        self._pools: dict[Address, Pool] = {}
        self._proxied: Proxied | None = None
        if proxy is not None:
            # Loads httpx, which few connections need.
            from adapters.proxied import Proxied

            self._proxied = Proxied(proxy, timeout_s=timeout_s, max_connections=max_connections, tls=tls)
        self._plain = authenticator is None and proxy is None
        self._fixed = {
            "accept": "application/json",
            "accept-encoding": ACCEPTED,
            "user-agent": "fieldgate/0.1",
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        if self._base.authorization is not None:
            self._fixed.setdefault("authorization", self._base.authorization)
        self._names = frozenset(self._fixed)
        self._own = self._pool(self._base.address)

    @cached_property
    def _lines(self) -> str:
        """The client's own headers. Raises ``Rejected`` where one of them cannot be sent."""
        return header_lines([("host", self._base.address.authority), *self._fixed.items()])

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Params | None = None,
        authenticate: bool = True,
    ) -> Coroutine[Any, Any, Response]:
        """Sends one request and gives the answer, whatever its status.

        params: pairs, or a query that is ``encoded`` already. json: a value to send as a JSON body. form:
        pairs to send form-encoded, in order, names repeated as given. A 401 makes the authenticator renew
        once. Raises ``Unreachable`` where nothing was sent and ``OutcomeUnknown`` where the answer was lost.
        """
        content: bytes | None = None
        own = {**headers} if headers else {}
        if json is not None:
            content = msgspec.json.encode(json)
            own["content-type"] = "application/json"
        elif form is not None:
            content = encoded(form).encode()
            own["content-type"] = "application/x-www-form-urlencoded"
        exchange = partial(self._exchange, method, path, params, content)
        if self._authenticator is None or not authenticate:
            return self._watched(method, path, own, exchange)
        return self._proven(self._authenticator, method, path, own, exchange)

    def prepare(self, path: str, before: Params, after: Params) -> Prepared:
        """A GET for ``ask``, with parameters before and after those that change."""
        first, last = encoded(before), encoded(after)
        first, last = f"{first}&" if first else "", f"&{last}" if last else ""
        target = target_of(f"{self._base.path}{path}", None)
        line = f"GET {target}{'&' if '?' in target else '?'}{first}"
        return Prepared(path, first, last, line, f"{last} HTTP/1.1\r\n")

    async def ask(self, prepared: Prepared, query: str) -> Response:
        """Sends what was prepared, with more of a query that is ``encoded``; else as ``send``."""
        if not self._plain:
            return await self.send("GET", prepared.path, params=f"{prepared.first}{query}{prepared.last}")
        # As ``_watched`` does it, in one function: nearly all reads of REST systems come this way.
        headers: dict[str, str] = {}
        ended = _begun("GET", headers)
        started = perf_counter()
        try:
            lines = self._all_lines(headers)
            request = f"{prepared.begin}{query}{prepared.end}{lines}\r\n".encode("latin-1")
            answer = await self._own.request(request, "GET")
        except BaseException as error:
            ended(Call("GET", prepared.path, None, 0, perf_counter() - started))
            if isinstance(error, UnicodeEncodeError):
                raise Rejected("a header has characters that cannot be sent") from error
            raise
        ended(Call("GET", prepared.path, answer.status, len(answer.body), perf_counter() - started))
        return answer

    async def _proven(
        self,
        auth: Authenticator,
        method: str,
        path: str,
        headers: Mapping[str, str],
        exchange: _Exchange,
    ) -> Response:
        proof = await auth.headers(self)
        response = await self._watched(method, path, {**headers, **proof}, exchange)
        if response.status == 401 and await auth.refused(self, proof):
            proof = await auth.headers(self)
            response = await self._watched(method, path, {**headers, **proof}, exchange)
        return response

    async def _watched(
        self, method: str, path: str, headers: dict[str, str], exchange: _Exchange
    ) -> Response:
        """One exchange, of which whoever watches is told."""
        ended = _begun(method, headers)
        started = perf_counter()
        try:
            answer = await exchange(headers)
        except BaseException:
            ended(Call(method, path, None, 0, perf_counter() - started))
            raise
        ended(Call(method, path, answer.status, len(answer.body), perf_counter() - started))
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        params: Params | str | None,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Coroutine[Any, Any, Response]:
        if self._proxied is not None:
            url, named = self._url(path, params, headers)
            return self._proxied.request(method, url, named, content)
        pool, request = self._request(method, path, params, headers, content)
        return pool.request(request, method)

    def _request(
        self,
        method: str,
        path: str,
        params: Params | str | None,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> tuple[Pool, bytes]:
        """Where to send it, and what. A header of the request takes the place of the client's own."""
        if is_absolute(path):
            base, target = _split(path)
            lines = header_lines([("host", base.address.authority), *self._named(base, headers).items()])
            return self._pool(base.address), request_bytes(method, target_of(target, params), lines, content)
        target = target_of(f"{self._base.path}{path}", params)
        return self._own, request_bytes(method, target, self._all_lines(headers), content)

    def _all_lines(self, headers: Mapping[str, str]) -> str:
        """The client's own headers and these, which take the place of its own of the same name."""
        if self._names.isdisjoint(headers):
            return f"{self._lines}{_lines_of(tuple(headers.items()))}"
        named = self._named(self._base, headers)
        return header_lines([("host", self._base.address.authority), *named.items()])

    def _url(
        self, path: str, params: Params | str | None, headers: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]]:
        """The whole URL, as a proxy is asked for it, and all headers."""
        base, target = _split(path) if is_absolute(path) else (self._base, f"{self._base.path}{path}")
        scheme = "https" if base.address.tls else "http"
        return f"{scheme}://{base.address.authority}{target_of(target, params)}", self._named(base, headers)

    def _named(self, base: Base, headers: Mapping[str, str]) -> Mapping[str, str]:
        fixed = dict(self._fixed)
        if base is not self._base and self._base.authorization is not None:
            # Credentials of one address are no other's business.
            fixed.pop("authorization", None)
        return {**fixed, **headers}

    def _pool(self, address: Address) -> Pool:
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = Pool(
                address, timeout_s=self._timeout_s, max_connections=self._max_connections, tls=self._tls
            )
        return pool

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


def _begun(method: str, headers: dict[str, str]) -> Callable[[Call], None]:
    """Adds what goes with a call that is about to be sent; gives what is told its end."""
    if (correlation := correlation_id.get()) is not None:
        headers["x-correlation-id"] = correlation
    watcher = observer.get()
    return _nobody if watcher is None else watcher.begin(method, headers)


def _nobody(call: Call) -> None:
    """Nobody watches."""


def _split(url: str) -> tuple[Base, str]:
    """A whole URL as its origin and what is asked of it."""
    base = parse_base(url)
    _, _, rest = url.partition("://")
    _, slash, target = rest.partition("/")
    return base, f"{slash}{target}" or "/"


_DAY_S = 86_400.0


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds of a ``Retry-After`` header in either of its forms (RFC 9110, 10.2.3); None without one.

    Some vendors send fractions of seconds. Never more than a day.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d*)?", value, re.ASCII):
        return min(float(value), _DAY_S)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        # A date that leaves the zone open ("-0000") is UTC all the same.
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return min(max(0.0, moment.timestamp() - time.time()), _DAY_S)
    except (ValueError, OverflowError):
        return None


ErrorTable = Mapping[str, type[SystemFault]]
"""A vendor's error codes and the faults they stand for."""


def raise_for(response: Response, *, code: str | None, message: str, table: ErrorTable) -> None:
    """Raises the fault that an answer of status 400 or more stands for; returns for any other.

    The vendor's own ``code`` decides where the table has it, the HTTP status elsewhere. ``message``
    must be safe to show: a vendor's text that could quote personal values does not belong in it.
    """
    if response.status < 400 and (code is None or code not in table):
        return
    kind = table.get(code or "") or fault_for_status(response.status)
    text = f"{message} (HTTP {response.status})"
    if issubclass(kind, Throttled):
        raise Throttled(text, retry_after_s=retry_after_s(response.headers), vendor_code=code)
    raise kind(text, vendor_code=code)


__all__ = [
    "Authenticator",
    "Call",
    "ErrorTable",
    "HttpClient",
    "Observer",
    "Params",
    "Prepared",
    "Response",
    "StaticHeaders",
    "Token",
    "TokenAuthenticator",
    "correlation_id",
    "encoded",
    "observer",
    "raise_for",
    "retry_after_s",
]
