"""How much a vendor lets its callers ask: requests at once, and requests in a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None where there is no limit. What is beyond one is refused with 429, in the vendor's form.

    concurrency: requests under way at once.
    per_second:  requests let in within any second.
    """

    concurrency: int | None = None
    per_second: int | None = None


class Governor:
    """Counts requests against limits. A request that is refused counts for nothing."""

    def __init__(self, limits: Limits | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._under_way = 0
        self._entered: deque[float] = deque()

    def enter(self) -> bool:
        """Whether a request is let in; each that is must ``leave``."""
        limits = self._limits
        if limits.concurrency is not None and self._under_way >= limits.concurrency:
            return False
        if limits.per_second is not None:
            now = self._clock()
            while self._entered and self._entered[0] <= now - 1:
                self._entered.popleft()
            if len(self._entered) >= limits.per_second:
                return False
            self._entered.append(now)
        self._under_way += 1
        return True

    def leave(self) -> None:
        self._under_way -= 1
