"""A deadline that costs little where it is kept."""

from __future__ import annotations

import asyncio
from asyncio import current_task, get_running_loop
from types import TracebackType
from typing import Any

import msgspec


class Deadline(msgspec.Struct, eq=False):
    """What ``asyncio.timeout`` does, and no more: it stands around every operation and every upstream call.

    The task is cancelled when the time is up, and ``TimeoutError`` comes of it; a cancellation by somebody
    else stays one. Its task and its timer are known while it lasts.
    """

    seconds: float
    _expired: bool = False
    _before: int = 0
    _task: Any = None
    _handle: Any = None

    def __enter__(self) -> None:
        loop = get_running_loop()
        task = current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is of a task")
        self._task = task
        self._before = task.cancelling()
        self._handle = loop.call_later(self.seconds, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._handle.cancel()
        task: asyncio.Task[Any] = self._task
        # Both know the operation's context, which can know who ends this: a circle for the collector.
        self._handle = self._task = None
        if self._expired and task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """The time is up now. Nothing happens where it has ended already."""
        if self._expired or self._handle is None:
            return
        self._handle.cancel()
        self._handle = get_running_loop().call_soon(self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
