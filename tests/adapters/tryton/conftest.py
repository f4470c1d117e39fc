"""One Tryton server for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from adapters.tryton.adapter import TrytonAdapter
from adapters.tryton.settings import TrytonSettings
from tests.support.tryton_desk import Desk
from tests.support.tryton_front import TrytonFront, tryton_front


@pytest.fixture(scope="package")
def server() -> Iterator[TrytonFront]:
    with tryton_front(name_methods=True) as found:
        yield found


@pytest.fixture
def desk(server: TrytonFront) -> Desk:
    """Somebody else at the same server."""
    return Desk(server.server)


@pytest.fixture
def front(server: TrytonFront) -> Iterator[TrytonFront]:
    """The server behind a middleware that has heard nothing yet, and misbehaves no more afterwards."""
    server.faults.disarm()
    server.faults.log.clear()
    yield server
    server.faults.disarm()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., TrytonAdapter]]:
    """Connects adapters and closes them after the test."""
    async with AsyncExitStack() as closing:

        def connected(settings: dict[str, Any], **more: Any) -> TrytonAdapter:
            adapter = TrytonAdapter(TrytonSettings(**settings), **more)
            closing.push_async_callback(adapter.aclose)
            return adapter

        yield connected
