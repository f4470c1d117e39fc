"""Deadlines of calls that may all last as long."""

from __future__ import annotations

import asyncio
from asyncio import current_task, get_running_loop
from types import TracebackType
from typing import Any

import msgspec


class Deadlines:
    """They come in the order in which the calls began, so one timer serves all that are under way.

    It is left for those to come, as that of an exchange on the wire is: to set and to clear one for each call
    takes 2 µs.
    """

    __slots__ = ("loop", "seconds", "under_way")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.under_way: dict[CallDeadline, None] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        """On which the timer is set; None where none is."""

    def arm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        self.loop = loop
        loop.call_at(at, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = None
        now = loop.time()
        for each in list(self.under_way):
            if each.at > now:
                self.arm(loop, each.at)
                break
            each.expire()


class CallDeadline(msgspec.Struct, eq=False):
    """What ``Deadline`` does, for one of many calls: ``with CallDeadline(deadlines)``."""

    of: Deadlines
    at: float = 0.0
    _expired: bool = False
    _before: int = 0
    _task: Any = None

    def __enter__(self) -> None:
        loop = get_running_loop()
        task = current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is of a task")
        self._task = task
        self._before = task.cancelling()
        of = self.of
        at = self.at = loop.time() + of.seconds
        of.under_way[self] = None
        if of.loop is not loop:
            of.arm(loop, at)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.of.under_way.pop(self, None)
        task: asyncio.Task[Any] = self._task
        self._task = None
        if self._expired and task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The time is up."""
        del self.of.under_way[self]
        self._expired = True
        self._task.cancel()
