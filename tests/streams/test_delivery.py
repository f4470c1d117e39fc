"""What a stream promises beyond its protocol: slow clients, cursors that expired, and a gateway that ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from gateway.events.cursor import encode_cursor
from tests.streams.conftest import Client
from tests.support.sandbox import Gateway, Sandbox, serving_over
from tests.support.told import customer_updated, tell

pytestmark = pytest.mark.anyio

FOLLOW = "subscription ($after: Cursor) { businessEvents(after: $after) { id cursor summary } }"
BEGINNING = encode_cursor(0)
LONG = "x" * 100_000
"""Part of an id, and so of a summary: what a client does not read soon fills the buffers on the way."""


@pytest.fixture(scope="module")
def gateway(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One whose queues are short."""
    folder = tmp_path_factory.mktemp("short")
    with serving_over(company.emulators.urls, folder, sections={"events": {"queue": 20}}) as running:
        yield running


def connected(gateway: Gateway, *, slow: bool) -> socket.socket:
    """A connection; a slow one keeps as little for itself as it can."""
    _, port = gateway.url.rsplit(":", 1)
    plain = socket.socket()
    if slow:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", int(port)))
    plain.setblocking(False)
    return plain


def credential(gateway: Gateway) -> dict[str, str]:
    """What the gateway's own client says who it is with."""
    return {"authorization": gateway.http.headers["authorization"]}


@contextlib.asynccontextmanager
async def following(gateway: Gateway, after: str, *, slow: bool = False) -> AsyncIterator[ClientConnection]:
    """A client that is subscribed."""
    plain = connected(gateway, slow=slow)
    protocols: Any = ["graphql-transport-ws"]
    async with websockets.connect(
        gateway.url.replace("http", "ws") + "/graphql",
        sock=plain,
        subprotocols=protocols,
        max_queue=1 if slow else 16,
        ping_interval=None,
    ) as client:
        await client.send(json.dumps({"type": "connection_init", "payload": credential(gateway)}))
        assert json.loads(await client.recv())["type"] == "connection_ack"
        payload = {"query": FOLLOW, "variables": {"after": after}}
        await client.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        yield client


