"""One attempt of a command under a lease: send it, or read whether it was done, and keep what came of it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from random import Random

import structlog

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
    Unsupported,
)
from adapters.contracts.writes import Settled, Settlement, Write
from gateway.commands.boundaries import Boundary, Observer
from gateway.commands.clock import Clock, within
from gateway.commands.lanes import Lane
from gateway.commands.policy import Policy
from gateway.commands.record import Claim, Conclusion, Problem, Stored, Task
from gateway.commands.store import CommandStore
from gateway.commands.target import Target
from gateway.observability.metrics import COMMAND_ATTEMPTS
from schema.enums import CommandStatus

_log = structlog.get_logger(__name__)

SETTLED = "SETTLED"


class Verdict(Enum):
    """What a fault means for a write."""

    AGAIN = "it was not done, and can be tried again"
    REFUSED = "it was not done, and never will be"
    DOUBT = "it may have been done"


VERDICTS: Mapping[type[SystemFault], Verdict] = {
    Unreachable: Verdict.AGAIN,
    Throttled: Verdict.AGAIN,
    Unauthorised: Verdict.AGAIN,
    Rejected: Verdict.REFUSED,
    NotFound: Verdict.REFUSED,
    Unsupported: Verdict.REFUSED,
    Conflict: Verdict.REFUSED,
    OutcomeUnknown: Verdict.DOUBT,
    Malformed: Verdict.DOUBT,
}
"""Credentials can be mended, so ``Unauthorised`` is tried again until the deadline."""


class Attempts:
    """Carries out claims. Whatever happens, a conclusion is recorded, or the lease is left to run out."""

    def __init__(
        self, store: CommandStore, policy: Policy, clock: Clock, random: Random, observe: Observer
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._random = random
        self._observe = observe
        self._recording: set[int] = set()

    def is_recording(self, seq: int) -> bool:
        """Whether a command's attempt is over and its conclusion is on its way into the store.

        The lease ends with that; to miss it then means nothing.
        """
        return seq in self._recording

    async def carry_out(self, claim: Claim, target: Target, lane: Lane) -> Conclusion:
        """Does what the claim asks for, and records it."""
        held = claim.command
        if claim.task is Task.GIVE_UP:
            return await self._record(claim, self._given_up(held))
        try:
            write = held.write()
        except (KeyError, TypeError, ValueError):
            # Kept by another version of the gateway, which may be running beside this one.
            problem = Problem("Unsupported", "this version of the gateway cannot read it")
            doubtful = claim.task is Task.SETTLE
            return await self._record(
                claim, self._uncertain(held, problem) if doubtful else self._again(held, problem, None)
            )
        try:
            if claim.task is Task.PERFORM:
                conclusion = await self._perform(held, write, target, lane)
            else:
                conclusion = await self._settle(held, write, target, lane)
        except asyncio.CancelledError:
            problem = Problem("OutcomeUnknown", "the gateway stopped before the answer came")
            await self._record(claim, self._uncertain(held, problem))
            raise
        return await self._record(claim, conclusion)

    async def _record(self, claim: Claim, conclusion: Conclusion) -> Conclusion:
        command_id = claim.command.id
        if claim.task is not Task.GIVE_UP:
            after = Boundary.AFTER_ANSWER if claim.task is Task.PERFORM else Boundary.AFTER_SETTLE
            self._observe(after, command_id)
        self._recording.add(claim.command.seq)
        try:
            recorded = await self._store.record(claim, conclusion, self._clock.now())
        finally:
            self._recording.discard(claim.command.seq)
        if recorded:
            COMMAND_ATTEMPTS.labels(claim.command.verb, conclusion.status.value).inc()
            self._observe(Boundary.AFTER_RECORD, command_id)
        else:
            _log.warning("a command went to another worker while this one had it", command=command_id)
        return conclusion

    async def _perform(self, held: Stored, write: Write, target: Target, lane: Lane) -> Conclusion:
        self._observe(Boundary.BEFORE_SEND, held.id)
        try:
            result_id = await within(self._clock, target.perform(write), self._policy.attempt_s)
        except Exception as error:  # noqa: BLE001  whatever it is, the write may have been done
            fault = self._fault_of(error)
        else:
            lane.answered()
            return Conclusion(CommandStatus.SUCCEEDED, CommandStatus.SUCCEEDED.value, result_id=result_id)
        lane.held_up(fault, self._clock.now())
        problem = _problem(fault)
        match _verdict(fault):
            case Verdict.AGAIN:
                return self._again(held, problem, _told_s(fault), cap_s=self._cap_s(fault))
            case Verdict.DOUBT:
                return self._uncertain(held, problem)
            case Verdict.REFUSED:
                lane.answered()
                rejected = Conclusion(CommandStatus.REJECTED, CommandStatus.REJECTED.value, problem=problem)
                return await self._told_apart(held, write, target, rejected) if held.unanswered else rejected

    async def _told_apart(
        self, held: Stored, write: Write, target: Target, rejected: Conclusion
    ) -> Conclusion:
        """After an attempt without an answer, a refusal may be that one's work, come late: it is read."""
        self._observe(Boundary.BEFORE_SETTLE, held.id)
        settled = await self._read(write, target)
        if isinstance(settled, SystemFault) or settled.settlement is Settlement.UNDECIDED:
            return self._uncertain(held, rejected.problem or _UNDECIDED)
        if settled.settlement is Settlement.DONE:
            return Conclusion(CommandStatus.SUCCEEDED, SETTLED, result_id=settled.record_id)
        return rejected

    async def _settle(self, held: Stored, write: Write, target: Target, lane: Lane) -> Conclusion:
        self._observe(Boundary.BEFORE_SETTLE, held.id)
        settled = await self._read(write, target)
        if isinstance(settled, SystemFault):
            lane.held_up(settled, self._clock.now())
            return self._unsettled(held, _problem(settled), _told_s(settled), self._cap_s(settled))
        lane.answered()
        if settled.settlement is Settlement.DONE:
            return Conclusion(CommandStatus.SUCCEEDED, SETTLED, result_id=settled.record_id)
        if settled.settlement is Settlement.UNDECIDED:
            return self._unsettled(held, _UNDECIDED, None)
        unanswered = held.unanswered + 1
        if unanswered >= self._policy.max_attempts:
            reason = f"given up: {unanswered} attempts had no answer, and were found not done"
            return Conclusion(CommandStatus.DEAD, SETTLED, problem=Problem("OutcomeUnknown", reason))
        return self._again(held, _NOT_DONE, None, tries=unanswered, outcome=SETTLED)

    async def _read(self, write: Write, target: Target) -> Settled | SystemFault:
        try:
            return await within(self._clock, target.settle(write), self._policy.attempt_s)
        except Exception as error:  # noqa: BLE001  whatever it is, nothing is settled
            return self._fault_of(error)

    def _fault_of(self, error: Exception) -> SystemFault:
        if isinstance(error, SystemFault):
            return error
        if isinstance(error, TimeoutError):
            return OutcomeUnknown(f"no answer within {self._policy.attempt_s:g} s", timed_out=True)
        # The log has the place, and not the exception's text: it may quote what was sent or answered.
        kind = type(error).__name__
        places = [f"{at.filename}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)[-3:]]
        _log.error("an attempt failed in an unforeseen way", error=kind, at=places)
        return OutcomeUnknown(f"the attempt failed in an unforeseen way ({kind})")

    def _again(
        self,
        held: Stored,
        problem: Problem,
        told_s: float | None,
        *,
        tries: int | None = None,
        cap_s: float | None = None,
        outcome: str = CommandStatus.WAITING.value,
    ) -> Conclusion:
        wait_s = self._policy.back_off_s(tries or held.attempts, self._random, cap_s) + (told_s or 0.0)
        due_at = min(self._clock.now() + timedelta(seconds=wait_s), held.deadline)
        unanswered = outcome == SETTLED
        return Conclusion(
            CommandStatus.WAITING, outcome, due_at=due_at, problem=problem, unanswered=unanswered
        )

    def _uncertain(
        self, held: Stored, problem: Problem, told_s: float | None = None, cap_s: float | None = None
    ) -> Conclusion:
        now = self._clock.now()
        wait_s = self._policy.settle_in_s(held.attempts, self._random, cap_s) + (told_s or 0.0)
        due_at = now + timedelta(seconds=wait_s)
        if now < held.deadline:
            due_at = min(due_at, held.deadline)
        return Conclusion(
            CommandStatus.UNCERTAIN, CommandStatus.UNCERTAIN.value, due_at=due_at, problem=problem
        )

    def _unsettled(
        self, held: Stored, problem: Problem, told_s: float | None, cap_s: float | None = None
    ) -> Conclusion:
        if self._clock.now() < held.deadline:
            return self._uncertain(held, problem, told_s, cap_s)
        reason = f"given up after its deadline; whether it was done could not be settled: {problem.message}"
        return Conclusion(
            CommandStatus.DEAD,
            CommandStatus.UNCERTAIN.value,
            problem=Problem(problem.fault, reason, problem.vendor_code),
            in_doubt=True,
        )

    def _cap_s(self, fault: SystemFault) -> float | None:
        """What is throttled waits for its lane, which finds the pace, and not for itself as well."""
        return self._policy.pause_cap_s if isinstance(fault, Throttled) else None

    def _given_up(self, held: Stored) -> Conclusion:
        last = f": {held.message}" if held.message else "; nothing was sent"
        problem = Problem(
            held.fault or Unreachable.__name__, f"given up after its deadline{last}", held.vendor_code
        )
        return Conclusion(CommandStatus.DEAD, CommandStatus.DEAD.value, problem=problem)


_UNDECIDED = Problem(
    OutcomeUnknown.__name__, "the answer was lost, and reading did not tell whether it was done"
)
_NOT_DONE = Problem(OutcomeUnknown.__name__, "the answer was lost; it was found not done, and is tried again")


def _verdict(fault: SystemFault) -> Verdict:
    return next((VERDICTS[each] for each in type(fault).__mro__ if each in VERDICTS), Verdict.DOUBT)


def _problem(fault: SystemFault) -> Problem:
    return Problem(type(fault).__name__, fault.message, fault.vendor_code)


def _told_s(fault: SystemFault) -> float | None:
    return fault.retry_after_s if isinstance(fault, Throttled) else None
