"""Ending tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

_AGAIN_S = 1.0


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels tasks and waits until they have ended.

    Again and again: before Python 3.12 ``asyncio.wait_for``, which the NATS client uses, drops a cancellation
    that arrives together with what it waits for (https://github.com/python/cpython/issues/86296).
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
