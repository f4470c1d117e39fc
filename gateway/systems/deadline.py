"""Deadlines that cost little where they are kept."""

from __future__ import annotations

import asyncio
from asyncio import current_task, get_running_loop
from contextvars import Context
from types import TracebackType
from typing import Any

import msgspec


class Deadlines:
    """Those of everything that may last as long: all operations, or all calls of a system.

    They come in the order in which what they are of began, so one timer serves all that are under way. It is
    left for those to come, as that of an exchange on the wire is: setting one for each takes 2 µs.
    """

    __slots__ = ("loop", "seconds", "under_way")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.under_way: dict[Deadline, None] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        """On which the timer is set; None where none is."""

    def arm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        self.loop = loop
        # In no context: that of what began first would be kept, with all that it read, until the timer rings.
        loop.call_at(at, self._ring, loop, context=Context())

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = None
        now = loop.time()
        for each in list(self.under_way):
            if each.at > now:
                self.arm(loop, each.at)
                break
            each.expire()


class Deadline(msgspec.Struct, eq=False):
    """What ``asyncio.timeout`` does, and no more: it stands around every operation and every upstream call.

    The task is cancelled when the time is up, and ``TimeoutError`` comes of it; a cancellation by somebody
    else stays one. Its task is known while it lasts.
    """

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
        # It knows the operation's context, which can know who ends this: a circle for the collector.
        self._task = None
        if self._expired and task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """The time is up now. Nothing happens where it has ended already."""
        if self in self.of.under_way:
            get_running_loop().call_soon(self.expire)

    def expire(self) -> None:
        """Cancels what it is of, if that is under way still."""
        if self in self.of.under_way:
            del self.of.under_way[self]
            self._expired = True
            self._task.cancel()
