"""graphql-transport-ws to the letter: what ends an operation, what ends the socket, and with which code.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def socket(company: Sandbox) -> AsyncIterator[ClientConnection]:
    url = company.gateway.url.replace("http", "ws") + "/graphql"
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as opened:  # type: ignore[list-item]
        yield opened


async def say(socket: ClientConnection, type: str, **rest: Any) -> None:
    await socket.send(json.dumps({"type": type, **rest}))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    while True:
        message = json.loads(await socket.recv())
        if message["type"] != "ping":
            return message


async def greet(socket: ClientConnection) -> None:
    await say(socket, "connection_init")
    assert (await hear(socket))["type"] == "connection_ack"


async def closing(socket: ClientConnection) -> int | None:
    await socket.wait_closed()
    return socket.close_code


async def test_a_query_runs_over_the_socket(socket: ClientConnection):
    await greet(socket)
    await say(socket, "subscribe", id="1", payload={"query": "{ __typename }"})
    assert await hear(socket) == {"id": "1", "type": "next", "payload": {"data": {"__typename": "Query"}}}
    assert await hear(socket) == {"id": "1", "type": "complete"}


async def test_an_error_ends_its_operation_and_not_the_socket(socket: ClientConnection):
    await greet(socket)
    for wrong in ("{ nothing }", "subscription {", "subscription { nothing }"):
        await say(socket, "subscribe", id="1", payload={"query": wrong})
        answer = await hear(socket)
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert answer["payload"][0]["extensions"]["code"].startswith("GRAPHQL_")
    await say(socket, "ping")
    assert (await hear(socket))["type"] == "pong"


@pytest.mark.parametrize(
    "message", ["no json", "[]", "7", "{}", '{"type": "unknown"}', '{"type": "subscribe"}']
)
async def test_a_malformed_message_closes_with_4400(socket: ClientConnection, message: str):
    await greet(socket)
    await socket.send(message)
    assert await closing(socket) == 4400


async def test_an_operation_before_the_greeting_closes_with_4401(socket: ClientConnection):
    await say(socket, "subscribe", id="1", payload={"query": "{ __typename }"})
    assert await closing(socket) == 4401


async def test_one_id_twice_closes_with_4409(socket: ClientConnection):
    await greet(socket)
    for _ in range(2):
        query = "subscription { businessEvents { id } }"
        await say(socket, "subscribe", id="1", payload={"query": query})
    assert await closing(socket) == 4409


async def test_a_second_greeting_closes_with_4429(socket: ClientConnection):
    await greet(socket)
    await say(socket, "connection_init")
    assert await closing(socket) == 4429


async def test_an_id_can_be_used_again_once_it_was_completed(socket: ClientConnection):
    await greet(socket)
    for _ in range(3):
        query = "subscription { businessEvents { id } }"
        await say(socket, "subscribe", id="1", payload={"query": query})
        await say(socket, "complete", id="1")
    await say(socket, "ping")
    assert (await hear(socket))["type"] == "pong"
