"""The rate limit: cost points of one caller in windows of time, alike for all gateways that share a Redis.

Headers as https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (version 10) has them.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from gateway.limits.errors import RateLimited
from gateway.limits.settings import RateSettings

_log = structlog.get_logger(__name__)

POINTS_OF_A_NEW_CHARACTER = 10
"""A document that was not sent lately is parsed and validated, which costs more than most answers."""

NOT_WORTH_GIVING_BACK = 100
"""Points that an operation was counted for beforehand and did not come to: so many are kept."""

REDIS_S = 1.0
"""A Redis that does not answer by then fails."""

QUIET_S = 30.0
"""How long a Redis that fails is left alone, while each gateway counts for itself."""


class Standing(NamedTuple):
    """What is left of a caller's window: points, and seconds until the next one."""

    remaining: int
    reset_s: int

    @property
    def header(self) -> str:
        """The value of ``RateLimit``."""
        return f'"points";r={self.remaining};t={self.reset_s}'


class Rate:
    """Counts in memory: one look-up a request, for all callers of the window at hand."""

    def __init__(self, settings: RateSettings, *, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.policy = f'"points";q={settings.points};w={settings.window_s}'
        self._now = now
        self._window = -1
        self._current = -1
        self._begins = self._ends = 0
        """The window of the last request, counted or not, and its times."""
        self._spent: dict[str, int] = {}

    def check(self, key: str) -> None:
        """Raises ``RateLimited`` for a caller who has nothing left, before anything is done for it."""
        if self._spent.get(key, 0) >= self.settings.points:
            window, reset_s = self._time()
            if window == self._window:
                raise _limited(reset_s)

    async def spend(self, key: str, points: int) -> Standing:
        """Counts an operation. Raises ``RateLimited`` where too little is left for it; then nothing is."""
        window, reset_s = self._time()
        if window != self._window:
            self._window = window
            self._spent = {}
        spent = self._spent.get(key, 0) + points
        if spent > self.settings.points:
            # The first operation of a window always runs: else one above the limit would never.
            if spent != points:
                raise _limited(reset_s)
            spent = self.settings.points
        self._spent[key] = spent
        return Standing(self.settings.points - spent, reset_s)

    async def give_back(self, key: str, points: int) -> Standing:
        """Takes back what an operation was counted for beforehand, and did not come to."""
        window, reset_s = self._time()
        spent = self._spent.get(key, 0)
        if window == self._window:
            spent = self._spent[key] = max(0, spent - points)
        return Standing(self.settings.points - spent, reset_s)

    def _time(self) -> tuple[int, int]:
        now = self._now()
        if not self._begins <= now < self._ends:
            seconds = self.settings.window_s
            self._current = int(now // seconds)
            self._begins = self._current * seconds
            self._ends = self._begins + seconds
        return self._current, math.ceil(self._ends - now) or 1

    async def aclose(self) -> None:
        """Closes what it counts in."""


class SharedRate(Rate):
    """Counts in Redis. While Redis fails, it counts in memory: a limit that is too wide beats none."""

    def __init__(self, settings: RateSettings, storage: Any, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(settings, now=now)
        self._storage = storage
        self._quiet_until = 0.0

    async def spend(self, key: str, points: int) -> Standing:
        if self._now() < self._quiet_until:
            return await super().spend(key, points)
        window, reset_s = self._time()
        name = self._name(window, key)
        try:
            spent: int = await self._storage.incr(name, self.settings.window_s * 2, points)
            limited = spent > self.settings.points and spent != points
            if limited:
                await self._storage.incr(name, self.settings.window_s * 2, -points)
        except Exception as error:  # noqa: BLE001 - whatever the client raises, callers are answered
            _log.warning("rate limits are counted by each gateway alone", error=type(error).__name__)
            self._quiet_until = self._now() + QUIET_S
            return await super().spend(key, points)
        if limited:
            raise _limited(reset_s)
        # So that the next request of a caller who has nothing left is refused without asking Redis.
        if window != self._window:
            self._window, self._spent = window, {}
        self._spent[key] = min(spent, self.settings.points)
        return Standing(max(0, self.settings.points - spent), reset_s)

    async def give_back(self, key: str, points: int) -> Standing:
        window, _ = self._time()
        standing = await super().give_back(key, points)
        if self._now() >= self._quiet_until and window == self._window:
            with contextlib.suppress(Exception):
                await self._storage.incr(self._name(window, key), self.settings.window_s * 2, -points)
        return standing

    def _name(self, window: int, key: str) -> str:
        return f"fieldgate:points:{self.settings.window_s}:{window}:{key}"

    async def aclose(self) -> None:
        await self._storage.bridge.get_connection().aclose()


def open_rate(settings: RateSettings) -> Rate:
    """The rate limit of a configuration. Nothing is sent yet. Raises ``ValueError`` without the extra."""
    if settings.redis is None:
        return Rate(settings)
    try:
        from limits.aio.storage import RedisStorage
        from limits.errors import ConfigurationError
    except ImportError as error:
        raise ValueError(_NO_REDIS) from error
    try:
        storage = RedisStorage(
            f"async+{settings.redis.get_secret_value()}",
            implementation="redispy",
            socket_timeout=REDIS_S,
            socket_connect_timeout=REDIS_S,
        )
    except ConfigurationError as error:
        raise ValueError(_NO_REDIS) from error
    return SharedRate(settings, storage)


_NO_REDIS = "needs the extra redis: pip install 'fieldgate[redis]'"


def _limited(reset_s: int) -> RateLimited:
    return RateLimited(f"the rate of points is used up; the next window begins in {reset_s} s", reset_s)
