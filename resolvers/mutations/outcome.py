"""What a mutation answers at run time, whatever its payload's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resolvers.command import CommandObject
from resolvers.command_port import Command
from resolvers.entity import Entity
from schema.enums import CommandStatus
from schema.payloads import UserErrorCode


@dataclass(frozen=True, slots=True)
class Mistake:
    """A ``UserError``. ``field`` is the path in the input, as the contract spells it."""

    code: UserErrorCode
    message: str
    field: Sequence[str] | None = None


class Refused(Exception):
    """The mutation cannot be accepted: nothing was sent, nothing was kept."""

    def __init__(self, code: UserErrorCode, message: str, *path: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(code, message, list(path) or None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A payload: its object under each name that payloads have for it."""

    entity: Entity | None = None
    command: CommandObject | None = None
    user_errors: Sequence[Mistake] = field(default=())

    @property
    def customer(self) -> Entity | None:
        return self.entity

    @property
    def subscription(self) -> Entity | None:
        return self.entity

    @property
    def invoice(self) -> Entity | None:
        return self.entity

    @property
    def payment(self) -> Entity | None:
        return self.entity


_CODES: Mapping[str, UserErrorCode] = {
    "NotFound": UserErrorCode.NOT_FOUND,
    "Conflict": UserErrorCode.CONFLICT,
    "Rejected": UserErrorCode.REJECTED_BY_SYSTEM,
    "Unsupported": UserErrorCode.UNSUPPORTED,
}
"""Faults that end a command -> what the caller is told."""


def mistakes_of(command: Command) -> list[Mistake]:
    """Why a command was rejected; empty for one that was not."""
    if command.status is not CommandStatus.REJECTED:
        return []
    code = _CODES.get(command.fault or "", UserErrorCode.REJECTED_BY_SYSTEM)
    if command.vendor_code == "wrong_state":
        code = UserErrorCode.WRONG_STATE
    return [Mistake(code, f"{command.system.value}: {command.message or 'refused'}")]


def refusal(mistake: Mistake) -> Any:
    """A payload that says why nothing was accepted."""
    return Outcome(user_errors=[mistake])
