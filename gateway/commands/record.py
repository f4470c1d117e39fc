"""A command as it is stored, and what is concluded from one attempt of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb, Write
from gateway.commands import codec
from gateway.commands.ids import vendor_key
from resolvers.command_port import Attempt, Command
from schema.enums import CommandStatus


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of the table ``command``; its columns are explained there."""

    seq: int
    id: str
    verb: str
    status: CommandStatus
    system: str
    connection: str
    record_type: str
    record_id: str
    target: str
    correlation_id: str
    changes: str
    options: str
    unmodified_since: datetime | None
    idempotency_key: str
    key_held: bool
    fingerprint: str
    requested_by: str | None
    requested_at: datetime
    deadline: datetime
    deferred: bool
    head: bool
    due_at: datetime
    lease_owner: str | None
    attempts: int
    unanswered: int
    in_doubt: bool
    finished_at: datetime | None
    fault: str | None
    vendor_code: str | None
    message: str | None
    result_id: str | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Stored:
        columns = dict(row)
        columns["status"] = CommandStatus(columns["status"])
        return cls(**columns)

    @property
    def object(self) -> str:
        """The name of what is written: commands with the same name run in order."""
        return f"{self.connection}/{self.record_type}/{self.record_id}"

    def write(self) -> Write:
        """What every attempt sends."""
        return Write(
            verb=Verb(self.verb),
            record_id=self.record_id,
            key=vendor_key(self.id),
            changes=codec.decode(self.changes),
            options=codec.decode(self.options),
            unmodified_since=self.unmodified_since,
        )

    def public(self, attempts: list[Attempt]) -> Command:
        """The command as the graph sees it."""
        resting = self.finished_at is None and self.lease_owner is None
        return Command(
            id=self.id,
            verb=Verb(self.verb),
            status=self.status,
            system=System(self.system),
            connection=self.connection,
            record_type=RecordType(self.record_type),
            record_id=self.record_id,
            target=self.target,
            idempotency_key=self.idempotency_key,
            requested_by=self.requested_by,
            requested_at=self.requested_at,
            deadline=self.deadline,
            finished_at=self.finished_at,
            next_attempt_at=self.due_at if resting else None,
            correlation_id=self.correlation_id,
            attempts=attempts,
            fault=self.fault,
            vendor_code=self.vendor_code,
            message=self.message,
            result_id=self.result_id,
        )


class Task(Enum):
    """What the one who claimed a command has to do."""

    PERFORM = "send it"
    SETTLE = "read whether it was done"
    GIVE_UP = "its deadline has passed, and nothing was sent that is not known to have failed"


@dataclass(frozen=True, slots=True)
class Claim:
    """A command under a lease, as the claim left it: its ``attempts`` is this attempt's number."""

    task: Task
    command: Stored


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: the fault's name, the vendor's code, and a message that is safe to show."""

    fault: str
    message: str
    vendor_code: str | None = None

    def __str__(self) -> str:
        return f"{self.fault}: {self.message}"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What an attempt led to.

    status:     the status from now on.
    outcome:    as the attempt keeps it: the status it led to, or ``SETTLED`` for a reading.
    due_at:     when it is looked at next, where it goes on.
    problem:    None where nothing went wrong.
    unanswered: whether an attempt that may have arrived was found not done.
    in_doubt:   whether it is given up while it may have been done.
    """

    status: CommandStatus
    outcome: str
    due_at: datetime | None = None
    problem: Problem | None = None
    result_id: str | None = None
    unanswered: bool = False
    in_doubt: bool = False
