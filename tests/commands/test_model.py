"""Random lives of commands, with faults and crashes at every boundary, against what must always be true."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from adapters.contracts.writes import Verb
from gateway.commands.audit import entries
from gateway.commands.boundaries import Boundary
from gateway.commands.engine import CommandEngine
from gateway.commands.ids import vendor_key
from gateway.commands.policy import Policy
from gateway.commands.states import FINISHED, STATES
from resolvers.command_port import Command, CommandQuery, WrongState
from schema.enums import CommandStatus
from tests.commands.conftest import FreshDatabase
from tests.commands.world import Fate, Reading, World, new

T = TypeVar("T")

VERBS = [Verb.POST_INVOICE, Verb.VOID_INVOICE, Verb.UPDATE_CUSTOMER_BILLING]
LEASE_S = 30.0
MAX_EXAMPLES = 25


class Crash(BaseException):
    """The process is killed here: nothing after it runs."""


class Process:
    """One life of the gateway. Once it has crashed, it crosses no boundary any more."""

    def __init__(self) -> None:
        self.crash_at: Boundary | None = None
        self.crashed = False

    def observe(self, boundary: Boundary, _command_id: str) -> None:
        if self.crashed or boundary is self.crash_at:
            self.crashed = True
            raise Crash


class CommandsMachine(RuleBasedStateMachine):
    """``accepted``: what a client knows to be accepted, by key. Every key is used for one object and verb."""

    def __init__(self, fresh: FreshDatabase) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        policy = Policy(caller_deadline_s=0.0, workers=3, max_attempts=3, lease_s=LEASE_S)
        self.world = World(fresh(), policy)
        self.system = self.world.systems["erp"]
        self.process = Process()
        self.engine: CommandEngine = self.run(self.world.engine(on_boundary=self.process.observe))
        self.numbers = itertools.count()
        self.asked: dict[str, tuple[Verb, str]] = {}
        self.accepted: dict[str, str] = {}
        self.replayed: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _submit(self, key: str) -> None:
        verb, record_id = self.asked[key]
        try:
            command = await self.engine.submit(new(verb, record_id, idempotency_key=key))
        except Crash:
            await self._restart()
            return
        await self.engine.worker.idle()
        assert self.accepted.setdefault(key, command.id) == command.id
        await self._restart_if_crashed()

    async def _restart_if_crashed(self) -> None:
        if self.process.crashed:
            await self._restart()

    async def _restart(self) -> None:
        self.process.crashed = True
        await self.engine.worker.idle()
        await self.engine.database.aclose()
        self.process = Process()
        self.engine = await self.world.engine(on_boundary=self.process.observe)

    @rule(
        verb=st.sampled_from(VERBS),
        record_id=st.sampled_from("ab"),
        fates=st.lists(st.sampled_from(Fate), max_size=3),
    )
    def submit(self, verb: Verb, record_id: str, fates: list[Fate]) -> None:
        key = f"key-{next(self.numbers)}"
        self.asked[key] = (verb, record_id)
        self.system.fates.extend(fates)
        self.run(self._submit(key))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        self.run(self._submit(data.draw(st.sampled_from(sorted(self.asked)))))

    @rule(readings=st.lists(st.sampled_from(Reading), min_size=1, max_size=3))
    def trouble_reading(self, readings: list[Reading]) -> None:
        self.system.readings.extend(readings)

    @rule(seconds=st.sampled_from([0.0, 0.3, 3.0, LEASE_S + 1, 90.0, 25 * 3600.0]))
    def work(self, seconds: float) -> None:
        async def work() -> None:
            self.world.clock.advance(seconds)
            await self.engine.worker.turn()
            await self.engine.worker.idle()
            await self._restart_if_crashed()

        self.run(work())

    @rule(boundary=st.sampled_from(Boundary))
    def crash_soon(self, boundary: Boundary) -> None:
        self.process.crash_at = boundary

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), cancel=st.booleans())
    def cancel_or_replay(self, data: st.DataObject, cancel: bool) -> None:
        command_id = data.draw(st.sampled_from(sorted(self.accepted.values())))
        before = self.run(self.engine.get(command_id))
        assert before is not None
        try:
            self.run((self.engine.cancel if cancel else self.engine.replay)(command_id, "operator"))
        except WrongState:
            allowed = ("ACCEPTED", "WAITING") if cancel else ("DEAD", "UNCERTAIN")
            assert before.status.value not in allowed
        else:
            self.replayed |= set() if cancel else {command_id}

    @invariant()
    def nothing_is_done_twice(self) -> None:
        assert all(count == 1 for count in self.system.done.values())

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self.run(self.world.aclose())
            self.loop.close()

    async def _end(self) -> None:
        """The system heals, and everything comes to its end."""
        self.process.crash_at = None
        self.system.fates.clear()
        self.system.readings.clear()
        for _ in range(60):
            commands = await self._all()
            if all(each.status in FINISHED for each in commands):
                break
            await self.world.work(self.engine, LEASE_S + 31)
        commands = await self._all()
        assert all(each.status in FINISHED for each in commands)
        assert {each.id for each in commands} >= set(self.accepted.values())
        for each in commands:
            times = self.system.done[vendor_key(each.id)]
            if each.status is CommandStatus.SUCCEEDED:
                assert times == 1
            elif each.status is not CommandStatus.DEAD:
                assert times == 0, each
            elif times:
                assert each.message is not None
                assert "could not be settled" in each.message
        await self._check_order(commands)
        await self._check_moves(commands)

    async def _check_order(self, commands: list[Command]) -> None:
        """Newest first is how they are listed; what was replayed has left its place."""
        place = {vendor_key(each.id): -at for at, each in enumerate(commands) if each.id not in self.replayed}
        for written in {written for written, _ in self.system.order}:
            done = [place[key] for each, key in self.system.order if each == written and key in place]
            assert done == sorted(done)

    async def _check_moves(self, commands: list[Command]) -> None:
        status: dict[str, CommandStatus] = {}
        for line in await entries(self.engine.database, last=100_000):
            after = CommandStatus(line.after)
            before = status.get(line.command_id)
            if before is None:
                assert (line.action, after) == ("ACCEPTED", CommandStatus.ACCEPTED)
            else:
                assert line.before == before.value
                assert after in STATES[before].moves or after is before is CommandStatus.UNCERTAIN
            status[line.command_id] = after
        assert status == {each.id: each.status for each in commands}

    async def _all(self) -> list[Command]:
        return list((await self.engine.find(CommandQuery(first=10_000)))[0])


@pytest.mark.timeout(150)
def test_whatever_happens_each_accepted_command_ends_once(fresh_database: FreshDatabase) -> None:
    run_state_machine_as_test(
        lambda: CommandsMachine(fresh_database),
        settings=settings(
            phases=[Phase.generate],
            max_examples=MAX_EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )
