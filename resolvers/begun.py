"""Work that is begun for whoever will ask for what comes of it; perhaps nobody will."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def begun(work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    """A future of it. What it raises is told to who awaits it, and to no log where nobody does."""
    future = asyncio.ensure_future(work)
    future.add_done_callback(_seen)
    return future


def _seen(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
