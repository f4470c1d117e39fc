"""The circuit breaker's table of moves, by an injected clock."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Malformed, Unreachable
from adapters.contracts.vocabulary import CircuitState, System
from gateway.systems.breaker import CircuitBreaker
from gateway.systems.connection import Connection

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, cool_down_s=5.0, clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.admit()
        breaker.failed()


def test_it_is_closed_at_first_and_stays_so_below_the_threshold(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.state is CLOSED
    breaker.admit()


def test_only_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        fail(breaker, 2)
        breaker.admit()
        breaker.succeeded()
    assert breaker.state is CLOSED


def test_open_it_refuses_every_call_until_it_has_cooled_down(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 4.999
    assert breaker.state is OPEN
    for _ in range(3):
        with pytest.raises(Unreachable, match="time to recover"):
            breaker.admit()


def test_cooled_down_it_lets_one_call_try(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    assert breaker.state is HALF_OPEN
    breaker.admit()
    with pytest.raises(Unreachable):
        breaker.admit()
    assert breaker.state is HALF_OPEN


def test_a_try_that_succeeds_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit()
    breaker.succeeded()
    assert breaker.state is CLOSED
    fail(breaker, 2)
    assert breaker.state is CLOSED, "failures are counted anew"


def test_a_try_that_fails_opens_it_again_at_once(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit()
    breaker.failed()
    assert breaker.state is OPEN
    clock.now += 4.999
    assert breaker.state is OPEN, "the cool-down began anew"
    clock.now += 0.001
    assert breaker.state is HALF_OPEN


def test_a_try_that_was_abandoned_leaves_the_place_to_another(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 5
    breaker.admit()
    breaker.abandoned()
    assert breaker.state is HALF_OPEN
    breaker.admit()
    breaker.succeeded()
    assert breaker.state is CLOSED


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_open(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    for _ in range(5):
        breaker.admit()
    for _ in range(3):
        breaker.failed()
    assert breaker.state is OPEN
    breaker.succeeded()
    assert breaker.state is CLOSED


def test_a_connection_under_steady_traffic_recovers_after_one_cool_down(clock: Clock) -> None:
    breaker = CircuitBreaker(threshold=3, cool_down_s=5.0, clock=clock)
    connection = Connection(
        "erp",
        System.ERP,
        "any",
        cast(Adapter, None),
        deadline_s=2.0,
        max_concurrency=5,
        breaker=breaker,
    )
    asked = 0

    async def down() -> str:
        nonlocal asked
        asked += 1
        raise Malformed("rubbish")

    async def up() -> str:
        nonlocal asked
        asked += 1
        return "an answer"

    async def traffic() -> None:
        for _ in range(3):
            with pytest.raises(Malformed):
                await connection.call(down)
        for _ in range(10):
            clock.now += 0.49
            with pytest.raises(Unreachable) as refused:
                await connection.call(up)
            assert refused.value.system is System.ERP
        assert asked == 3, "an open circuit sends nothing"
        clock.now += 0.1
        assert await connection.call(up) == "an answer"
        assert connection.breaker.state is CLOSED
        assert await connection.call(up) == "an answer"

    asyncio.run(traffic())
