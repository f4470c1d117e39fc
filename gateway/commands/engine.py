"""Durable commands. Implements ``resolvers.command_port.Commands``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Any

from adapters.contracts.writes import WRITINGS, Verb
from gateway.commands import codec
from gateway.commands.attempts import Attempts
from gateway.commands.boundaries import Boundary, Observer, unobserved
from gateway.commands.clock import Clock, SystemClock, within
from gateway.commands.ids import command_id
from gateway.commands.listing import find_commands, get_command
from gateway.commands.policy import Policy
from gateway.commands.record import Stored
from gateway.commands.store import CommandStore
from gateway.commands.target import Target
from gateway.commands.worker import Worker
from gateway.observability.metrics import COMMANDS_ACCEPTED
from gateway.store.database import Database
from resolvers.command_port import Command, CommandQuery, KeyReused, NewCommand

_LOOK_AGAIN_S = 0.25
"""How often a caller's command is looked at while another process has it."""


class CommandEngine:
    """The commands of a database, and this process's worker on them.

    Without ``start`` nothing is worked off but the commitments that are submitted here.
    """

    def __init__(
        self,
        database: Database,
        targets: Mapping[str, Target],
        policy: Policy | None = None,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        on_boundary: Observer | None = None,
    ) -> None:
        self.database = database
        self._policy = policy or Policy()
        self._clock = clock or SystemClock()
        self._random = random or SystemRandom()
        self._observe = on_boundary or unobserved
        self._store = CommandStore(database)
        attempts = Attempts(self._store, self._policy, self._clock, self._random, self._observe)
        self.worker = Worker(self._store, attempts, targets, self._policy, self._clock, self._random)

    def start(self) -> None:
        """Begins to work off what is due. Needs a running loop."""
        self.worker.start()

    async def aclose(self) -> None:
        """Lets attempts under way end, leaves the rest for the next start, and closes the database."""
        await self.worker.stop()
        await self.database.aclose()

    async def submit(self, new: NewCommand) -> Command:
        now = self._clock.now()
        values = self._values(new, now)
        self._observe(Boundary.BEFORE_ACCEPT, values["id"])
        stored, fresh = await self._store.accept(values, now)
        if stored.fingerprint != new.fingerprint:
            raise KeyReused(f"this idempotency key was used before with another {new.verb.value}")
        if fresh:
            COMMANDS_ACCEPTED.labels(stored.verb).inc()
            self._observe(Boundary.AFTER_ACCEPT, stored.id)
        if not stored.deferred:
            return await self._carried(stored, fresh, now + timedelta(seconds=self._policy.caller_deadline_s))
        if fresh:
            self.worker.notify()
            return stored.public([])
        return await self._existing(stored.id)

    async def known(self, verb: Verb, idempotency_key: str) -> Command | None:
        held = await self._store.holder(verb, idempotency_key, self._clock.now())
        return None if held is None else await self._existing(held.id)

    async def get(self, command_id: str) -> Command | None:
        return await get_command(self.database, command_id)

    async def find(self, query: CommandQuery) -> tuple[Sequence[Command], bool]:
        return await find_commands(self.database, query)

    async def replay(self, command_id: str, requested_by: str | None) -> Command | None:
        now = self._clock.now()
        found = await self._store.replay(command_id, requested_by, now, now + self._policy.deadline)
        self.worker.notify()
        return None if found is None else await self._existing(command_id)

    async def cancel(self, command_id: str, requested_by: str | None) -> Command | None:
        found = await self._store.cancel(command_id, requested_by, self._clock.now())
        self.worker.notify()
        return None if found is None else await self._existing(command_id)

    async def _carried(self, stored: Stored, fresh: bool, until: datetime) -> Command:
        """Runs a commitment, or waits for who runs it, while an end of it can come before ``until``."""
        with self.worker.watching(stored.id) as changed:
            if fresh and stored.head and await self.worker.run_now(stored):
                await self._changed(changed, until)
            elif fresh:
                self.worker.notify()
            while True:
                changed.clear()
                command = await self._existing(stored.id)
                if command.finished_at is not None or self._too_late(command, until):
                    return command
                await self._changed(changed, until)

    def _too_late(self, command: Command, until: datetime) -> bool:
        if self._clock.now() >= until:
            return True
        if command.next_attempt_at is None:
            return False
        rests_until = self.worker.rests_until(command.connection)
        return command.next_attempt_at > until or (rests_until is not None and rests_until > until)

    async def _changed(self, changed: asyncio.Event, until: datetime) -> None:
        left_s = (until - self._clock.now()).total_seconds()
        if left_s <= 0:
            return
        try:
            await within(self._clock, _wait(changed), min(left_s, _LOOK_AGAIN_S))
        except TimeoutError:
            return

    async def _existing(self, command_id: str) -> Command:
        command = await get_command(self.database, command_id)
        assert command is not None, "commands are never deleted"
        return command

    def _values(self, new: NewCommand, now: datetime) -> dict[str, Any]:
        own_id = command_id(now, self._random)
        return {
            "id": own_id,
            "verb": new.verb.value,
            "system": new.system.value,
            "connection": new.connection,
            "record_type": new.record_type.value,
            "record_id": new.record_id,
            "target": new.target,
            "correlation_id": new.correlation_id,
            "changes": codec.encode(new.changes),
            "options": codec.encode(new.options),
            "unmodified_since": new.unmodified_since,
            "idempotency_key": own_id if new.idempotency_key is None else new.idempotency_key,
            "fingerprint": new.fingerprint,
            "requested_by": new.requested_by,
            "deadline": now + self._policy.deadline,
            "deferred": WRITINGS[new.verb].deferred,
        }


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
