"""Loads of one turn become one: who may share, what each gets, and how faults and leavers are told apart."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Hashable, Mapping, Sequence
from typing import Any

import pytest

from adapters.contracts.errors import Malformed, SystemFault, Unreachable
from adapters.http import correlation_id
from gateway.systems.coalescing import Coalescer, current_access

pytestmark = pytest.mark.anyio

KIND = "invoices of erp"


class Erp:
    """Gives each key its own name. ``refused``: keys that bring a fault on whoever asks for them."""

    def __init__(self, refused: Mapping[str, SystemFault] | None = None) -> None:
        self.refused = refused or {}
        self.asked: list[tuple[list[str], int | None]] = []
        self.begun = asyncio.Event()
        self.broken_off = 0
        self.answers = True

    async def load(self, keys: Sequence[str], first: int | None) -> Mapping[str, str]:
        self.asked.append((list(keys), first))
        self.begun.set()
        if not self.answers:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                self.broken_off += 1
                raise
        for key in keys:
            if key in self.refused:
                raise self.refused[key]
        return {key: key.upper() for key in keys}


def asking(
    coalescer: Coalescer,
    erp: Erp,
    *keys: str,
    request: str = "r1",
    access: Hashable = None,
    first: int | None = 1,
) -> asyncio.Task[Any]:
    """A load by a request of its own, begun in this turn."""

    def begin() -> asyncio.Task[Any]:
        correlation_id.set(request)
        current_access.set(access)
        return asyncio.create_task(coalescer.load(KIND, keys, first, erp.load))

    return contextvars.copy_context().run(begin)


async def outcomes(*tasks: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_loads_of_one_turn_are_one_and_each_gets_its_own() -> None:
    coalescer, erp = Coalescer(), Erp()
    found = await outcomes(
        asking(coalescer, erp, "a", "b", request="r1"),
        asking(coalescer, erp, "b", "c", request="r2", first=5),
    )
    assert found == [{"a": "A", "b": "B"}, {"b": "B", "c": "C"}]
    assert erp.asked == [(["a", "b", "c"], 5)]
    assert coalescer.joined == 1


async def test_callers_of_other_rights_share_nothing() -> None:
    coalescer, erp = Coalescer(), Erp()
    await outcomes(
        asking(coalescer, erp, "a", access="support"), asking(coalescer, erp, "a", access="finance")
    )
    assert erp.asked == [(["a"], 1), (["a"], 1)]


async def test_a_row_that_cannot_be_read_costs_other_requests_nothing() -> None:
    fault = Malformed("a row")
    coalescer, erp = Coalescer(), Erp({"bad": fault})
    found = await outcomes(
        asking(coalescer, erp, "good", request="r1"), asking(coalescer, erp, "bad", request="r2")
    )
    assert found == [{"good": "GOOD"}, fault]
    assert [keys for keys, _ in erp.asked] == [["good", "bad"], ["good"], ["bad"]]


async def test_the_loads_of_one_request_fail_together_and_are_not_asked_again() -> None:
    fault = Malformed("half of an answer")
    coalescer, erp = Coalescer(), Erp({"bad": fault})
    assert await outcomes(asking(coalescer, erp, "good"), asking(coalescer, erp, "bad")) == [fault, fault]
    assert len(erp.asked) == 1


async def test_a_system_that_is_down_is_asked_once_for_all() -> None:
    fault = Unreachable("down")
    coalescer, erp = Coalescer(), Erp({"a": fault})
    found = await outcomes(
        asking(coalescer, erp, "a", request="r1"), asking(coalescer, erp, "b", request="r2")
    )
    assert found == [fault, fault]
    assert len(erp.asked) == 1


async def test_one_who_leaves_breaks_nothing_off_and_the_last_one_does() -> None:
    coalescer, erp = Coalescer(), Erp()
    erp.answers = False
    first, last = asking(coalescer, erp, "a", request="r1"), asking(coalescer, erp, "b", request="r2")
    await erp.begun.wait()
    first.cancel()
    await outcomes(first)
    assert not last.done()
    assert erp.broken_off == 0
    last.cancel()
    await outcomes(last)
    await asyncio.sleep(0)
    assert erp.broken_off == 1
