"""A head and a body in one write: uvicorn writes them one after the other, and each write is a call of the
system, a segment on the wire, and for many clients a wake-up.
"""

from __future__ import annotations

import asyncio

LARGE = 65_536
"""Bytes of a body that is written by itself."""


def write_both(transport: asyncio.Transport, head: bytes, body: bytes) -> None:
    """In one write, but for a large body: putting it together with its head costs more than a second one."""
    if len(body) > LARGE:
        transport.write(head)
        transport.write(body)
    else:
        transport.write(head + body)


class OneWrite:
    """What a request's answer is written to. The first thing written waits for the second, but only until the
    loop turns: the head of a stream goes out though nothing follows."""

    __slots__ = ("_held", "_loop", "_transport", "_written")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self._written = False

    def write(self, data: bytes) -> None:
        if not self._written:
            self._written = True
            self._held = data
            self._loop.call_soon(self._flush)
        elif self._held:
            held, self._held = self._held, b""
            write_both(self._transport, held, data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
