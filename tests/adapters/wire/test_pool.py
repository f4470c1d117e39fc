"""Connections: kept, bounded, given up, closed by the other side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.contracts.errors import OutcomeUnknown, Unreachable
from adapters.http import HttpClient
from adapters.wire import pool as wire_pool
from tests.adapters.wire.peer import Heard, Peer, Say, ok, peer, until

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[HttpClient]:
    made = HttpClient(url, **options)
    try:
        yield made
    finally:
        await made.aclose()


async def test_one_connection_serves_one_after_another() -> None:
    async with peer(ok()) as server, client(server.url) as http:
        for _ in range(50):
            await http.send("GET", "/")
    assert (server.connections, len(server.heard)) == (1, 50)


async def test_never_more_than_the_bound_and_all_are_served() -> None:
    under_way = most = 0

    async def count(_heard: Heard, say: Say) -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        await say(ok())
        return True

    async with peer(count) as server, client(server.url, max_connections=3) as http:
        answers = await asyncio.gather(*(http.send("GET", f"/{n}") for n in range(100)))
    assert {each.status for each in answers} == {200}
    assert (server.connections, most) == (3, 3)


async def test_said_to_be_the_last_answer_of_its_connection() -> None:
    async with peer(ok(b"{}", "connection: close")) as server, client(server.url, max_connections=2) as http:
        answers = await asyncio.gather(*(http.send("GET", "/") for _ in range(10)))
    assert {each.status for each in answers} == {200}
    assert server.connections == 10


async def test_who_waits_gets_the_place_of_a_connection_that_broke() -> None:
    async def first_breaks(heard: Heard, say: Say) -> bool:
        if heard.line.startswith("POST"):
            return False
        await say(ok())
        return True

    async with peer(first_breaks) as server, client(server.url, max_connections=1) as http:
        results = await asyncio.gather(
            http.send("POST", "/"), http.send("GET", "/"), http.send("GET", "/"), return_exceptions=True
        )
    assert isinstance(results[0], OutcomeUnknown)
    assert [getattr(each, "status", None) for each in results[1:]] == [200, 200]


async def test_who_waits_is_served_when_others_cannot_connect() -> None:
    async with client("http://127.0.0.1:1", max_connections=1) as http:
        results = await asyncio.gather(*(http.send("GET", "/") for _ in range(5)), return_exceptions=True)
    assert {type(each) for each in results} == {Unreachable}


async def test_who_gives_up_takes_no_place_with_him() -> None:
    release = asyncio.Event()

    async def hold(heard: Heard, say: Say) -> bool:
        if heard.line.startswith("GET /held"):
            await release.wait()
        await say(ok(heard.line.encode()))
        return True

    async with peer(hold) as server, client(server.url, max_connections=2) as http:
        held = [asyncio.create_task(http.send("GET", f"/held{n}")) for n in range(2)]
        await until(lambda: len(server.heard) == 2)
        waiting = [asyncio.create_task(http.send("GET", f"/{n}")) for n in range(4)]
        await asyncio.sleep(0)
        for task in (*held, waiting[0], waiting[2]):
            task.cancel()
        await asyncio.gather(*held, waiting[0], waiting[2], return_exceptions=True)
        assert (await waiting[1]).body == b"GET /1 HTTP/1.1"
        assert (await waiting[3]).body == b"GET /3 HTTP/1.1"
        # What was given up is answered on connections that nobody listens to any more.
        release.set()
        assert (await http.send("GET", "/last")).body == b"GET /last HTTP/1.1"


async def test_an_idle_connection_that_was_closed_is_replaced() -> None:
    async with peer(ok()) as server, client(server.url) as http:
        await http.send("GET", "/")
        server.hang_up()
        await until(lambda: not http._own._connections)
        assert (await http.send("POST", "/")).status == 200
    assert [each.connection for each in server.heard] == [1, 2]


async def closes_on_the_second(heard: Heard, say: Say) -> bool:
    """A server that closes an idle connection just as the next request arrives on it."""
    if heard.connection == 1 and heard.line.endswith("/second HTTP/1.1"):
        return False
    await say(ok(b"answered"))
    return True


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_may_be_sent_twice_is(method: str) -> None:
    async with peer(closes_on_the_second) as server, client(server.url) as http:
        await http.send("GET", "/first")
        assert (await http.send(method, "/second")).body == b"answered"
    assert [each.connection for each in server.heard] == [1, 1, 2]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_may_not_be_sent_twice_is_an_unknown_outcome(method: str) -> None:
    async with peer(closes_on_the_second) as server, client(server.url) as http:
        await http.send("GET", "/first")
        with pytest.raises(OutcomeUnknown):
            await http.send(method, "/second")
    assert len(server.heard) == 2


async def test_a_write_takes_no_connection_that_was_idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_pool, "FRESH_S", 0.0)
    async with peer(ok()) as server, client(server.url) as http:
        await http.send("GET", "/")
        await http.send("GET", "/")
        await http.send("POST", "/")
    assert [each.connection for each in server.heard] == [1, 1, 2]


async def test_idle_connections_are_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_pool, "IDLE_S", 0.0)
    async with peer(ok()) as server, client(server.url) as http:
        await http.send("GET", "/")
        await until(lambda: not http._own._connections)
        await http.send("GET", "/")
    assert server.connections == 2


async def test_words_that_nobody_asked_for_close_the_connection() -> None:
    said = asyncio.Event()

    async def talkative(heard: Heard, say: Say) -> bool:
        await say(ok(b"asked"))
        if heard.connection == 1:
            await said.wait()
            await say(ok(b"planted"))
        return True

    async with peer(talkative) as server, client(server.url) as http:
        await http.send("GET", "/")
        said.set()
        await until(lambda: not http._own._connections)
        assert (await http.send("GET", "/")).body == b"asked"
    assert server.connections == 2


async def test_closing_ends_what_is_under_way() -> None:
    async def never(_heard: Heard, _say: Say) -> None:
        await asyncio.Event().wait()

    made: Peer
    async with peer(never) as made:
        http = HttpClient(made.url)
        task = asyncio.create_task(http.send("GET", "/"))
        await until(lambda: made.heard)
        await http.aclose()
        with pytest.raises(OutcomeUnknown):
            await task


async def test_a_closed_client_opens_no_more_connections() -> None:
    async def never(_heard: Heard, _say: Say) -> None:
        await asyncio.Event().wait()

    async with peer(never) as made:
        http = HttpClient(made.url, max_connections=1)
        under_way = asyncio.create_task(http.send("GET", "/"))
        await until(lambda: made.heard)
        waiting = asyncio.create_task(http.send("GET", "/"))
        await until(lambda: http._own._waiting)
        await http.aclose()
        with pytest.raises(OutcomeUnknown):
            await under_way
        for refused in (waiting, http.send("GET", "/")):
            with pytest.raises(Unreachable):
                await refused
    assert made.connections == 1


async def test_the_timer_of_an_exchange_that_ended_ends_no_other() -> None:
    release = asyncio.Event()

    async def hold(heard: Heard, say: Say) -> bool:
        if heard.line.startswith("GET /held"):
            await release.wait()
        await say(ok())
        return True

    async with peer(hold) as server, client(server.url) as http:
        await http.send("GET", "/")
        held = asyncio.create_task(http.send("GET", "/held"))
        await until(lambda: len(server.heard) == 2)
        (connection,) = http._own._connections
        # As the loop does when the time of the first exchange would have been up.
        connection._expire()
        release.set()
        assert (await held).status == 200


async def test_a_later_exchange_of_a_connection_has_its_deadline_too() -> None:
    async def once(heard: Heard, say: Say) -> bool:
        if heard.line.startswith("GET /held"):
            await asyncio.Event().wait()
        await say(ok())
        return True

    async with peer(once) as server, client(server.url) as http:
        await http.send("GET", "/")
        http._own._timeout_s = 0.05
        with pytest.raises(OutcomeUnknown, match="no answer in time"):
            await http.send("GET", "/held")
        assert len(server.heard) == 2
