"""Faults that strike after the work was done, and the journal that counts it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from adapters.emulation.faults import ErrorBody, Fault, Misbehaving
from adapters.emulation.journal import Effect, effects, note_effect, open_journal
from adapters.emulation.store import open_store, transaction
from tests.support.server import serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def front() -> Iterator[Misbehaving]:
    store = open_store(":memory:")
    open_journal(store)

    async def work(request: Request) -> PlainTextResponse:
        note_effect(store, Effect("vendor", "work", "1", request.headers.get("idempotency-key")))
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/work", work, methods=["GET", "POST"])])
    yield Misbehaving(app, lambda *_: ErrorBody({}), lambda: effects(store, "vendor"))
    store.close()


async def test_held_work_is_done_and_answered_later(front: Misbehaving):
    with serving(front) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            front.arm(Fault("hold", seconds=60))
            asking = asyncio.create_task(http.post("/work", headers={"idempotency-key": "k1"}))
            done: list[dict[str, str]] = []
            while not done:
                done = (await http.get("/_emulator/effects")).json()
            assert done == [{"vendor": "vendor", "action": "work", "record_id": "1", "key": "k1"}]
            assert not asking.done()
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            front.arm(Fault("hold", seconds=0.01))
            assert (await http.post("/work")).text == "done"


async def test_one_request_brings_its_own_fault_in_a_header(front: Misbehaving):
    told = {"x-emulate-fault": '{"kind": "throttle", "retry_after_s": 3}'}
    with serving(front) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            throttled = await http.get("/work", headers=told)
            assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "3")
            assert (await http.get("/work", headers={"x-emulate-fault": "error"})).status_code == 500
            assert (await http.get("/work")).text == "done"
            for rubbish in ("no_such_kind", '{"kind": "error", "colour": 1}', "{"):
                refused = await http.get("/work", headers={"x-emulate-fault": rubbish})
                assert refused.status_code == 400
                assert "x-emulate-fault" in refused.json()["error"]


async def test_what_waits_goes_on_when_the_faults_are_disarmed(front: Misbehaving):
    with serving(front) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            front.arm(Fault("latency", seconds=3600))
            asking = asyncio.create_task(http.get("/work", headers={"x-correlation-id": "c1"}))
            heard: list[dict[str, object]] = []
            while not heard:
                heard = (await http.get("/_emulator/calls")).json()
            call = {"method": "GET", "path": "/work", "query": "", "correlation": "c1"}
            assert heard == [{**call, "answered": False}]
            assert not asking.done()
            await http.delete("/_emulator/faults")
            assert (await asking).text == "done"
            assert (await http.get("/_emulator/calls")).json() == [{**call, "answered": True}]


async def test_dropped_after_the_work_was_done(front: Misbehaving):
    with serving(front) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            front.arm(Fault("drop_after"))
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post("/work")
            assert len((await http.get("/_emulator/effects")).json()) == 1


async def test_a_fault_for_one_method_leaves_the_others_alone(front: Misbehaving):
    with serving(front) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            front.arm(Fault("error", path="/work", method="POST"))
            assert (await http.get("/work")).status_code == 200
            assert (await http.post("/work")).status_code == 500
            assert (await http.post("/work")).status_code == 200


async def test_an_app_without_a_journal_has_no_effects_to_show():
    with serving(Misbehaving(Starlette(), lambda *_: ErrorBody({}))) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            assert (await http.get("/_emulator/effects")).status_code == 404


def test_a_transaction_that_fails_leaves_nothing():
    store = open_store(":memory:")
    open_journal(store)
    with contextlib.suppress(ZeroDivisionError), transaction(store):
        note_effect(store, Effect("vendor", "work", "1", None))
        raise ZeroDivisionError
    assert effects(store) == []
    store.close()