async def read(client: ClientConnection, until: str | None = None) -> list[dict[str, Any]]:
    """Events up to the one of a summary, or to the end of the socket."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(websockets.ConnectionClosed):
        async for text in client:
            message = json.loads(text)
            if message["type"] == "next":
                found.append(message["payload"]["data"]["businessEvents"])
                if until is not None and found[-1]["summary"].startswith(until):
                    break
            else:
                assert message["type"] == "ping", message
    return found


async def pour(gateway: Gateway, name: str, count: int) -> None:
    """So many long events, then a last one that ``read`` can be told to stop at: ``{name}-last``."""
    bodies = [
        customer_updated(f"evt_{name}_{number}", f"cus_{name}_{number}{LONG}") for number in range(count)
    ]
    await asyncio.to_thread(tell, gateway.url, bodies)
    await asyncio.to_thread(tell, gateway.url, [customer_updated(f"evt_{name}_last", f"{name}-last")])


async def test_a_slow_client_is_closed_with_its_last_cursor_and_another_is_not_delayed(gateway: Gateway):
    after = BEGINNING
    for name in ("a", "b", "c", "d", "e"):
        async with following(gateway, after) as fast, following(gateway, after, slow=True) as slow:
            pouring = asyncio.create_task(pour(gateway, name, 120))
            seen = await read(fast, f"{name}-last")
            await pouring
            early = await read(slow)
        assert early == seen[: len(early)]
        assert len(early) < len(seen)
        if slow.close_code == 4008:
            break
        # Nobody read the close in time, and the socket was cut off: the machine is busy.
        after = seen[-1]["cursor"]
    assert slow.close_code == 4008
    found = re.fullmatch(r"Slow consumer; resume after (\S+)", slow.close_reason or "")
    assert found is not None
    assert found[1] == early[-1]["cursor"]
    async with following(gateway, found[1]) as again:
        late = await read(again, f"{name}-last")
    assert early + late == seen


async def test_a_slow_stream_ends_with_the_cursor_to_resume_after(gateway: Gateway):
    query = json.dumps({"query": "subscription { businessEvents { id cursor summary } }"}).encode()
    head = "POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
    head += f"authorization: {credential(gateway)['authorization']}\r\n"
    head += f"accept: text/event-stream\r\ncontent-length: {len(query)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(sock=connected(gateway, slow=True), limit=1024)
    writer.write(head.encode() + query)
    await reader.readuntil(b"\n:\n\n")
    await pour(gateway, "s", 120)
    text = b""
    while b"event: complete" not in text:
        text += await reader.read(65_536)
    writer.close()
    *early, last = [json.loads(data) for data in re.findall(rb"^data: (\{.*\})$", text, re.MULTILINE)]
    extensions = last["errors"][0]["extensions"]
    assert (extensions["code"], extensions["retryable"]) == ("RATE_LIMITED", True)
    seen = [each["data"]["businessEvents"] for each in early]
    assert extensions["cursor"] == seen[-1]["cursor"]
    async with following(gateway, extensions["cursor"]) as again:
        late = await read(again, "s-last")
    summaries = [each["summary"].split(LONG)[0] for each in (*seen, *late)]
    assert len(summaries) == len(set(summaries)) == 121


async def test_one_that_resumes_slowly_misses_nothing_that_happens_meanwhile(gateway: Gateway):
    async with following(gateway, BEGINNING) as fast:
        await pour(gateway, "f", 20)
        before = await read(fast, "f-last")
        async with following(gateway, BEGINNING, slow=True) as slow:
            first = json.loads(await slow.recv())["payload"]["data"]["businessEvents"]
            await pour(gateway, "g", 60)
            meanwhile = await read(fast, "g-last")
            assert [first, *await read(slow, "g-last")] == before + meanwhile


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_a_cursor_that_the_log_no_longer_reaches_back_to(
    company: Sandbox, follow: Callable[..., Client], tmp_path: Path, transport: str
):
    with serving_over(company.emulators.urls, tmp_path / "one", state=tmp_path / "state") as gateway:
        await asyncio.to_thread(
            tell, gateway.url, [customer_updated(f"evt_{number}") for number in range(10)]
        )
        client = follow(transport, FOLLOW, {"after": BEGINNING}, take=10, at=gateway)
        lines: list[dict[str, Any]] = []
        while len(lines) < 10:
            line = client.next()
            if "data" in line:
                lines.append(line["data"]["businessEvents"])
    kept = {"events": {"retention_count": 5}}
    with serving_over(
        company.emulators.urls, tmp_path / "two", state=tmp_path / "state", sections=kept
    ) as gateway:
        told: dict[str, Any] = {}
        while "failed" not in told:
            # It trims its log when it starts, which may take a moment.
            client = follow(transport, FOLLOW, {"after": lines[0]["cursor"]}, at=gateway)
            told = client.next()
            if "connected" in told:
                told = client.next()
            told = told if "errors" not in told else {"failed": told["errors"]}
        assert "CURSOR_EXPIRED" in str(told)
        follower = follow(transport, FOLLOW, {"after": lines[5]["cursor"]}, at=gateway)
        line = follower.next()
        line = follower.next() if "connected" in line else line
        assert line["data"]["businessEvents"] == lines[6]


async def test_a_gateway_that_ends_tells_each_client_when_to_come_back(company: Sandbox, tmp_path: Path):
    with serving_over(company.emulators.urls, tmp_path) as gateway:
        async with contextlib.AsyncExitStack() as open_:
            sockets = [await open_.enter_async_context(following(gateway, BEGINNING)) for _ in range(5)]
            http = await open_.enter_async_context(httpx.AsyncClient(timeout=60, trust_env=False))
            stream = await open_.enter_async_context(
                http.stream(
                    "POST",
                    f"{gateway.url}/graphql",
                    json={"query": FOLLOW, "variables": {"after": BEGINNING}},
                    headers={"accept": "text/event-stream", **credential(gateway)},
                )
            )
            await asyncio.to_thread(tell, gateway.url, [customer_updated("evt_1", "cus_last-of-them")])
            for each in sockets:
                await read(each, "cus_last")
            gateway.process.send_signal(signal.SIGTERM)
            text = "".join([line + "\n" async for line in stream.aiter_lines()])
            for each in sockets:
                await read(each)
        waits = [
            re.fullmatch(r"Service restart: reconnect after (\d+) ms", each.close_reason or "")
            for each in sockets
        ]
        assert {each.close_code for each in sockets} == {1012}
        assert all(waits)
        assert len({wait[1] for wait in waits if wait}) > 1
        retry = re.search(r"^retry: (\d+)$", text, re.MULTILINE)
        assert retry is not None
        assert "event: complete" not in text
        assert all(100 <= int(found[1]) <= 5000 for found in (*waits, retry) if found)
