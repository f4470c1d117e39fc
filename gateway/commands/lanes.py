"""One lane for each connection: how many attempts may run there now, and until when it rests."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from adapters.contracts.errors import SystemFault, Throttled, Unreachable
from gateway.commands.policy import Policy


class Lane:
    """The budget of a connection. One place is kept free of deferred work, for callers that are waiting.

    A system that refuses without saying for how long gets half as many attempts at once, and gains them back
    with every answer (additive increase, multiplicative decrease): the lane finds the pace that it bears.
    """

    def __init__(self, concurrency: int, policy: Policy, random: Random) -> None:
        self._places = max(1, min(concurrency, policy.workers))
        self._policy = policy
        self._random = random
        self._bearable = float(self._places)
        self._taken = 0
        self.setbacks = 0
        self.paused_until: datetime | None = None

    def take(self, now: datetime, *, deferred: bool, wanted: int | None = None) -> int:
        """Takes as many places as there are, at most ``wanted``. Each must be given back."""
        if self.paused_until is not None and now < self.paused_until:
            return 0
        bearable = int(self._bearable)
        places = max(1, bearable - 1) if deferred else bearable
        free = max(0, places - self._taken)
        taken = free if wanted is None else min(free, wanted)
        self._taken += taken
        return taken

    def give_back(self, places: int = 1) -> None:
        self._taken -= places

    def answered(self) -> None:
        """The system has answered a command, whatever it said."""
        self.setbacks = 0
        self._bearable = min(self._places, self._bearable + 1 / self._bearable)

    def held_up(self, fault: SystemFault, now: datetime) -> None:
        """Rests the lane after ``Throttled`` and ``Unreachable``; other faults tell of one command only."""
        if not isinstance(fault, Throttled | Unreachable):
            return
        told = fault.retry_after_s if isinstance(fault, Throttled) else None
        resting = self.paused_until is not None and now < self.paused_until
        if not resting:
            self.setbacks += 1
            if told is None:
                self._bearable = max(1.0, self._bearable / 2)
        pause_s = (
            min(self._policy.pause_cap_s, self._policy.back_off_s(self.setbacks, self._random))
            if told is None
            else told
        )
        until = now + timedelta(seconds=pause_s)
        self.paused_until = max(until, self.paused_until) if self.paused_until is not None else until
