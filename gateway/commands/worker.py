"""The worker of a process: claims due commands within each connection's budget, and keeps their leases.

It wakes at once for what its own process accepts or finishes, and asks the database twice a second for
what others left. Commands of a worker that dies come back when their leases run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import uuid
from collections.abc import Awaitable, Callable, Generator, Mapping
from datetime import datetime, timedelta
from random import Random

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.commands.attempts import Attempts
from gateway.commands.clock import Clock, within
from gateway.commands.lanes import Lane
from gateway.commands.policy import Policy
from gateway.commands.record import Claim, Stored
from gateway.commands.store import CommandStore
from gateway.commands.target import NoTarget, Target

_log = structlog.get_logger(__name__)

_DATABASE_FAULTS = (SQLAlchemyError, OSError, TimeoutError)


class Worker:
    """Works off the commands of a database, together with the workers of other processes."""

    def __init__(
        self,
        store: CommandStore,
        attempts: Attempts,
        targets: Mapping[str, Target],
        policy: Policy,
        clock: Clock,
        random: Random,
    ) -> None:
        self.owner = str(uuid.uuid4())
        self._store = store
        self._attempts = attempts
        self._targets = targets
        self._policy = policy
        self._clock = clock
        self._random = random
        self._lanes: dict[str, Lane] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._held_until: dict[int, datetime] = {}
        self._soon: list[datetime] = []
        self._wake = asyncio.Event()
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        """Begins to work."""
        self._loops = [
            asyncio.create_task(self._again_and_again(self._turn_and_rest)),
            asyncio.create_task(self._again_and_again(self._rest_and_renew)),
        ]

    async def stop(self) -> None:
        """Claims no more, and lets the attempts under way end; those that take too long are UNCERTAIN."""
        self._stopping = True
        for loop in self._loops[:1]:
            await _cancelled(loop)
        try:
            await within(self._clock, self.idle(), self._policy.drain_s)
        except TimeoutError:
            for task in list(self._running.values()):
                await _cancelled(task)
        for loop in self._loops:
            await _cancelled(loop)

    def notify(self) -> None:
        """There may be something to do."""
        self._wake.set()

    @contextlib.contextmanager
    def watching(self, command_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever an attempt of the command ends in this process."""
        changed = asyncio.Event()
        watchers = self._watchers.setdefault(command_id, set())
        watchers.add(changed)
        try:
            yield changed
        finally:
            watchers.discard(changed)
            if not watchers:
                self._watchers.pop(command_id, None)

    def rests_until(self, connection: str) -> datetime | None:
        """Until when nothing is sent to a connection."""
        return self._lane(connection).paused_until

    async def run_now(self, command: Stored) -> bool:
        """Starts a command that was just accepted, where its connection has a place for it."""
        lane = self._lane(command.connection)
        if self._stopping or not lane.take(self._clock.now(), deferred=command.deferred, wanted=1):
            return False
        return bool(await self._claim(lane, command.connection, command.deferred, 1, command.seq))

    async def turn(self) -> int:
        """Looks once through what is due, and starts as much of it as the budgets allow."""
        started = 0
        for connection, deferred in await self._store.due(self._clock.now()):
            lane = self._lane(connection)
            places = lane.take(self._clock.now(), deferred=deferred)
            if places:
                started += len(await self._claim(lane, connection, deferred, places))
        return started

    async def idle(self) -> None:
        """Waits for the attempts under way."""
        while self._running:
            await asyncio.wait(set(self._running.values()))
            await asyncio.sleep(0)  # those that have ended are taken off the list in a turn of the loop

    async def renew(self) -> None:
        """Prolongs the leases of the attempts under way, and ends those that have lost theirs."""
        # Those that are claimed while this waits have leases of their own.
        held = dict(self._running)
        if not held:
            return
        now = self._clock.now()
        until = now + self._lease
        try:
            kept = await self._store.renew(self.owner, list(held), until)
        except _DATABASE_FAULTS:
            _log.exception("leases were not renewed", count=len(self._running))
            # One that would run out before the next renewal must end now: another worker may take it over.
            kept = {seq for seq, held in self._held_until.items() if held - now > self._lease / 3}
        else:
            self._held_until.update(dict.fromkeys(kept, until))
        for seq, task in held.items():
            if seq not in kept and not self._attempts.is_recording(seq):
                task.cancel()

    async def _claim(
        self, lane: Lane, connection: str, deferred: bool, places: int, seq: int | None = None
    ) -> list[Claim]:
        claims: list[Claim] = []
        now = self._clock.now()
        try:
            claims = await self._store.claim(
                self.owner, connection, deferred=deferred, limit=places, now=now, lease=self._lease, seq=seq
            )
        finally:
            lane.give_back(places - len(claims))
        for claim in claims:
            self._held_until[claim.command.seq] = now + self._lease
            task = asyncio.create_task(self._carry_out(claim, lane))
            self._running[claim.command.seq] = task
            # Not at the end of the coroutine: a task that is cancelled before it begins never gets there.
            task.add_done_callback(lambda ended, command=claim.command: self._ended(ended, command, lane))
        return claims

    async def _carry_out(self, claim: Claim, lane: Lane) -> None:
        command = claim.command
        target = self._targets.get(command.connection) or NoTarget()
        try:
            conclusion = await self._attempts.carry_out(claim, target, lane)
            if conclusion.due_at is not None:
                heapq.heappush(self._soon, conclusion.due_at)
        except _DATABASE_FAULTS:
            _log.exception("an outcome was not recorded; it will be settled", command=command.id)

    def _ended(self, task: asyncio.Task[None], command: Stored, lane: Lane) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(
                "an attempt broke off; it will be settled", command=command.id, error=type(error).__name__
            )
        lane.give_back()
        self._running.pop(command.seq, None)
        self._held_until.pop(command.seq, None)
        for changed in self._watchers.get(command.id, ()):
            changed.set()
        self._wake.set()

    async def _again_and_again(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except _DATABASE_FAULTS:
                _log.exception("the database of the commands does not answer")
                await self._clock.sleep(self._policy.poll_s)

    async def _turn_and_rest(self) -> None:
        self._wake.clear()
        await self.turn()
        with contextlib.suppress(TimeoutError):
            await within(self._clock, self._wake.wait(), self._rest_s())

    async def _rest_and_renew(self) -> None:
        await self._clock.sleep(self._policy.lease_s / 3)
        await self.renew()

    def _rest_s(self) -> float:
        now = self._clock.now()
        while self._soon and self._soon[0] <= now:
            heapq.heappop(self._soon)
        pauses = [lane.paused_until for lane in self._lanes.values()]
        soon = [*self._soon[:1], *(until for until in pauses if until is not None and until > now)]
        return min([self._policy.poll_s, *((until - now).total_seconds() for until in soon)])

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._policy.lease_s)

    def _lane(self, connection: str) -> Lane:
        if connection not in self._lanes:
            target = self._targets.get(connection) or NoTarget()
            self._lanes[connection] = Lane(target.concurrency, self._policy, self._random)
        return self._lanes[connection]


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
