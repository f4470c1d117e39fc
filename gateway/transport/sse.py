"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: one request, one operation, one stream of
``next`` and a last ``complete``. A request that is refused gets a status and JSON, before any stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from gateway.auth.session import Session
from gateway.observability.metrics import SLOW_CONSUMERS
from gateway.transport.drain import Drain, reconnect_after_ms
from gateway.transport.errors import request_error
from gateway.transport.fanout import Fanout
from gateway.transport.operation import Plan
from gateway.transport.payload import Payload
from resolvers.errors import Code

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE_S = 15.0

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept, origin"),
    # Proxies of the nginx family hold an answer back until they have a buffer full of it.
    (b"x-accel-buffering", b"no"),
)
_COMPLETE = b"event: complete\ndata:\n\n"


def single(body: Mapping[str, Any]) -> bytes:
    """The stream of an operation that has one result."""
    return _next(orjson.dumps(body)) + _COMPLETE


def _next(body: bytes) -> bytes:
    return b"event: next\ndata: " + body + b"\n\n"


class EventStream:
    """The answer to one subscription: an ASGI application, and a sink."""

    def __init__(
        self,
        fanout: Fanout,
        plan: Plan,
        drain: Drain,
        session: Session,
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._fanout = fanout
        self._plan = plan
        self._drain = drain
        self._session = session
        self._max_waiting = fanout.max_waiting
        self._keep_alive_s = keep_alive_s
        self._queue: deque[Payload] = deque()
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._last: str | None = None
        self._end: bytes | None = None
        self._leave: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._stream(receive, send)
        finally:
            self._plan.end()

    async def _stream(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        self._leave = self._fanout.subscribe(self._plan, self)
        gone = asyncio.create_task(_disconnected(receive))
        writing = asyncio.create_task(self._write(send))
        self._drain.add(self._told_to_leave)
        forget = self._session.on_end(self._told_to_end)
        try:
            await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._drain.remove(self._told_to_leave)
            forget()
            self._leave()
            for task in (gone, writing):
                task.cancel()
            await asyncio.gather(gone, writing, return_exceptions=True)

    def next(self, payload: Payload) -> None:
        if self._end is not None:
            return
        if len(self._queue) >= self._max_waiting:
            resume = "" if self._last is None else f"; resume after {self._last}"
            message = f"{self._max_waiting} events wait and are not read{resume}"
            error = request_error(Code.RATE_LIMITED, message, self._plan.watch.context.correlation_id)
            error["extensions"] |= {"retryable": True, "cursor": self._last}
            self._queue.clear()
            SLOW_CONSUMERS.labels("sse").inc()
            self.fail(error)
            return
        self._queue.append(payload)
        self._room.clear()
        self._ready.set()

    def fail(self, error: Mapping[str, Any]) -> None:
        if self._end is None:
            self._finish(_next(orjson.dumps({"errors": [error]})) + _COMPLETE)

    async def room(self) -> None:
        await self._room.wait()

    def _told_to_leave(self) -> None:
        # No ``complete``: the operation is not over, and the client comes back.
        self._finish(b"retry: %d\n\n" % reconnect_after_ms())

    def _told_to_end(self, reason: str) -> None:
        self.fail(request_error(Code.UNAUTHENTICATED, reason, self._plan.watch.context.correlation_id))

    def _finish(self, last: bytes) -> None:
        self._end = last
        self._leave()
        self._ready.set()

    async def _write(self, send: Send) -> None:
        # The first byte tells the client, and proxies on the way, that the stream is open.
        chunk = b":\n\n"
        while True:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not self._queue:
                self._room.set()
            try:
                async with asyncio.timeout(self._keep_alive_s):
                    await self._ready.wait()
            except TimeoutError:
                chunk = b":\n\n"
                continue
            self._ready.clear()
            payloads = list(self._queue)
            self._queue.clear()
            if payloads:
                self._last = payloads[-1].cursor
            chunk = b"".join(_next(payload.body) for payload in payloads)
            if self._end is not None:
                await send({"type": "http.response.body", "body": chunk + self._end, "more_body": False})
                return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
