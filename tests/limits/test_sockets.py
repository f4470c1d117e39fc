"""WebSockets that send too much, too fast, too often, or from where they should not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.limits.conftest import FOREIGN
from tests.support.sandbox import Gateway

pytestmark = pytest.mark.anyio

EVENTS = {"query": "subscription { businessEvents { id } }"}


def connecting(gateway: Gateway, **options: Any) -> Any:
    url = gateway.url.replace("http", "ws") + "/graphql"
    return websockets.connect(url, subprotocols=["graphql-transport-ws"], **options)  # type: ignore[list-item]


@pytest.fixture
async def peer(strict: Gateway) -> AsyncIterator[ClientConnection]:
    async with connecting(strict) as opened:
        await greet(opened, strict)
        yield opened


async def greet(peer: ClientConnection, strict: Gateway) -> None:
    payload = {"authorization": strict.http.headers["authorization"]}
    await peer.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await peer.recv()) == {"type": "connection_ack"}


async def begin(peer: ClientConnection, id: str, payload: dict[str, Any]) -> None:
    await peer.send(json.dumps({"type": "subscribe", "id": id, "payload": payload}))


async def test_a_message_that_is_too_long(peer: ClientConnection) -> None:
    await peer.send(json.dumps({"type": "ping", "payload": {"pad": "x" * 2_000}}))
    await peer.wait_closed()
    assert peer.close_code == 1009


async def test_messages_that_come_too_fast(peer: ClientConnection) -> None:
    # Twenty may come at once, the greeting is one of them; what was sent before the end is answered.
    heard = 0
    for _ in range(60):
        try:
            await peer.send('{"type": "ping"}')
        except websockets.ConnectionClosed:
            break
    with contextlib.suppress(websockets.ConnectionClosedError):
        async for _ in peer:
            heard += 1
    assert (peer.close_code, peer.close_reason) == (1008, "Too many messages: 2 a second may come")
    assert 19 <= heard < 60


async def test_a_flood_of_sockets(plain: Gateway) -> None:
    """Two hundred at once, each with twice what may come at once: all of them are closed."""
    # A greeting that waits behind a flood of others, in this process too, could come too late.
    greeted = asyncio.Barrier(200)

    async def flood() -> int | None:
        async with connecting(plain) as peer:
            await greet(peer, plain)
            await greeted.wait()
            with contextlib.suppress(websockets.ConnectionClosed):
                for _ in range(2_000):
                    await peer.send('{"type": "ping"}')
            with contextlib.suppress(websockets.ConnectionClosedError):
                async for _ in peer:
                    pass
            return peer.close_code

    assert set(await asyncio.gather(*(flood() for _ in range(200)))) == {1008}


async def test_operations_of_one_socket(peer: ClientConnection) -> None:
    for id in ("1", "2", "3"):
        await begin(peer, id, EVENTS)
    refused = json.loads(await peer.recv())
    assert (refused["type"], refused["id"]) == ("error", "3")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused["payload"][0]["message"] == "operations under way on this socket: 2 of at most 2"


async def test_subscriptions_of_one_caller(strict: Gateway) -> None:
    async with connecting(strict) as one, connecting(strict) as other:
        for peer in (one, other):
            await greet(peer, strict)
            for id in ("1", "2"):
                await begin(peer, id, EVENTS)
        refused = json.loads(await other.recv())
        assert (refused["type"], refused["id"]) == ("error", "2")
        assert refused["payload"][0]["message"] == "subscriptions under way: 3 of at most 3"
        # One that ends makes room for another, and so does a socket that closes.
        await one.send('{"type": "complete", "id": "1"}')
        await one.send('{"type": "ping"}')
        assert json.loads(await one.recv()) == {"type": "pong"}
        await begin(other, "3", EVENTS)
        await other.send('{"type": "ping"}')
        assert json.loads(await other.recv()) == {"type": "pong"}


async def test_what_is_too_much_ends_its_operation_and_not_the_socket(peer: ClientConnection) -> None:
    deep = "{ " + "customer { " * 20 + "id" + " }" * 21
    await begin(peer, "1", {"query": deep})
    refused = json.loads(await peer.recv())
    assert (refused["type"], refused["id"]) == ("error", "1")
    assert refused["payload"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    await peer.send('{"type": "ping"}')
    assert json.loads(await peer.recv()) == {"type": "pong"}


async def test_no_greeting_in_time_closes_with_4408(strict: Gateway) -> None:
    async with connecting(strict) as peer:
        await peer.wait_closed()
        assert peer.close_code == 4408


@pytest.mark.parametrize("origin", [FOREIGN, None, "own"])
async def test_pages_that_may_open_a_socket(strict: Gateway, origin: str | None) -> None:
    async with connecting(strict, origin=strict.url if origin == "own" else origin) as peer:
        await greet(peer, strict)


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", f"{FOREIGN}.evil.org", "http://crm.example.com"]
)
async def test_pages_that_may_not_open_a_socket(strict: Gateway, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connecting(strict, origin=origin)
    assert refused.value.response.status_code == 403
