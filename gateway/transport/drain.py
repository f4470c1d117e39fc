"""The end of a server, told to the streams it holds open: they are no requests that finish by themselves."""

from __future__ import annotations

import random
from collections.abc import Callable

JITTER_MS = 5_000
"""Clients come back within so long of each other, and not all at once."""


def reconnect_after_ms() -> int:
    """How long one client should wait before it connects anew."""
    return random.randint(100, JITTER_MS)


class Drain:
    """Who is to be told."""

    KEY = "drain"
    """Its name in the lifespan's state, where the server finds it."""

    def __init__(self) -> None:
        self.under_way = False
        self._listeners: dict[Callable[[], None], None] = {}

    def add(self, listener: Callable[[], None]) -> None:
        self._listeners[listener] = None

    def remove(self, listener: Callable[[], None]) -> None:
        self._listeners.pop(listener, None)

    def begin(self) -> None:
        """Tells all of them."""
        self.under_way = True
        for listener in tuple(self._listeners):
            listener()
