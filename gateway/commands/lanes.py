"""One lane for each connection: how many attempts may run there now, how fast, and until when it rests."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from adapters.contracts.errors import SystemFault, Throttled, Unreachable
from gateway.commands.policy import Policy

_CUT = 0.95
_GAIN_PER_S = 2.0
_UNPACED_PER_S = 200.0
"""Additive increase, multiplicative decrease: a refusal cuts the pace to ``_CUT`` of what it was, an answer
adds ``_GAIN_PER_S`` attempts a second. The cut is gentle because a system that refuses part of everything,
whatever the pace, must not bring it to a stop; the price is that at a limit of 20 a second some 40 go."""


class Lane:
    """The budget of a connection. One place is kept free of deferred work, for callers that are waiting.

    A system that throttles and says for how long is left alone for as long, as is one that is unreachable,
    for longer each time. One that throttles without a word is sent one attempt after the other, at the pace
    that it turns out to bear.
    """

    def __init__(self, concurrency: int, policy: Policy, random: Random) -> None:
        self._places = max(1, min(concurrency, policy.workers))
        self._policy = policy
        self._random = random
        self._taken = 0
        self._per_s: float | None = None
        self._setbacks = 0
        self.paused_until: datetime | None = None

    def take(self, now: datetime, *, deferred: bool, wanted: int | None = None) -> int:
        """Takes as many places as there are, at most ``wanted``. Each must be given back."""
        if self._resting(now):
            return 0
        places = max(1, self._places - 1) if deferred else self._places
        free = max(0, places - self._taken)
        taken = free if wanted is None else min(free, wanted)
        if self._per_s is not None and taken:
            taken = 1
            self._rest(now, self._random.uniform(0, 2 / self._per_s))
        self._taken += taken
        return taken

    def give_back(self, places: int = 1) -> None:
        self._taken -= places

    def answered(self) -> None:
        """The system has answered a command, whatever it said."""
        self._setbacks = 0
        if self._per_s is not None:
            faster = self._per_s + _GAIN_PER_S
            self._per_s = faster if faster < _UNPACED_PER_S else None

    def held_up(self, fault: SystemFault, now: datetime) -> None:
        """Slows the lane after ``Throttled`` and ``Unreachable``; other faults tell of one command only."""
        if not isinstance(fault, Throttled | Unreachable):
            return
        told = fault.retry_after_s if isinstance(fault, Throttled) else None
        if told is not None:
            self._rest(now, told)
        elif isinstance(fault, Throttled):
            pace = float(self._places) if self._per_s is None else self._per_s
            self._per_s = max(1 / self._policy.pause_cap_s, pace * _CUT)
            self._rest(now, self._random.uniform(0, 2 / self._per_s))
        else:
            self._setbacks += not self._resting(now)
            cap_s = self._policy.pause_cap_s
            self._rest(now, self._policy.back_off_s(max(1, self._setbacks), self._random, cap_s))

    def _resting(self, now: datetime) -> bool:
        return self.paused_until is not None and now < self.paused_until

    def _rest(self, now: datetime, seconds: float) -> None:
        until = now + timedelta(seconds=seconds)
        self.paused_until = until if self.paused_until is None else max(until, self.paused_until)
