"""One connection to a system: a request, its answer, then the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from adapters.contracts.errors import Malformed, OutcomeUnknown, SystemFault
from adapters.wire.answer import Answer, Headers, whole_answer

MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of an answer, before and after its content coding. A page of any vendor's list is far below."""

_SWITCHING_PROTOCOLS = 101


class Stale(Exception):
    """The other side had closed the idle connection: not a byte of an answer came."""


class WireConnection(asyncio.Protocol):
    """A keep-alive connection. It has one exchange at a time; ``reusable`` tells whether it can have another.

    keep: False once something spoke against another exchange. ``on_lost`` is told once when it is gone.
    transport: once it is made.
    """

    __slots__ = (
        "_complete",
        "_deadline",
        "_head_bytes",
        "_head_only",
        "_headed",
        "_headers",
        "_heard",
        "_loop",
        "_on_lost",
        "_parser",
        "_parts",
        "_rings_at",
        "_size",
        "_status",
        "_timer",
        "_used",
        "_waiter",
        "idle_since",
        "keep",
        "transport",
    )

    def __init__(self, on_lost: Callable[[WireConnection], None]) -> None:
        self._on_lost = on_lost
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self._waiter: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = self._deadline = 0.0
        self._status = 0
        self._used = False
        self.keep = True
        self._head_only = False
        self.idle_since = 0.0

    # What the pool asks

    @property
    def reusable(self) -> bool:
        """Whether nothing is under way, and nothing speaks against another exchange."""
        return self.keep and self._waiter is None and not self.transport.is_closing()

    def exchange(self, request: bytes, deadline: float, head_only: bool) -> asyncio.Future[Answer]:
        """Sends a whole request. The future fails with a ``SystemFault``, or with ``Stale``.

        deadline: by the loop's clock. head_only: the answer has no body, whatever its head says.
        """
        waiter = self._waiter = self._loop.create_future()
        self._heard = False
        self._head_only = head_only
        self._deadline = deadline
        if self._timer is None or self._rings_at > deadline:
            self._arm(deadline)
        self.transport.write(request)
        return waiter

    def abandon(self) -> None:
        """Closes at once; whoever waits for an answer has given up, or hears that it is lost."""
        self._fail(OutcomeUnknown("the connection was closed before the answer came"))
        self.transport.abort()

    def close(self) -> None:
        """Closes an idle connection in good order."""
        self.keep = False
        self.transport.close()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        if waiter is None:
            # Nobody asked: what comes next could be taken for the answer to another request.
            self.close()
            return
        if not self._heard:
            if not self._head_only and (answer := whole_answer(data)) is not None:
                self._end(waiter, answer)
                return
            self._heard = True
            self._size = self._head_bytes = 0
            self._headers: list[tuple[bytes, bytes]] = []
            self._parts: list[bytes] = []
            self._headed = self._complete = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.keep = False
            if not self._complete:
                self._break(
                    Malformed(f"the answer is longer than {MAX_BODY_BYTES} bytes")
                    if self._size > MAX_BODY_BYTES
                    else OutcomeUnknown("the answer is not HTTP as it should be")
                )
                return
        if self._complete:
            self._end(waiter, self._parsed())
        elif not self._headed:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._break(Malformed(f"the head of the answer is longer than {MAX_HEAD_BYTES} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        if (waiter := self._waiter) is not None:
            if not self._heard and self._used:
                self._fail(Stale())
            elif exc is None and self._heard and self._headed and self._ends_with_connection():
                self._end(waiter, self._parsed())
            else:
                self._fail(OutcomeUnknown("the connection broke before the answer was whole"))
        self.keep = False
        self._disarm()
        self._on_lost(self)

    # What the parser tells

    def on_message_begin(self) -> None:
        if self._complete:
            # More than one answer to one request.
            self.keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            # An answer for the meantime (RFC 9110, 15.2): the real one follows.
            self._headers.clear()
            return
        self._status = status
        self._headed = True
        if self._head_only:
            self._complete = True
            self.keep = False

    def on_body(self, body: bytes) -> None:
        if self._complete:
            return
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            raise ValueError("too long")
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._headed and not self._complete:
            self._complete = True
            self.keep = self._parser.should_keep_alive()

    # How an exchange ends

    def _parsed(self) -> Answer:
        return Answer(self._status, Headers.of(self._headers), b"".join(self._parts))

    def _end(self, waiter: asyncio.Future[Answer], answer: Answer) -> None:
        self._waiter = None
        self._used = True
        if self.transport.get_write_buffer_size():
            # It answered before it had heard all: what is left would be read as another request.
            self.keep = False
        if not waiter.done():
            waiter.set_result(answer)

    # The timer of an exchange is left for the next one, whose deadline comes later: so it costs nothing.

    def _arm(self, at: float) -> None:
        self._disarm()
        self._timer, self._rings_at = self._loop.call_at(at, self._expire), at

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._arm(self._deadline)
        else:
            self._break(OutcomeUnknown("no answer in time", timed_out=True))

    def _break(self, fault: SystemFault) -> None:
        self._fail(fault)
        self.transport.abort()

    def _fail(self, fault: SystemFault | Stale) -> None:
        self.keep = False
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(fault)

    def _ends_with_connection(self) -> bool:
        """Whether the body has no other end than the connection's (RFC 9112, 6.3)."""
        names = {name.lower() for name, _ in self._headers}
        return b"content-length" not in names and b"transfer-encoding" not in names
