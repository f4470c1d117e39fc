"""A server of bare sockets that says, byte for byte, what a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Heard:
    """One request: its head as it came, and the connection, numbered from 1, that it came on."""

    head: str
    body: bytes
    connection: int

    @property
    def line(self) -> str:
        return self.head.split("\r\n", 1)[0]

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            found, _, value = line.partition(": ")
            if found.lower() == name:
                return value
        return None


Say = Callable[[bytes], Awaitable[None]]
Script = Callable[[Heard, Say], Awaitable[bool | None]]
"""Says what it says to a request; True keeps the connection open for the next one."""


@dataclass
class Peer:
    script: Script
    url: str = ""
    heard: list[Heard] = field(default_factory=list[Heard])
    connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._writers.add(writer)

        async def say(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            more: bool | None = True
            while more:
                head = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1")
                heard = Heard(head, b"", number)
                length = int(heard.header("content-length") or "0")
                heard.body = await reader.readexactly(length)
                self.heard.append(heard)
                more = await self.script(heard, say)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Closes every connection, whatever is under way on it."""
        for writer in tuple(self._writers):
            writer.close()


@contextlib.asynccontextmanager
async def peer(script: Script | bytes, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """The server while the test lasts. Bytes: said to every request, keeping the connection open."""
    if isinstance(script, bytes):
        fixed = script

        async def always(_heard: Heard, say: Say) -> bool:
            await say(fixed)
            return True

        made = Peer(always)
    else:
        made = Peer(script)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    made.url = f"{'https' if tls else 'http'}://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield made
    finally:
        server.close()
        made.hang_up()


def ok(body: bytes = b"{}", *lines: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


async def until(true: Callable[[], object]) -> None:
    """As many turns of the loop as it takes until something is so; pytest's own limit ends a wait in vain."""
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0)
