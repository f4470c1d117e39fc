"""Loads of one request that ask for the same at the same time: what each gets, whoever ends first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from adapters.contracts.errors import SystemFault, Unreachable
from adapters.contracts.resource import Page
from adapters.contracts.vocabulary import RecordType
from resolvers.planned.loads import Loads
from resolvers.ports import Relation

pytestmark = pytest.mark.anyio

INVOICES = Relation("erp", RecordType.INVOICE, "customer_in_crm", (), None)
ROWS = ("1", "2", "3")


class Erp:
    """The port to invoices: each reading is answered when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], int | None]] = []
        self.answers: list[asyncio.Event] = []
        self.fault: SystemFault | None = None

    async def related(self, *asked: Any) -> Mapping[str, Page]:
        values: Sequence[str] = asked[1]
        first: int | None = asked[3]
        self.asked.append((list(values), first))
        if self.fault is not None:
            raise self.fault
        self.answers.append(asyncio.Event())
        await self.answers[-1].wait()
        return {value: Page(ROWS, ROWS, False).cut(first) for value in values}

    def select(self, *_: Any) -> frozenset[str]:
        return frozenset({"id"})

    async def heard(self, readings: int) -> None:
        """Until it was asked so often; a few turns of the loop are enough."""
        for _ in range(50):
            if len(self.asked) >= readings:
                return
            await asyncio.sleep(0)
        pytest.fail(f"asked {len(self.asked)} times, not {readings}")


def loads(erp: Erp) -> Loads:
    return Loads(cast(Any, erp), cast(Any, erp), cast(Any, None), ())


async def test_who_gives_up_takes_nothing_from_who_waits() -> None:
    erp = Erp()
    mine = loads(erp)
    leaver = asyncio.ensure_future(mine.related(INVOICES, ["a"], None))
    await erp.heard(1)
    waiting = asyncio.ensure_future(mine.related(INVOICES, ["a", "b"], None))
    await erp.heard(2)
    leaver.cancel()
    erp.answers[1].set()
    await erp.heard(3)
    erp.answers[2].set()
    pages = await waiting
    assert [len(pages[each].rows) for each in ("a", "b")] == [3, 3]
    assert erp.asked == [(["a"], None), (["b"], None), (["a"], None)]


async def test_a_later_answer_with_fewer_rows_replaces_none_with_more() -> None:
    erp = Erp()
    mine = loads(erp)
    others = asyncio.ensure_future(mine.related(INVOICES, ["a"], None))
    few = asyncio.ensure_future(mine.related(INVOICES, ["b"], 1))
    await erp.heard(2)
    everything = asyncio.ensure_future(mine.related(INVOICES, ["a", "b"], None))
    await erp.heard(3)
    for reading in (2, 1, 0):
        erp.answers[reading].set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    pages = await everything
    assert [len(pages[each].rows) for each in ("a", "b")] == [3, 3]
    assert len((await few)["b"].cut(1).rows) == 1
    assert len((await others)["a"].rows) == 3
    assert len(erp.asked) == 3


async def test_a_fault_is_told_again_and_costs_nothing_that_was_read_before() -> None:
    erp = Erp()
    mine = loads(erp)
    few = asyncio.ensure_future(mine.related(INVOICES, ["a"], 1))
    await erp.heard(1)
    erp.answers[0].set()
    await few
    erp.fault = Unreachable("down")
    for keys, first in ((["a", "b"], 1), (["b", "c"], None), (["a"], None)):
        with pytest.raises(Unreachable):
            await mine.related(INVOICES, keys, first)
    assert len((await mine.related(INVOICES, ["a"], 1))["a"].rows) == 1
    assert erp.asked == [(["a"], 1), (["b"], 1), (["a"], None)]
