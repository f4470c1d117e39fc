"""What the log forgets, and that it says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from resolvers.event_port import CursorExpired
from tests.events.conftest import Place
from tests.events.world import Clock, message

pytestmark = pytest.mark.anyio


async def tell(gateway, start: int, count: int) -> None:
    for number in range(start, start + count):
        await gateway.hear("erp", message(str(number), record=str(number), event="INVOICE_PAID", version=1))
    await gateway.work("erp")


async def test_only_so_many_are_kept_and_a_cursor_before_them_is_expired(place: Place):
    async with place.gateway(retention_count=10) as gateway:
        await tell(gateway, 0, 9)
        early = await gateway.logged()
        assert len(early) == 9
        await tell(gateway, 9, 20)
        await gateway.service.log.trim()
        kept = await gateway.logged()
        assert [event.subject.record_id for event in kept] == [str(number) for number in range(19, 29)]
        for event in early:
            with pytest.raises(CursorExpired):
                await gateway.collect(1, event.cursor)
        gateway.service.broker.start()
        behind = await gateway.collect(9, kept[0].cursor)
        assert [event.id for event in behind] == [event.id for event in kept[1:]]
        assert await gateway.service.events.get(early[0].id) is None


async def test_old_events_are_forgotten_and_the_place_behind_them_is_known(place: Place):
    if place.kind == "jetstream":
        pytest.skip("the server forgets by its own clock; that it is told the age is tested beside this")
    clock = Clock()
    async with place.gateway(clock=clock, retention_days=7) as gateway:
        await tell(gateway, 0, 5)
        early = await gateway.logged()
        clock.ahead = timedelta(days=6)
        await tell(gateway, 5, 5)
        await gateway.service.log.trim()
        assert len(await gateway.logged()) == 10
        clock.ahead = timedelta(days=8)
        await gateway.service.log.trim()
        assert len(await gateway.logged()) == 5
        with pytest.raises(CursorExpired):
            await gateway.collect(1, early[3].cursor)
        clock.ahead = timedelta(days=30)
        await gateway.service.log.trim()
        assert await gateway.logged() == []
        with pytest.raises(CursorExpired):
            await gateway.collect(1, early[3].cursor)


async def test_the_stream_is_told_the_retention(place: Place):
    if place.nats is None:
        pytest.skip("the log in a database is trimmed by the gateway")
    import nats

    async with place.gateway(retention_days=3, retention_count=500) as gateway:
        await gateway.service.log.bounds()
        client = await nats.connect(place.nats.url)
        config = (await client.jetstream().stream_info("FIELDGATE_EVENTS")).config
        await client.close()
        assert config.max_age == timedelta(days=3).total_seconds()
        assert config.max_msgs == 500
    # Another configuration is taken over at the next start.
    async with place.gateway(retention_days=3, retention_count=700) as gateway:
        await gateway.service.log.bounds()
        client = await nats.connect(place.nats.url)
        assert (await client.jetstream().stream_info("FIELDGATE_EVENTS")).config.max_msgs == 700
        await client.close()
