"""A deadline ends what takes too long, and hides no cancellation of somebody else's."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from gateway.systems.deadline import Deadline, Deadlines

pytestmark = pytest.mark.anyio

NEVER = 3600.0


def deadline(seconds: float) -> Deadline:
    return Deadline(Deadlines(seconds))


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_is_done_in_time_is_left_alone() -> None:
    with deadline(NEVER):
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_takes_too_long_ends() -> None:
    with pytest.raises(TimeoutError), deadline(0):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_an_error_is_itself() -> None:
    with pytest.raises(KeyError), deadline(NEVER):
        raise KeyError("a")


async def test_the_inner_of_two_ends_first_and_the_outer_still_holds() -> None:
    inner_ended = False

    async def both() -> None:
        nonlocal inner_ended
        with deadline(0.01):
            try:
                with deadline(0):
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
        with deadline(seconds):
            begun.set()
            await forever()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_one_timer_serves_all_calls(loop: str) -> None:
    async def run() -> None:
        deadlines = Deadlines(0.02)
        ended: list[str] = []

        async def call(name: str) -> None:
            try:
                with Deadline(deadlines):
                    await forever()
            except TimeoutError:
                ended.append(name)

        with Deadline(deadlines):
            pass
        # The timer of the call that is over is left for these.
        first = asyncio.create_task(call("first"))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(first, call("second"), call("third"))
        assert ended == ["first", "second", "third"]
        assert asyncio.get_running_loop().time() - began >= 0.019
        assert not deadlines.under_way
        # And where none is left, another is set.
        await call("fourth")
        assert ended[-1] == "fourth"

    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(run())


def test_it_leaves_no_circle_to_the_collector() -> None:
    """Who may end a deadline is often known to the operation that it is of."""

    class Owner:
        def __init__(self, stop: Callable[[], None]) -> None:
            self.stop = stop

    owner: ContextVar[Owner] = ContextVar("owner")

    async def operation() -> weakref.ref[Owner]:
        lasting = deadline(60)
        owner.set(Owner(lasting.end))
        with lasting:
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
