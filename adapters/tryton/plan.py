"""A write, worked out from what was read: the one call that performs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from adapters.contracts.writes import Write
from adapters.tryton.client import Call


@dataclass(frozen=True, slots=True)
class Plan:
    """How a write is performed.

    call:  None where the record is as wanted and there is nothing to change.
    doubt: what in the record's state may speak against it, where that is for Tryton to judge: the reason
           that is given if Tryton refuses.
    """

    call: Call | None
    doubt: str | None = None


class Planner(ABC):
    """The writes of one kind of record."""

    @abstractmethod
    async def plan(self, write: Write, number: int) -> Plan:
        """Reads, and says what to call. Raises the refusal where the record shows that there will be one."""

    @abstractmethod
    async def is_done(self, write: Write, number: int) -> bool:
        """Whether the record is as the write wanted it. ``NotFound`` where there is no record."""


def same_text(there: object, wanted: object) -> bool:
    """Whether a field has a value. Tryton strips texts, and keeps no empty ones."""
    if isinstance(there, str) or isinstance(wanted, str):
        return _stripped(there) == _stripped(wanted)
    return there == wanted


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value or ""
