"""Signs of life: pings of the gateway to clients that are quiet, and an end for those that never greet."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from gateway.auth.authenticator import Authenticator
from gateway.auth.session import Session
from gateway.serving import listen, server_config
from gateway.transport.fanout import Fanout
from gateway.transport.operation import Operations
from gateway.transport.websocket import GraphQLSockets
from resolvers.graph import build_graph
from resolvers.viewer import UNRESTRICTED

pytestmark = pytest.mark.anyio

CREDENTIAL = {"type": "connection_init", "payload": {"authorization": "Bearer anything"}}


async def _anybody(_: str) -> Session:
    return Session(UNRESTRICTED)


@contextlib.asynccontextmanager
async def served(**times: float) -> AsyncIterator[str]:
    """The sockets alone, on a port of their own, with shorter times. No operation is run."""
    no_context = cast(Any, None)
    operations = Operations(build_graph(), no_context)
    sockets = GraphQLSockets(operations, Fanout(no_context), Authenticator(tokens=_anybody), **times)
    listener = listen("127.0.0.1", 0)
    app = Starlette(routes=[WebSocketRoute("/graphql", sockets)])
    server = uvicorn.Server(server_config(app, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/graphql"
    finally:
        server.should_exit = True
        await serving
        listener.close()


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    protocols: Any = ["graphql-transport-ws"]
    async with websockets.connect(url, subprotocols=protocols) as socket:
        yield socket


async def test_a_quiet_client_is_pinged_again_and_again():
    async with served(heartbeat_s=0.02) as url, connected(url) as socket:
        await socket.send(json.dumps(CREDENTIAL))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for _ in range(3):
            assert json.loads(await socket.recv()) == {"type": "ping"}
            await socket.send('{"type": "pong"}')


async def test_who_does_not_greet_is_closed_with_4408_and_never_pinged():
    async with served(heartbeat_s=0.02, init_timeout_s=0.2) as url, connected(url) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4408
