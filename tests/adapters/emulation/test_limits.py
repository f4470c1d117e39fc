"""Limits and random faults of the emulation kit."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from adapters.emulation.faults import ErrorBody, Fault, Misbehaving
from adapters.emulation.limits import Governor, Limits

pytestmark = pytest.mark.anyio


def test_requests_at_once() -> None:
    governor = Governor(Limits(concurrency=2))
    assert [governor.enter() for _ in range(3)] == [True, True, False]
    governor.leave()
    assert [governor.enter(), governor.enter()] == [True, False]


def test_requests_in_any_second() -> None:
    now = 0.0
    governor = Governor(Limits(per_second=2), clock=lambda: now)
    assert [governor.enter() for _ in range(3)] == [True, True, False]
    now = 0.9
    assert not governor.enter()
    now = 1.0
    assert [governor.enter() for _ in range(3)] == [True, True, False]


class _Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.entered, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def _client(front: Misbehaving) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://emulator")


async def test_limits_are_set_over_the_admin_endpoint() -> None:
    app = _Slow()
    front = Misbehaving(app, lambda status, kind: ErrorBody({"error": kind}))
    async with _client(front) as http:
        assert (await http.put("/_emulator/limits", json={"concurrency": 1})).status_code == 200
        assert (await http.put("/_emulator/limits", json={"nonsense": 1})).status_code == 400
        first = asyncio.create_task(http.get("/"))
        await app.entered.wait()
        assert [(await http.get("/")).status_code for _ in range(2)] == [429, 429]
        app.go.set()
        assert (await first).status_code == 200
        assert (await http.put("/_emulator/limits", json={})).status_code == 200
        answers = await asyncio.gather(*(http.get("/") for _ in range(3)))
        assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_share_of_the_requests_is_hit_the_same_in_every_run() -> None:
    runs: list[list[int]] = []
    for _ in range(2):
        app = _Slow()
        app.go.set()
        front = Misbehaving(app, lambda status, kind: ErrorBody({"error": kind}))
        front.arm(Fault("throttle", times=1000, share=0.5))
        async with _client(front) as http:
            runs.append([(await http.get("/")).status_code for _ in range(200)])
    assert runs[0] == runs[1]
    assert 70 < runs[0].count(429) < 130
