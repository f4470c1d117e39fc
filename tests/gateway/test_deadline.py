"""A deadline ends what takes too long, and hides no cancellation of somebody else's."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from gateway.systems.deadline import Deadline

pytestmark = pytest.mark.anyio

NEVER = 3600.0


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_is_done_in_time_is_left_alone() -> None:
    with Deadline(NEVER):
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_takes_too_long_ends() -> None:
    with pytest.raises(TimeoutError), Deadline(0):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_an_error_is_itself() -> None:
    with pytest.raises(KeyError), Deadline(NEVER):
        raise KeyError("a")


async def test_the_inner_of_two_ends_first_and_the_outer_still_holds() -> None:
    inner_ended = False

    async def both() -> None:
        nonlocal inner_ended
        with Deadline(0.01):
            try:
                with Deadline(0):
                    await forever()
            except TimeoutError:
                inner_ended = True
            await forever()

    with pytest.raises(TimeoutError):
        await both()
    assert inner_ended


@pytest.mark.parametrize("seconds", [NEVER, 0])
async def test_somebody_else_s_cancellation_stays_one(seconds: float) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        with Deadline(seconds):
            begun.set()
            await forever()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


def test_it_leaves_no_circle_to_the_collector() -> None:
    """Who may end a deadline is often known to the operation that it is of."""

    class Owner:
        def __init__(self, stop: Callable[[], None]) -> None:
            self.stop = stop

    owner: ContextVar[Owner] = ContextVar("owner")

    async def operation() -> weakref.ref[Owner]:
        deadline = Deadline(60)
        owner.set(Owner(deadline.end))
        with deadline:
            await asyncio.sleep(0)
        return weakref.ref(owner.get())

    async def run() -> None:
        gc.disable()
        try:
            found = await asyncio.create_task(operation())
            await asyncio.sleep(0)
            assert found() is None
        finally:
            gc.enable()

    # asyncio's own loop keeps what was cancelled until its time has come.
    pytest.importorskip("uvloop").run(run())
