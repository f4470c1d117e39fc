"""The end of a server, in two steps, so that nothing on its way to it is lost.

Announced: it is no longer ready, every answer asks its connection to close, and everything is answered still.
Whoever balances load sends new connections elsewhere. Begun: no new connections; streams, which are no
requests that finish by themselves, are told to come back; what is under way is finished.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

JITTER_MS = 5_000
"""Clients come back within so long of each other, and not all at once."""

CLOSE = (b"connection", b"close")


def reconnect_after_ms() -> int:
    """How long one client should wait before it connects anew."""
    return random.randint(100, JITTER_MS)


class Drain:
    """Who is to be told."""

    KEY = "drain"
    """Its name in the lifespan's state, where the server finds it."""

    def __init__(self) -> None:
        self.announced = False
        self.under_way = False
        self._listeners: dict[Callable[[], None], None] = {}

    def add(self, listener: Callable[[], None]) -> None:
        self._listeners[listener] = None

    def remove(self, listener: Callable[[], None]) -> None:
        self._listeners.pop(listener, None)

    def announce(self) -> None:
        """From now on the gateway is not ready."""
        self.announced = True

    def begin(self) -> None:
        """Tells all of them."""
        self.announced = self.under_way = True
        for listener in tuple(self._listeners):
            listener()


class DrainMiddleware:
    """Asks connections to close, once the end is announced: one that is kept open could meet it."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_and_close(message: Message) -> None:
            if self._drain.announced and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), CLOSE]
            await send(message)

        await self._app(scope, receive, send_and_close)
