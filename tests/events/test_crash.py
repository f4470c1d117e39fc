"""Gateways that die, brokers that restart, and two replicas: every event is in the log once, in order."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import defaultdict
from random import Random

import pytest

from adapters.contracts.vocabulary import RecordType
from gateway.events.cursor import encode_cursor
from resolvers.ids import Ref
from tests.events.conftest import Place
from tests.events.world import gateway_on, message
from tests.support.nats import NatsServer
from tests.support.postgresql import PostgreSQL

pytestmark = pytest.mark.anyio

START = encode_cursor(0)
OBJECTS, EACH = 60, 25


def company(seed: int) -> list[tuple[str, bytes]]:
    """Notices of invoices: a tenth twice, a tenth out of order."""
    random = Random(seed)
    told = [(f"{record}-{version}", record, version) for version in range(EACH) for record in range(OBJECTS)]
    for _ in range(len(told) // 10):
        place = random.randrange(len(told) - 40)
        told.insert(place + random.randrange(40), told.pop(place))
    told += random.sample(told, len(told) // 10)
    return [
        (key, message(key, record=str(record), event="INVOICE_PAID", version=version))
        for key, record, version in told
    ]


def check(events, sent: int) -> None:
    """Each event once; what is not superseded is in the order of the versions."""
    assert len({event.id for event in events}) == len(events) == sent
    seqs = [event.cursor for event in events]
    assert len(set(seqs)) == len(seqs)
    by_object = defaultdict(list)
    for event in events:
        if not event.superseded:
            by_object[event.subject].append(event)
    assert len(by_object) == OBJECTS


async def test_killed_again_and_again_it_loses_and_doubles_nothing(place: Place):
    told = company(1)
    url = place.url.render_as_string(hide_password=False)
    argument = json.dumps({"url": url, "nats": None if place.nats is None else place.nats.url})
    async with place.gateway() as gateway:
        for start in range(0, len(told), 200):
            await asyncio.gather(*(gateway.hear("erp", body) for _, body in told[start : start + 200]))
        for heard in (1, 40, 200, 3):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.events.gateway_process",
                argument,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            async with asyncio.timeout(60):
                for _ in range(heard):
                    await process.stdout.readline()
            if place.nats is not None:
                place.nats.restart()
            process.send_signal(signal.SIGKILL)
            await process.wait()
    async with place.gateway(started=True) as gateway:
        events = await gateway.collect(OBJECTS * EACH, START)
        check(events, OBJECTS * EACH)
        assert [event.id for event in await gateway.logged()] == [event.id for event in events]
        for name in ("erp", "crm"):
            assert await gateway.work(name) == 0


async def test_the_broker_restarts_while_events_pour_in(nats_server: NatsServer, tmp_path):
    from gateway.store.database import sqlite_url

    told = company(2)
    url = sqlite_url(tmp_path / "state.sqlite")
    async with gateway_on(url, nats=nats_server.url, started=True) as gateway:
        live = asyncio.create_task(gateway.collect(OBJECTS * EACH))
        await gateway.service.broker.position()
        for start in range(0, len(told), 100):
            await asyncio.gather(*(gateway.hear("erp", body) for _, body in told[start : start + 100]))
            if start in (300, 900):
                nats_server.restart()
        events = await live
        check(events, OBJECTS * EACH)
        assert [event.id for event in await gateway.logged()] == [event.id for event in events]


@pytest.mark.parametrize("with_nats", [False, True], ids=["postgresql", "postgresql+nats"])
async def test_two_replicas_are_one(request, postgresql_server: PostgreSQL, with_nats: bool):
    url = postgresql_server.fresh()
    nats = request.getfixturevalue("nats_server").url if with_nats else None
    told = company(3)
    count = OBJECTS * EACH
    async with (
        gateway_on(url, nats=nats, started=True) as one,
        gateway_on(url, nats=nats, started=True) as other,
    ):
        await one.service.broker.position()
        await other.service.broker.position()
        at_both = [asyncio.create_task(each.collect(count)) for each in (one, other)]
        watched = Ref(RecordType.INVOICE, "erp", "7")
        watching = asyncio.create_task(other.collect(EACH, subject=watched))
        for start in range(0, len(told), 100):
            batch = told[start : start + 100]
            await asyncio.gather(
                *((one, other)[n % 2].hear("erp", body) for n, (_, body) in enumerate(batch))
            )
        here, there = [await each for each in at_both]
        check(here, count)
        assert [event.id for event in here] == [event.id for event in there]
        assert [event.id for event in await watching] == [
            event.id for event in here if event.subject == watched
        ]
        resumed = await other.collect(count - 700, here[699].cursor)
        assert [event.id for event in resumed] == [event.id for event in here[700:]]
