"""What the graph needs from the gateway to write: durable commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Verb
from schema.enums import CommandStatus


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A write that a caller asks for, checked and complete.

    record_type, record_id: the record at ``connection``, the connection that is written; for
                      COLLECT_PAYMENT the invoice's id in the ERP.
    target:           the global id of the object that is written, as callers know it; opaque here.
    changes, options, unmodified_since: as in ``adapters.contracts.writes.Write``.
    fingerprint:      a hash of what the caller gave: equal inputs, and only they, have equal ones. The engine
                      compares these, not ``changes``, which can hold what was looked up meanwhile.
    idempotency_key:  the caller's; None makes one.
    requested_by:     who asks; None where nobody is known.
    """

    verb: Verb
    system: System
    connection: str
    record_type: RecordType
    record_id: str
    target: str
    correlation_id: str
    fingerprint: str
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unmodified_since: datetime | None = None
    idempotency_key: str | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. ``outcome``: the status it led to, or ``SETTLED`` for a reading; ``error``: what failed."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it stands.

    id:         its record id; the global id is made from it.
    fault:      the name of the fault that ended or delays it (``"Rejected"``), with ``vendor_code`` and
                ``message``, safe to show; None while nothing went wrong.
    result_id:  the record that was changed or made, once SUCCEEDED.
    """

    id: str
    verb: Verb
    status: CommandStatus
    system: System
    connection: str
    record_type: RecordType
    record_id: str
    target: str
    idempotency_key: str
    requested_by: str | None
    requested_at: datetime
    deadline: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None
    correlation_id: str
    attempts: Sequence[Attempt]
    fault: str | None
    vendor_code: str | None
    message: str | None
    result_id: str | None


@dataclass(frozen=True, slots=True)
class CommandQuery:
    """Which commands, newest first. ``kind`` is a mutation's name, ``after`` a command id, ``requested_by``
    a viewer's subject."""

    status: Sequence[CommandStatus] | None = None
    target: str | None = None
    kind: str | None = None
    first: int = 20
    after: str | None = None
    requested_by: str | None = None


class KeyReused(Exception):
    """The idempotency key was used before, with another input. Nothing was accepted."""


class WrongState(Exception):
    """The command is in a state that does not allow what was asked (replay, cancel)."""


class Commands(Protocol):
    """Durable commands. What ``submit`` returns has been accepted, whatever happens afterwards."""

    async def submit(self, new: NewCommand) -> Command:
        """Accepts the write; a commitment is also run, within the caller's deadline.

        The same key and input gives the command accepted before, as it now stands (a running one is waited
        for, within the same deadline). Raises ``KeyReused`` for the same key with another input.
        """
        ...

    async def known(self, verb: Verb, idempotency_key: str) -> Command | None:
        """The command accepted under a key; None where the key is free. Nothing is waited for."""
        ...

    async def get(self, command_id: str) -> Command | None: ...

    async def find(self, query: CommandQuery) -> tuple[Sequence[Command], bool]:
        """A page, and whether more follow."""
        ...

    async def replay(self, command_id: str, requested_by: str | None) -> Command | None:
        """Puts a DEAD or UNCERTAIN command back in its queue; None for no such command. ``WrongState``."""
        ...

    async def cancel(self, command_id: str, requested_by: str | None) -> Command | None:
        """Gives up a command that has not started; None for no such command. ``WrongState``."""
        ...
