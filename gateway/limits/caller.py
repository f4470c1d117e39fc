"""Who asks, as far as limits are concerned, and what of theirs is under way."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import Scope

from gateway.limits.errors import RateLimited
from gateway.limits.rate import Standing
from gateway.limits.settings import LimitSettings
from resolvers.viewer import UNRESTRICTED, Viewer

current_caller: ContextVar[str] = ContextVar("fieldgate_caller", default="")
"""For whom the work at hand is done; empty where it is the gateway's own. Budgets are shared by it."""


@dataclass(slots=True)
class Caller:
    """One who asks.

    key:      equal for all requests that count together: the viewer's subject, else the client's address.
    standing: how much is left of its rate, once something was counted.
    """

    key: str
    standing: Standing | None = None


def caller_of(scope: Scope, viewer: Viewer) -> Caller:
    """The caller of a request or a socket."""
    if viewer is not UNRESTRICTED:
        return Caller(viewer.subject)
    client = scope.get("client")
    return Caller("unknown" if client is None else network_of(client[0]))


def network_of(address: str) -> str:
    """The address; of IPv6 the network, for a host there has more addresses than can be counted."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


class UnderWay:
    """How much each caller has under way: operations, and streams."""

    def __init__(self, limits: LimitSettings) -> None:
        self._operations: dict[str, int] = {}
        self._streams: dict[str, int] = {}
        self._most_operations = limits.operations_per_caller
        self._most_streams = limits.subscriptions_per_caller

    def begin_operation(self, key: str) -> None:
        """Raises ``RateLimited`` where there are too many already."""
        _begin(self._operations, key, self._most_operations, "operations")

    def end_operation(self, key: str) -> None:
        _end(self._operations, key)

    def stream(self, key: str) -> Callable[[], None]:
        """Begins a stream; gives what ends it, once. Raises ``RateLimited`` where there are too many."""
        _begin(self._streams, key, self._most_streams, "subscriptions")
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                _end(self._streams, key)

        return end


def _begin(counts: dict[str, int], key: str, maximum: int, what: str) -> None:
    count = counts.get(key, 0)
    if count >= maximum:
        raise RateLimited(f"{what} under way: {maximum} of at most {maximum}")
    counts[key] = count + 1


def _end(counts: dict[str, int], key: str) -> None:
    left = counts.pop(key) - 1
    if left:
        counts[key] = left
