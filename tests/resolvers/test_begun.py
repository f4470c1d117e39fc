"""What is begun and failed is told to who asks; nothing is logged of it where nobody does."""

from __future__ import annotations

import asyncio
import gc

import pytest

from resolvers.begun import begun

pytestmark = pytest.mark.anyio


async def failing() -> None:
    raise LookupError("nothing there")


async def test_who_asks_is_told():
    with pytest.raises(LookupError):
        await begun(failing())


async def test_nobody_need_ask():
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    future = begun(failing())
    await asyncio.wait([future])
    await asyncio.sleep(0)
    del future
    gc.collect()
    assert told == []


async def test_what_is_begun_can_be_broken_off():
    future = begun(asyncio.sleep(3600))
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
