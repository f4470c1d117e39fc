"""Between the socket and the application: whole requests and answers, idleness, heads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.limits.settings import LimitSettings
from gateway.serving import KEEP_ALIVE_S, server_config
from gateway.transport.exchange import exchange_of
from gateway.transport.one_write import LARGE
from gateway.transport.patience import PatientProtocol
from tests.support.wire import Wire

pytestmark = pytest.mark.anyio

LINES = b"content-type: text/plain\r\ncontent-length: %d\r\n"


class Socket(Wire):
    """With what a protocol asks of its connection."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.protocol: Any = None

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_protocol(self) -> Any:
        return self.protocol


class Clock:
    """The loop, with a time that is set and timers that run when they are told to."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.timers.append((self.now + delay, callback))
        return self._loop.call_later(3600, lambda: None)

    def fire(self) -> None:
        """Goes on to the one timer there is, and runs it."""
        ((self.now, callback),) = self.timers
        self.timers.clear()
        callback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


async def served(app: Any, clock: Clock | None = None, **limits: Any) -> tuple[PatientProtocol, Socket]:
    """A connection to an application."""
    config = server_config(app, LimitSettings(**limits))
    config.load()
    kind = cast(type[PatientProtocol], config.http_protocol_class)
    protocol = kind(config=config, server_state=ServerState(), app_state={}, _loop=clock)
    socket = Socket()
    socket.protocol = protocol
    protocol.connection_made(socket)
    if clock is not None:
        clock.timers.clear()
    return protocol, socket


async def until_done(protocol: PatientProtocol) -> None:
    await asyncio.gather(*protocol.tasks)


def post(body: bytes, *lines: bytes) -> bytes:
    head = (b"POST / HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a whole request with its body, and any other with 202."""
    exchange = exchange_of(scope)
    assert exchange is not None
    body = exchange.whole_body()
    if body is None or not exchange.answer(LINES % len(body), bytes(body)):
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def test_a_whole_request_is_answered_in_one_write():
    protocol, socket = await served(echo)
    for body in (b"first", b"second"):
        protocol.data_received(post(body))
        await until_done(protocol)
        (answer,) = socket.sent
        assert answer == b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (LINES % len(body), body)
        socket.sent.clear()
    assert not socket.closed


async def test_a_large_answer_goes_out_by_itself():
    protocol, socket = await served(echo)
    body = bytes(LARGE + 1)
    protocol.data_received(post(body))
    await until_done(protocol)
    assert [len(each) for each in socket.sent] == [len(socket.sent[0]), len(body)]
    assert socket.sent[0].endswith(b"\r\n\r\n")


async def test_a_connection_that_is_not_to_be_kept_is_closed_after_the_answer():
    protocol, socket = await served(echo)
    protocol.data_received(post(b"last", b"connection: close"))
    await until_done(protocol)
    assert b"\r\nconnection: close\r\n\r\nlast" in socket.sent[0]
    assert socket.closed


async def test_a_body_in_pieces_and_a_peer_that_reads_slowly_go_the_long_way():
    protocol, socket = await served(echo)
    whole = post(b"in two")
    protocol.data_received(whole[:-3])
    await until_done(protocol)
    assert socket.sent[0].startswith(b"HTTP/1.1 202 ")

    protocol, socket = await served(echo)
    protocol.pause_writing()
    protocol.data_received(post(b"slow"))
    await asyncio.sleep(0)
    assert socket.sent == []
    protocol.resume_writing()
    await until_done(protocol)
    assert socket.sent[0].startswith(b"HTTP/1.1 202 ")


