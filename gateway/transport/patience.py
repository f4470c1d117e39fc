"""HTTP/1.1 with an end to patience: uvicorn's protocol waits for slow peers for ever, bounds no head, and
takes any number of connections.

A request that arrives whole in one piece, as nearly all do, arms no timer, and one timer watches over the
idleness of a connection, however many requests come. One for which there is no room is
answered once its head is there, so that its sender reads the answer.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.limits.settings import LimitSettings
from gateway.observability.metrics import CONNECTIONS_REFUSED
from gateway.transport.correlation import HEADER
from gateway.transport.errors import request_error
from gateway.transport.exchange import Exchange
from gateway.transport.head import HEAD
from gateway.transport.room import RETRY_AFTER_S, Room
from resolvers.errors import Code

_REMEMBERED_BYTES = 100
"""Targets up to this length are parsed once: nearly all requests are for the same few."""

_UNUSUAL = frozenset({b"expect", b"x-forwarded-for", b"x-forwarded-proto"})
"""Headers that change how a request is handed over."""

_HEALTH = b"/health/"
"""What is asked here is answered even to those for whom there is no room: who watches the process asks it."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol within ``limits`` and ``room``; see ``patient``."""

    limits = LimitSettings()
    room = Room(limits)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = "head"
        self._armed = ""
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._refused = False
        self._inside = False
        self._head_bytes = 0
        self._piece = 0
        self._idle_since: float | None = None
        self._receiving: Exchange | None = None
        """The request whose body is to come; None between requests, and for one that uvicorn handles."""
        app: Any = self.app
        self._through_proxy: Any = app
        self._straight: Any = app.app if isinstance(app, ProxyHeadersMiddleware) else app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._same_scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
        }
        """What is the same for all requests of the connection."""
        if self._enter() or self.room.wait(transport):
            self._arm()
        else:
            CONNECTIONS_REFUSED.labels("cut").inc()
            self._refused = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super()._unset_keepalive_if_required()
        self.room.leave(self.transport)
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        in_head = self._stage != "body"
        self._piece = len(data)
        super().data_received(data)
        if not self._stage or self.transport.is_closing() or self.transport.get_protocol() is not self:
            if self._armed:
                self._disarm()
        else:
            self._head_bytes = self._head_bytes + len(data) if in_head and self._stage == "head" else 0
            if self._head_bytes > self.limits.head_bytes:
                self._too_long()
            elif self._armed != self._stage:
                self._arm()

    def on_message_begin(self) -> None:
        self._stage = "head"
        self._head_bytes = 0
        self._receiving = None
        # What uvicorn's own sets.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        scope: Any = {**self._same_scope, "headers": self.headers, "state": self.app_state.copy()}
        self.scope = scope

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._stage = "body"
        # Counted exactly only where the pieces that it came in are longer.
        if self._head_bytes + self._piece > self.limits.head_bytes and self._size() > self.limits.head_bytes:
            self._too_long()
        elif self._inside or self._enter() or self.url.startswith(_HEALTH):
            self._begin()
        else:
            CONNECTIONS_REFUSED.labels("told").inc()
            message = "The gateway has as many connections as it takes; ask again later"
            self._refuse(503, message, Code.RATE_LIMITED, f"retry-after: {RETRY_AFTER_S}\r\n")

    def _begin(self) -> None:
        """Hands the request over, as uvicorn does; its bound on requests under way is not used here."""
        scope: Any = self.scope
        parser: Any = self.parser
        head = scope[HEAD] = dict(self.headers)
        app = self._straight
        if not _UNUSUAL.isdisjoint(head):
            if b"x-forwarded-for" in head or b"x-forwarded-proto" in head:
                # uvicorn's reading of these headers changes nothing for requests without them.
                app = self._through_proxy
            self.expect_100_continue = head.get(b"expect", b"").lower() == b"100-continue"
        url = self.url
        target = _target(url) if len(url) <= _REMEMBERED_BYTES else _target.__wrapped__(url)
        if target is None or (b"upgrade" in head and parser.should_upgrade()):
            self.app = app
            super().on_headers_complete()
            return
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope.update(target)
        before: Any = self.cycle
        keep_alive = version != "1.0" and parser.should_keep_alive()
        exchange = self.cycle = self._receiving = Exchange(self, keep_alive=keep_alive)
        if before is None or before.response_complete:
            exchange.start(app, self.loop)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """For requests that waited behind another."""
        if isinstance(cycle, Exchange):
            cycle.start(app, self.loop)
        else:
            super()._start_asgi_task(cycle, app)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        exchange = self._receiving
        if exchange is None:
            if not self._refused:
                super().on_body(body)
        elif not (exchange.response_complete or self._refused):
            exchange.body += body
            if len(exchange.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            if exchange.awaited:
                exchange.message_event.set()

    def on_message_complete(self) -> None:
        self._stage = ""
        exchange = self._receiving
        if exchange is None:
            if not self._refused:
                super().on_message_complete()
        elif not (exchange.response_complete or self._refused):
            exchange.more_body = False
            if exchange.awaited:
                exchange.message_event.set()

    def handle_websocket_upgrade(self) -> None:
        if not self._refused:
            super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """For what is no HTTP. What was refused already is not refused twice."""
        if not self._refused:
            self._refuse(400, msg)

    def on_response_complete(self) -> None:
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.flow.read_paused:
            self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch_idleness(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        """A request has come. The timer runs on: a timer for each request costs more than one in vain."""
        self._idle_since = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._watch_idleness(left)
        else:
            super().timeout_keep_alive_handler()

    def _watch_idleness(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _enter(self) -> bool:
        host = None if self.client is None else self.client[0]
        self._inside = self.room.enter(self.transport, host)
        return self._inside

    def _arm(self) -> None:
        self._disarm()
        self._armed = self._stage
        seconds = self.limits.head_s if self._stage == "head" else self.limits.body_s
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        self._armed = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _under_way(self) -> RequestResponseCycle | None:
        """The last request's; none before the first."""
        return self.cycle

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        cycle = self._under_way
        if self._stage == "body" and cycle is not None and cycle.response_started:
            # It was answered before it had come to its end.
            self.transport.close()
            return
        seconds = self.limits.head_s if self._stage == "head" else self.limits.body_s
        self._refuse(408, f"The {self._stage} of the request did not arrive within {seconds:g} s")

    def _too_long(self) -> None:
        self._refuse(431, f"The head of the request is longer than {self.limits.head_bytes} bytes")

    def _refuse(self, status: int, message: str, code: Code = Code.BAD_USER_INPUT, more: str = "") -> None:
        """Answers beside the application, which never saw the request, or learns that its peer is gone."""
        self._refused = True
        correlation_id = uuid.uuid4().hex
        error = request_error(code, message, correlation_id)
        error["extensions"]["retryable"] = status == 503
        body = orjson.dumps({"errors": [error]})
        head = (
            f"content-type: application/json; charset=utf-8\r\n{HEADER}: {correlation_id}\r\n"
            f"content-length: {len(body)}\r\ncache-control: no-store\r\n{more}connection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head.encode() + body)
        self._disarm()
        cycle = self._under_way
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


@functools.lru_cache(256)
def _target(url: bytes) -> Mapping[str, str | bytes] | None:
    """What a request is for, as ASGI has it: the path, the same as it was sent, and the query.

    None for what is no path: a whole URL, as proxies are asked for it, or the host of a tunnel.
    """
    if not url.startswith(b"/") or b"#" in url:
        return None
    raw_path, _, query = url.partition(b"?")
    path = raw_path.decode("ascii")
    return {
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
    }


def patient(limits: LimitSettings, room: Room) -> type[PatientProtocol]:
    """The protocol with these limits: uvicorn makes the instances, and passes it nothing of ours."""
    return type("PatientProtocol", (PatientProtocol,), {"limits": limits, "room": room})
