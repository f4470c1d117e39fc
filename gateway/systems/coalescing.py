"""Loads of one turn of the loop become one, whichever requests they are of.

A load waits until the callbacks that are due have run, then goes with all others of its kind: of the same
connection, record type, key, fields and conditions, for callers of the same rights. Each caller gets what it
asked for. Where a load of several requests fails for what one of them may have asked, each is asked alone;
the loads of one request fail together, as they do where there is only one.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Hashable, Mapping, Sequence
from contextvars import ContextVar
from itertools import chain
from typing import Any, Generic, TypeVar, cast

import msgspec

from adapters.contracts.errors import Malformed, NotFound, Rejected, SystemFault, Unsupported
from adapters.contracts.resource import Lists
from adapters.http import correlation_id
from resolvers.budget import answer_budget

T = TypeVar("T")

current_access: ContextVar[Hashable] = ContextVar("fieldgate_access", default=None)
"""The rights of the caller for whom the work at hand is done."""

Load = Callable[[Sequence[str], int | None], Awaitable[Mapping[str, T]]]
"""Reads rows or pages for keys, at most ``first`` rows of each."""

_OF_ONE: tuple[type[SystemFault], ...] = (Rejected, Malformed, NotFound, Unsupported)
"""Faults that the keys of one caller can bring on all."""


@types.coroutine
def _turn() -> Generator[None, None, None]:
    """One turn of the loop: what ``asyncio.sleep(0)`` waits for, too."""
    yield


Part = Callable[[Mapping[str, T], Sequence[str], int | None], Mapping[str, T]]
"""One caller's part of what was read for several: of its keys, and its ``first`` rows of each."""


def part_of(found: Mapping[str, T], own: Sequence[str], _: int | None) -> Mapping[str, T]:
    """What was found of one caller's keys."""
    if isinstance(found, Lists):
        try:
            return cast("Mapping[str, T]", found.only(own))
        except KeyError:
            return cast("Mapping[str, T]", found.only([key for key in own if key in found.lists]))
    return {key: found[key] for key in own if key in found}


class _Waiting(msgspec.Struct, Generic[T], eq=False):
    load: Load[T]
    part: Part[T]
    callers: list[tuple[Sequence[str], int | None, asyncio.Future[Mapping[str, T]]]] = []
    requests: set[str | None] = set()
    task: asyncio.Task[None] | None = None

    def add(
        self, keys: Sequence[str], first: int | None, *, leads: bool = False
    ) -> asyncio.Future[Mapping[str, T]]:
        """Another caller; gives what will hold its part. ``leads``: it was the first to ask."""
        self.requests.add(correlation_id.get())
        future: asyncio.Future[Mapping[str, T]] = asyncio.get_running_loop().create_future()
        if leads:
            self.callers.insert(0, (keys, first, future))
        else:
            self.callers.append((keys, first, future))
        return future


class Coalescer:
    """Of all connections. ``joined`` counts the loads that went with another's."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, _Waiting[Any]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.joined = 0

    async def load(
        self,
        kind: Hashable,
        keys: Sequence[str],
        first: int | None,
        load: Load[T],
        part: Part[T] = part_of,
        count: Callable[[Mapping[str, T]], int] = len,
    ) -> Mapping[str, T]:
        """What ``load`` gives for these keys. ``kind`` tells which loads can be one.

        count: how many records of what is given the operation at hand has read.
        """
        key = (kind, current_access.get())
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(load, part)
            try:
                # Whatever is due in this turn of the loop runs first.
                await _turn()
            except asyncio.CancelledError:
                self._due(key, waiting)
                raise
            if not waiting.callers:
                # Nobody else waits for it: it lives and ends with its caller.
                del self._waiting[key]
                found = await load(keys, first)
                if (budget := answer_budget.get()) is not None:
                    budget.read(count(found))
                return found
            future = waiting.add(keys, first, leads=True)
            self._due(key, waiting)
        else:
            self.joined += 1
            future = waiting.add(keys, first)
        try:
            found = await future
        except asyncio.CancelledError:
            # A load that nobody waits for any more is broken off.
            if waiting.task is not None and all(each.done() for _, _, each in waiting.callers):
                waiting.task.cancel()
            raise
        if (budget := answer_budget.get()) is not None:
            budget.read(count(found))
        return found

    def _due(self, key: Hashable, waiting: _Waiting[Any]) -> None:
        del self._waiting[key]
        if waiting.callers:
            task = waiting.task = asyncio.get_running_loop().create_task(self._run(waiting))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, waiting: _Waiting[T]) -> None:
        callers = [each for each in waiting.callers if not each[2].done()]
        if not callers:
            return
        if len(callers) == 1:
            await self._alone(waiting.load, *callers[0])
            return
        owns, firsts, futures = zip(*callers, strict=True)
        keys = list(dict.fromkeys(chain.from_iterable(owns)))
        most = None if None in firsts else max(firsts)
        try:
            found = await waiting.load(keys, most)
        except _OF_ONE as fault:
            if len(waiting.requests) == 1:
                _fail(futures, fault)
                return
            await asyncio.gather(*(self._alone(waiting.load, *each) for each in callers))
            return
        except BaseException as error:
            _fail(futures, error)
            if not isinstance(error, Exception):
                raise
            return
        for own, first, future in callers:
            if not future.done():
                future.set_result(waiting.part(found, own, first))

    @staticmethod
    async def _alone(
        load: Load[T], keys: Sequence[str], first: int | None, future: asyncio.Future[Mapping[str, T]]
    ) -> None:
        try:
            found = await load(keys, first)
        except BaseException as error:
            _fail([future], error)
            if not isinstance(error, Exception):
                raise
            return
        if not future.done():
            future.set_result(found)


def _fail(futures: Sequence[asyncio.Future[Any]], error: BaseException) -> None:
    for future in futures:
        if future.done():
            continue
        if isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
