"""One connection at run time: its adapter, its circuit, its budget, and how it has answered lately."""

from __future__ import annotations

import asyncio
import statistics
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TypeVar

import structlog

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import (
    Malformed,
    OutcomeUnknown,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
    Unsupported,
)
from adapters.contracts.vocabulary import HealthStatus, System
from adapters.http import observer
from gateway.observability.upstream import UNSAID, Asked, UpstreamWatch
from gateway.systems.breaker import CircuitBreaker
from gateway.systems.deadline import Deadline, Deadlines
from gateway.systems.turns import FairTurns

T = TypeVar("T")

_log = structlog.get_logger(__name__)

ATTEMPTS = 2
"""Reads are tried again once: a pooled connection that the other side closed must not fail a field."""

_ILL: tuple[type[SystemFault], ...] = (Unreachable, OutcomeUnknown, Malformed, Unauthorised)
"""Faults that tell of the system's health; the others tell of the request."""


class Connection:
    """A configured account of a vendor. Every read of it goes through ``call``."""

    def __init__(
        self,
        name: str,
        system: System,
        vendor: str,
        adapter: Adapter,
        *,
        deadline_s: float,
        max_concurrency: int,
        breaker: CircuitBreaker | None = None,
        watch: UpstreamWatch | None = None,
    ) -> None:
        self.name = name
        self.system = system
        self.vendor = vendor
        self.adapter = adapter
        self.breaker = breaker or CircuitBreaker()
        self.throttled_until: datetime | None = None
        self.last_event_at: datetime | None = None
        self.max_concurrency = max_concurrency
        self._deadline_s = deadline_s
        self._deadlines = Deadlines(deadline_s)
        self._budget = FairTurns(max_concurrency)
        self._recent: deque[tuple[float, bool]] = deque(maxlen=100)
        self._watch = watch or UpstreamWatch(name)

    async def call(self, read: Callable[[], Awaitable[T]], asked: Asked = UNSAID) -> T:
        """Runs a read within the deadline, the circuit and the budget. Raises only a ``SystemFault``."""
        started = perf_counter()
        tries = 0
        breaker, budget = self.breaker, self._budget
        watching = self._watch.watching(asked)
        if breaker.failures:
            self._admit()
        watched = observer.set(watching)
        try:
            with Deadline(self._deadlines):
                while True:
                    if not budget.take():
                        await budget.turn()
                    try:
                        tries += 1
                        result = await read()
                        break
                    except SystemFault as fault:
                        wait_s = self._wait_s(fault, started) if tries < ATTEMPTS else None
                        if wait_s is None:
                            raise
                    except TimeoutError:
                        raise
                    except Exception as error:
                        raise self._not_understood(error) from error
                    finally:
                        budget.done()
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            late = self._late() if tries else self._busy()
            self._note(late, started, asked=tries > 0)
            raise late from None
        except SystemFault as fault:
            self._note(fault, started, asked=tries > 0 and not isinstance(fault, Unsupported))
            raise
        except BaseException:
            breaker.abandoned()
            raise
        finally:
            observer.reset(watched)
        if breaker.failures:
            breaker.succeeded()
        self._recent.append((perf_counter() - started, True))
        return result

    async def once(
        self, act: Callable[[], Awaitable[T]], asked: Asked = UNSAID, *, vouches: bool = True
    ) -> T:
        """Runs a write, or the reading that settles one: a single try, within the circuit and the budget.

        Its deadline is the caller's. What it raises that is no ``SystemFault``, the adapter did not foresee.
        vouches: whether an answer tells that the system is well, and how fast it is. What waits for news
        does not: it ends well where there was nothing to send, and late where there was nothing to tell.
        """
        started = perf_counter()
        watching = self._watch.watching(asked)
        self._admit()
        watched = observer.set(watching)
        try:
            await self._budget.turn()
            try:
                result = await act()
            finally:
                self._budget.done()
        except SystemFault as fault:
            self._note(fault, started, asked=not isinstance(fault, Unsupported))
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        finally:
            observer.reset(watched)
        if not vouches:
            self.breaker.abandoned()
            return result
        self.breaker.succeeded()
        self._recent.append((perf_counter() - started, True))
        return result

    def _admit(self) -> None:
        try:
            self.breaker.admit()
        except SystemFault as refusal:
            # Nothing was learned; counted as a failure, it would keep the circuit open for ever.
            refusal.system = self.system
            self._watch.failed(refusal)
            raise

    def _wait_s(self, fault: SystemFault, started: float) -> float | None:
        """How long to wait before another try; None where another would not help, or come too late."""
        match fault:
            case Throttled(retry_after_s=float() as told):
                left = self._deadline_s - (perf_counter() - started)
                return told if told < left / 2 else None
            case Unreachable() | OutcomeUnknown(timed_out=False):
                return 0.0
            case _:
                return None

    def _not_understood(self, error: Exception) -> SystemFault:
        # JSON of another shape than the vendor's contract says. The log has the place, and not the
        # exception's text: it may quote what the system answered.
        kind = type(error).__name__
        places = [f"{at.filename}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)[-3:]]
        _log.warning("an answer was not understood", connection=self.name, error=kind, at=places)
        return Malformed(f"the answer was not understood ({kind})")

    def _late(self) -> SystemFault:
        return OutcomeUnknown(f"no answer within {self._deadline_s:g} s", timed_out=True)

    def _busy(self) -> SystemFault:
        return Throttled(f"busy: the {self.max_concurrency} requests it may get at once were under way")

    def _note(self, fault: SystemFault, started: float, *, asked: bool) -> None:
        """Tells metrics, circuit and health of a fault. Where nothing was asked, it tells of no health."""
        fault.system = fault.system or self.system
        self._watch.failed(fault)
        if not asked:
            self.breaker.abandoned()
            return
        if isinstance(fault, Throttled):
            self.throttled_until = datetime.now(UTC) + timedelta(seconds=fault.retry_after_s or 1.0)
        ill = isinstance(fault, _ILL)
        if ill:
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        self._recent.append((perf_counter() - started, not ill))

    @property
    def latency_ms(self) -> float | None:
        """Median of the last hundred calls that were answered; None before the first."""
        answered = [elapsed for elapsed, ok in self._recent if ok]
        return round(statistics.median(answered) * 1000, 2) if answered else None

    @property
    def error_rate(self) -> float | None:
        """Share of the last hundred calls that failed, 0 to 1; None before the first."""
        if not self._recent:
            return None
        return round(sum(not ok for _, ok in self._recent) / len(self._recent), 4)

    @property
    def status(self) -> HealthStatus:
        """DOWN while the circuit is not closed, DEGRADED while calls fail or are throttled."""
        if self.breaker.state.value != "CLOSED":
            return HealthStatus.DOWN
        throttled = self.throttled_until is not None and self.throttled_until > datetime.now(UTC)
        last_failed = bool(self._recent) and not self._recent[-1][1]
        return HealthStatus.DEGRADED if throttled or last_failed else HealthStatus.UP
