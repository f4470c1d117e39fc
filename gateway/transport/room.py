"""How many connections a server takes: in total, and from one address. WebSockets are among them."""

from __future__ import annotations

import asyncio
from collections import Counter

from gateway.limits.caller import network_of
from gateway.limits.settings import LimitSettings

WAITING = 100
"""Connections beyond the total that are kept to be told so; more are cut off at once, unheard."""

RETRY_AFTER_S = 5


class Room:
    """The connections of one server. All is asked of the event loop's thread."""

    def __init__(self, limits: LimitSettings) -> None:
        self._total = limits.connections
        self._per_address = limits.connections_per_address
        self._inside: dict[asyncio.BaseTransport, str] = {}
        self._by_address: Counter[str] = Counter()
        self._waiting: set[asyncio.BaseTransport] = set()

    def enter(self, transport: asyncio.BaseTransport, host: str | None) -> bool:
        """Whether there is room for a connection: from then on it has its place, until it leaves."""
        if transport in self._inside:
            return True
        address = "" if host is None else network_of(host)
        if len(self._inside) >= self._total or (
            self._per_address is not None and self._by_address[address] >= self._per_address
        ):
            return False
        self._waiting.discard(transport)
        self._inside[transport] = address
        self._by_address[address] += 1
        return True

    def wait(self, transport: asyncio.BaseTransport) -> bool:
        """Whether one for which there is no room may stay to be told so."""
        if len(self._waiting) >= WAITING:
            return False
        self._waiting.add(transport)
        return True

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """A connection has ended; it may have had no place."""
        self._waiting.discard(transport)
        address = self._inside.pop(transport, None)
        if address is None:
            return
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
