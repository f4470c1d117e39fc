"""The end of a gateway under load: whatever was asked is answered."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.sandbox import END_TIMEOUT_S, Emulators, Gateway, serving_over

pytestmark = pytest.mark.anyio

CLIENTS = 12
QUERY = "{ customers(first: 2) { nodes { name } } }"
BEFORE = 60
"""Answers before the gateway is told to end: by then every client is at work."""


def proof(gateway: Gateway) -> dict[str, str]:
    return {"authorization": gateway.http.headers["authorization"]}


@dataclass
class Load:
    """Clients who ask without a pause, each of them over one connection for as long as it is kept open."""

    url: str
    headers: dict[str, str]
    """What proves who asks."""

    answered: int = 0
    closing: int = 0
    lost: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    balanced: bool = True

    async def client(self) -> None:
        """Asks until its connection is told to close, and whoever balances load has no other for it."""
        async with httpx.AsyncClient(trust_env=False, timeout=30, headers=self.headers) as http:
            while True:
                try:
                    answer = await http.post(f"{self.url}/graphql", json={"query": QUERY})
                except httpx.ConnectError:
                    # No connection was made, so nothing was asked: it may happen once nobody is sent here.
                    if self.balanced:
                        self.lost.append("refused while ready")
                    return
                except httpx.HTTPError as error:
                    self.lost.append(type(error).__name__)
                    return
                body = answer.json()
                if answer.status_code != 200 or "errors" in body or not body["data"]["customers"]["nodes"]:
                    self.lost.append(answer.text[:200])
                    return
                self.answered += 1
                if self.answered >= BEFORE:
                    self.enough.set()
                if answer.headers.get("connection") == "close":
                    self.closing += 1
                    if not self.balanced:
                        return

    async def balancer(self) -> None:
        """Notices that the gateway is not ready, as a load balancer does: over connections of its own."""
        while self.balanced:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                answer = await http.get(f"{self.url}/health/ready")
            if answer.status_code == 503:
                assert answer.json() == {"status": "draining"}
                self.balanced = False


async def test_no_request_is_lost_under_load(emulators: Emulators, tmp_path: Path) -> None:
    sections = {"server": {"drain_s": 2}, "observability": {"access_log": False}}
    with serving_over(emulators.urls, tmp_path, sections=sections) as gateway:
        load = Load(gateway.url, proof(gateway))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(load.client())
            balancer = tasks.create_task(load.balancer())
            await load.enough.wait()
            gateway.process.send_signal(signal.SIGTERM)
            await balancer
        assert await asyncio.to_thread(gateway.process.wait, END_TIMEOUT_S) == 0
    assert load.lost == []
    assert load.closing >= CLIENTS
    assert load.answered >= BEFORE


async def test_a_second_signal_hurries(emulators: Emulators, tmp_path: Path) -> None:
    sections = {"server": {"drain_s": 300}, "observability": {"access_log": False}}
    with serving_over(emulators.urls, tmp_path, sections=sections) as gateway:
        async with httpx.AsyncClient(trust_env=False, headers=proof(gateway)) as http:
            gateway.process.send_signal(signal.SIGTERM)
            while (await http.get(f"{gateway.url}/health/ready")).status_code == 200:
                pass
            assert (await http.get(f"{gateway.url}/health/live")).status_code == 200
            assert (await http.post(f"{gateway.url}/graphql", json={"query": QUERY})).status_code == 200
        gateway.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.process.wait, END_TIMEOUT_S) == 0


@asynccontextmanager
async def socket_of(gateway: Gateway) -> AsyncIterator[object]:
    url = f"{gateway.url.replace('http', 'ws', 1)}/graphql"
    async with connect(
        url, subprotocols=["graphql-transport-ws"], proxy=None, additional_headers=proof(gateway)
    ) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def test_a_socket_is_told_to_come_back_after_its_query_is_answered(
    emulators: Emulators, tmp_path: Path
) -> None:
    with serving_over(emulators.urls, tmp_path, settings={"deadline_s": 10}) as gateway:
        gateway.data(QUERY)
        async with socket_of(gateway) as idle, socket_of(gateway) as busy:
            emulators.clear()
            emulators.arm("salesforce", "latency", seconds=1)
            subscribe = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
            await busy.send(json.dumps(subscribe))  # type: ignore[attr-defined]
            while not await asyncio.to_thread(emulators.calls, "salesforce"):
                pass
            gateway.process.send_signal(signal.SIGTERM)
            answer = json.loads(await busy.recv())  # type: ignore[attr-defined]
            assert (answer["type"], answer["payload"]["data"]["customers"]["nodes"][0].keys()) == (
                "next",
                {"name"},
            )
            assert json.loads(await busy.recv()) == {"id": "1", "type": "complete"}  # type: ignore[attr-defined]
            for socket in (busy, idle):
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()  # type: ignore[attr-defined]
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
                assert "reconnect after" in closed.value.rcvd.reason
        assert await asyncio.to_thread(gateway.process.wait, END_TIMEOUT_S) == 0
