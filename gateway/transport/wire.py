"""Short ways for requests and answers that are whole, beside the messages of ASGI, which take them in pieces.

A body that has arrived is given at once, and an answer in one piece is written at once. What is not whole, or
has to wait for its peer, goes by ASGI's messages; so does everything under another server, which has no wire.
"""

from __future__ import annotations

import asyncio

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.transport.one_write import LARGE, OneWrite

WIRE = "fieldgate.wire"
"""Where it stands in a request's scope."""

_OK = STATUS_LINE[200]


class Wire(OneWrite):
    """Of one request: what its answer is written to, and the two short ways."""

    __slots__ = ("_cycle",)

    def __init__(
        self, cycle: RequestResponseCycle, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(transport, loop)
        self._cycle = cycle

    def body(self) -> bytearray | None:
        """Takes the request's body, where all of it is there. None: it comes by ``receive``."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_complete:
            return None
        cycle.flow.resume_reading()
        body = cycle.body
        cycle.body = bytearray()
        cycle.message_event.clear()
        return body

    def answer(self, lines: bytes, body: bytes) -> bool:
        """Answers with 200. False, and nothing is written, where that has to wait: then by ``send``.

        lines: of the head, complete; well-formed, for nobody looks at them.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        head = _OK
        for name, value in cycle.default_headers:
            head += b"%b: %b\r\n" % (name, value)
        head += lines if cycle.keep_alive else lines + b"connection: close\r\n"
        transport = self._transport
        if len(body) > LARGE:
            # Putting a large body together with its head costs more than a second write.
            transport.write(head + b"\r\n")
            transport.write(body)
        else:
            transport.write(b"%b\r\n%b" % (head, body))
        cycle.message_event.set()
        if not cycle.keep_alive:
            transport.close()
        cycle.on_response()
        return True


def wire_of(scope: Scope) -> Wire | None:
    """The wire of a request, where its server has one."""
    return scope.get(WIRE)
