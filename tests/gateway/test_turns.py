"""Turns at a shared budget: in order for one caller, round and round between callers, none lost."""

from __future__ import annotations

import asyncio

import pytest

from gateway.limits.caller import current_caller
from gateway.systems.turns import FairTurns

pytestmark = pytest.mark.anyio


class Desk:
    """Calls that take a turn, say so, and keep it until they are let go."""

    def __init__(self, at_once: int) -> None:
        self.turns = FairTurns(at_once)
        self.served: list[str] = []
        self._go: dict[str, asyncio.Event] = {}

    def call(self, caller: str, name: str) -> asyncio.Task[None]:
        self._go[name] = asyncio.Event()

        async def run() -> None:
            current_caller.set(caller)
            await self.turns.turn()
            try:
                self.served.append(name)
                await self._go[name].wait()
            finally:
                self.turns.done()

        return asyncio.create_task(run())

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def finish(self, name: str) -> None:
        self._go[name].set()
        await self.settle()


async def test_one_caller_cannot_starve_another() -> None:
    desk = Desk(1)
    tasks = [desk.call("greedy", f"g{n}") for n in range(100)]
    await desk.settle()
    tasks += [desk.call("modest", f"m{n}") for n in range(2)]
    await desk.settle()
    assert (desk.served, desk.turns.waiting) == (["g0"], 101)
    for name in ("g0", "g1", "m0", "g2", "m1", "g3"):
        await desk.finish(name)
    assert desk.served == ["g0", "g1", "m0", "g2", "m1", "g3", "g4"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert desk.turns.waiting == 0


async def test_calls_given_up_while_waiting_lose_no_turn() -> None:
    desk = Desk(1)
    first, second, third = (desk.call("a", name) for name in ("1", "2", "3"))
    await desk.settle()
    second.cancel()
    await desk.settle()
    await desk.finish("1")
    assert desk.served == ["1", "3"]
    await desk.finish("3")
    await asyncio.gather(first, third)
    last = desk.call("b", "4")
    await desk.finish("4")
    await last
    assert desk.served == ["1", "3", "4"]


async def test_a_turn_that_comes_as_it_is_given_up_goes_on() -> None:
    desk = Desk(1)
    first, second, third = (desk.call(name, name) for name in ("1", "2", "3"))
    await desk.settle()
    desk._go["1"].set()
    while desk.turns.waiting == 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    # The turn has been passed to the second, which has not run yet.
    second.cancel()
    await desk.settle()
    assert desk.served == ["1", "3"]
    await desk.finish("3")
    await asyncio.gather(first, third)


async def test_as_many_at_once_as_there_are_turns() -> None:
    desk = Desk(3)
    tasks = [desk.call(f"c{n % 2}", str(n)) for n in range(8)]
    await desk.settle()
    assert len(desk.served) == 3
    for name in [str(n) for n in range(8)]:
        await desk.finish(name)
    await asyncio.gather(*tasks)
    assert sorted(desk.served) == [str(n) for n in range(8)]
