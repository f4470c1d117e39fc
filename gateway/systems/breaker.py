"""A circuit breaker: after repeated failures, calls are refused at once until the system had time to recover.

CLOSED    calls go through. ``threshold`` failures in a row open the circuit.
OPEN      calls are refused. After ``cool_down_s`` the next caller moves it to HALF_OPEN.
HALF_OPEN one call is tried: success closes the circuit, failure opens it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.contracts.errors import Unreachable
from adapters.contracts.vocabulary import CircuitState


class CircuitBreaker:
    """The breaker of one connection. ``clock`` gives seconds, monotonic.

    failures: in a row. While there are none, every call is admitted, and a success changes nothing.
    """

    def __init__(
        self, *, threshold: int = 5, cool_down_s: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._cool_down_s = cool_down_s
        self._clock = clock
        self.failures = 0
        self._opened_at: float | None = None
        self._trying = False

    @property
    def state(self) -> CircuitState:
        if self._opened_at is None:
            return CircuitState.CLOSED
        cooled = self._clock() - self._opened_at >= self._cool_down_s
        return CircuitState.HALF_OPEN if cooled or self._trying else CircuitState.OPEN

    def admit(self) -> None:
        """Lets a call through, or raises ``Unreachable``: nothing was sent."""
        if self._opened_at is None:
            return
        if self.state is CircuitState.OPEN or self._trying:
            raise Unreachable("not asked: its last calls failed, and it is given time to recover")
        self._trying = True

    def succeeded(self) -> None:
        self.failures = 0
        self._opened_at = None
        self._trying = False

    def failed(self) -> None:
        self.failures += 1
        if self._trying or self.failures >= self._threshold:
            self._opened_at = self._clock()
        self._trying = False

    def abandoned(self) -> None:
        """A call ended without telling anything of the system's health."""
        self._trying = False