async def test_a_body_in_pieces_is_received_to_its_end():
    received: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()

    async def receiving(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            received.put_nowait((message["body"], more))
        await echo(scope, receive, send)

    protocol, socket = await served(receiving)
    whole = post(b"in three")
    protocol.data_received(whole[:-6])
    assert await received.get() == (b"in", True)
    protocol.data_received(whole[-6:-2])
    assert await received.get() == (b" thr", True)
    protocol.data_received(whole[-2:])
    assert await received.get() == (b"ee", False)
    await until_done(protocol)
    assert b"".join(socket.sent).endswith(b"\r\n\r\n")


async def test_who_took_the_whole_body_is_told_of_nothing_but_that_the_peer_is_gone():
    told: asyncio.Queue[str] = asyncio.Queue()

    async def taking(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        assert exchange is not None
        assert exchange.whole_body() == b"taken"
        told.put_nowait("taken")
        told.put_nowait((await receive())["type"])

    protocol, _ = await served(taking)
    protocol.data_received(post(b"taken"))
    assert await told.get() == "taken"
    # What was there already would have been told in the same step.
    assert told.empty()
    protocol.connection_lost(None)
    assert await told.get() == "http.disconnect"
    await until_done(protocol)


async def test_requests_one_after_the_other_in_one_piece_are_answered_in_order():
    protocol, socket = await served(echo)
    protocol.data_received(post(b"one") + post(b"two") + post(b"three"))
    while protocol.tasks:
        await until_done(protocol)
    assert [each.rpartition(b"\r\n")[2] for each in socket.sent] == [b"one", b"two", b"three"]


@pytest.mark.parametrize("raising", [True, False])
async def test_an_application_that_fails_or_says_nothing_is_a_fault_of_the_server(raising: bool):
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if raising:
            raise RuntimeError("the password is hunter2")

    protocol, socket = await served(failing)
    protocol.data_received(post(b"x"))
    await until_done(protocol)
    assert protocol.tasks == set()
    assert b"".join(socket.sent).startswith(b"HTTP/1.1 500 ")
    assert b"hunter2" not in b"".join(socket.sent)


async def test_one_timer_watches_a_connection_and_closes_it_when_it_was_idle_for_long():
    clock = Clock()
    protocol, socket = await served(echo, clock)
    protocol.data_received(post(b"at 0"))
    await until_done(protocol)
    clock.now = 50.0
    protocol.data_received(post(b"at 50"))
    await until_done(protocol)
    assert [at for at, _ in clock.timers] == [KEEP_ALIVE_S]
    clock.fire()
    assert not socket.closed
    assert [at for at, _ in clock.timers] == [50 + KEEP_ALIVE_S]
    clock.fire()
    assert socket.closed


async def test_the_timer_does_not_end_a_request_that_is_under_way():
    clock, held = Clock(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        assert exchange is not None
        if bytes(exchange.whole_body() or b"") == b"slow":
            await held.wait()
        exchange.answer(LINES % 0, b"")

    protocol, socket = await served(slow, clock)
    protocol.data_received(post(b"fast"))
    await until_done(protocol)
    protocol.data_received(post(b"slow"))
    clock.fire()
    assert (socket.closed, clock.timers) == (False, [])
    held.set()
    await until_done(protocol)
    assert [at for at, _ in clock.timers] == [2 * KEEP_ALIVE_S]


async def test_heads_in_two_pieces_do_not_add_up():
    protocol, socket = await served(echo, head_bytes=2_048)
    request = post(b"", b"x-long: " + b"a" * 1_500)
    for _ in range(5):
        protocol.data_received(request[:1_000])
        protocol.data_received(request[1_000:])
        await until_done(protocol)
    assert [each[:12] for each in socket.sent] == [b"HTTP/1.1 200"] * 5
    protocol.data_received(post(b"", b"x-long: " + b"a" * 2_048)[:2_060])
    assert socket.sent[5].startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ((), (("127.0.0.1", 1), "http")),
        ((b"x-forwarded-for: 192.0.2.7",), (("192.0.2.7", 0), "http")),
        ((b"X-Forwarded-Proto: https",), (("127.0.0.1", 1), "https")),
    ],
)
async def test_a_proxy_on_the_same_machine_says_for_whom_it_asks(headers: tuple[bytes, ...], seen: Any):
    asked: list[Any] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append((scope["client"], scope["scheme"]))
        await echo(scope, receive, send)

    protocol, _ = await served(note)
    protocol.data_received(post(b"x", *headers))
    await until_done(protocol)
    assert asked == [seen]


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"/", ("/", b"/", b"")),
        (b"/a%20b/%C3%A9?c=%20&d", ("/a b/é", b"/a%20b/%C3%A9", b"c=%20&d")),
        (b"//a/../b", ("//a/../b", b"//a/../b", b"")),
        (b"/" + b"a" * 200 + b"?b?c", ("/" + "a" * 200, b"/" + b"a" * 200, b"b?c")),
        (b"http://x/a?b", ("/a", b"/a", b"b")),
        (b"/a?b#c", ("/a", b"/a", b"b")),
    ],
)
async def test_what_a_request_is_for(target: bytes, seen: Any):
    asked: list[Any] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append((scope["path"], scope["raw_path"], scope["query_string"]))
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    protocol, socket = await served(note)
    protocol.data_received(post(b"x").replace(b" / ", b" " + target + b" ", 1))
    await until_done(protocol)
    assert asked == [seen]
    assert socket.sent[0].startswith(b"HTTP/1.1 204 ")


async def test_an_upgrade_that_nobody_offers_is_answered_as_a_plain_request():
    asked: list[str] = []

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    protocol, socket = await served(told)
    protocol.data_received(post(b"", b"connection: upgrade", b"upgrade: h2c"))
    await until_done(protocol)
    assert asked == ["/"]
    assert b"".join(socket.sent).startswith(b"HTTP/1.1 204 ")
