"""One request and its answer as uvicorn keeps them, with short ways for those that are whole.

ASGI's messages take a body and an answer in pieces. A body that has arrived is given at once, and an answer
in one piece is written at once. What is not whole, or has to wait for its peer, goes by the messages; so does
everything under another server, which has no exchange.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Coroutine
from typing import Any, cast

from starlette.types import Message, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.transport.one_write import OneWrite, write_both

EXCHANGE = "fieldgate.exchange"
"""Where it stands in a request's scope."""

_OK = STATUS_LINE[200]


class Exchange(RequestResponseCycle):
    """Of one request of a connection."""

    # What is the same for all of them when they begin.
    logger = logging.getLogger("uvicorn.error")
    access_logger = logging.getLogger("uvicorn.access")
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    awaited = False
    """Whether somebody has waited for what comes of the request."""
    _taken = False

    def __init__(self, protocol: HttpToolsProtocol, *, keep_alive: bool) -> None:
        # All that uvicorn's own sets, which takes eleven arguments for it.
        scope: Any = protocol.scope
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.access_log = protocol.access_log
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body = bytearray()
        self.tasks = protocol.tasks
        scope[EXCHANGE] = self

    @functools.cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]
        """Made when it is waited for: nobody waits for a request that is whole when it is looked at."""
        self.awaited = True
        event = asyncio.Event()
        if not self._taken and (self.body or not self.more_body):
            event.set()
        return event

    def start(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Runs the application on it, in a task that is among the connection's for as long as it runs."""
        self._task = loop.create_task(self.run_asgi(app))
        self.tasks.add(self._task)

    async def run_asgi(self, app: Any) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # noqa: BLE001 - uvicorn's own knows what becomes of it
            await super().run_asgi(_raising(error))
        else:
            if not self.response_complete:
                await super().run_asgi(_silent)
        finally:
            # It, its scope and what it calls hold each other; the collector of cycles runs seldom.
            self.on_response = _nothing
            scope: Any = self.scope
            del scope[EXCHANGE]
            # Not by a callback of the task's: the loop would have to turn once more for it.
            self.tasks.discard(self._task)

    def whole_body(self) -> bytearray | None:
        """Takes the request's body, where all of it is there. None: it comes by ``receive``."""
        if self.more_body or self.disconnected or self.response_complete:
            return None
        if self.flow.read_paused:
            self.flow.resume_reading()
        body = self.body
        self.body = bytearray()
        self._taken = True
        if self.awaited:
            self.message_event.clear()
        return body

    def answer(self, lines: bytes, body: bytes) -> bool:
        """Answers with 200. False, and nothing is written, where that has to wait: then by ``send``.

        lines: of the head, complete; well-formed, for nobody looks at them.
        """
        if self.response_started or self.disconnected or self.flow.write_paused:
            return False
        self.response_started = self.response_complete = True
        head = _OK
        for name, value in self.default_headers:
            head += b"%b: %b\r\n" % (name, value)
        head += lines + (b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        write_both(self.transport, head, body)
        if self.awaited:
            self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True

    def send(self, message: Message) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        """As ASGI has it; the head and what comes with it in one write."""
        if not self.response_started:
            wire = OneWrite(self.transport, asyncio.get_running_loop())
            self.transport = cast(asyncio.Transport, wire)
        return super().send(cast(Any, message))


def _nothing() -> None: ...


async def _silent(scope: Any, receive: Any, send: Any) -> None: ...


def _raising(error: BaseException) -> Any:
    async def failed(scope: Any, receive: Any, send: Any) -> None:
        raise error

    return failed


def exchange_of(scope: Scope) -> Exchange | None:
    """The exchange of a request, where its server has one."""
    return scope.get(EXCHANGE)
