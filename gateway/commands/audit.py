"""The audit: who asked for what, when, what was sent to which record, and how it ended.

Values are kept only of fields that are declared safe here; of every other field the name alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import RowMapping, select

from gateway.commands.record import Problem, Stored
from gateway.commands.tables import audit
from gateway.store.database import Database
from schema.enums import CommandStatus

REDACTED = "***"

SAFE_FIELDS = frozenset(
    {
        "amount",
        "currency",
        "customer_in_crm",
        "customer_in_payments",
        "due_on",
        "effective",
        "industry",
        "invoice_in_erp",
        "plan_code",
        "quantity",
        "segment",
        "status",
    }
)
"""Fields whose values tell nothing of a person. Names, addresses, tax ids and free text are not here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. ``action``: ACCEPTED, MOVED, REPLAYED, CANCELLED. ``actor``: None for the gateway itself."""

    seq: int
    at: datetime
    actor: str | None
    action: str
    command_id: str
    correlation_id: str
    verb: str
    system: str
    connection: str
    record_type: str
    record_id: str
    before: str | None
    after: str
    attempt: int | None
    fields: str | None
    fault: str | None
    vendor_code: str | None
    message: str | None
    result_id: str | None


def redacted(changes: str, options: str) -> str:
    """The fields of a write as the audit keeps them: JSON, in the form of the codec."""
    given: dict[str, Any] = {**_object(changes), **_object(options)}
    shown = {
        name: value if name in SAFE_FIELDS or value is None else REDACTED for name, value in given.items()
    }
    return json.dumps(shown, sort_keys=True, separators=(",", ":"))


def entry(
    command: Stored,
    at: datetime,
    action: str,
    before: CommandStatus | None,
    after: CommandStatus,
    *,
    actor: str | None = None,
    attempt: int | None = None,
    with_fields: bool = False,
    problem: Problem | None = None,
    result_id: str | None = None,
) -> Mapping[str, Any]:
    """A row to insert."""
    return {
        "at": at,
        "actor": actor,
        "action": action,
        "command_id": command.id,
        "correlation_id": command.correlation_id,
        "verb": command.verb,
        "system": command.system,
        "connection": command.connection,
        "record_type": command.record_type,
        "record_id": command.record_id,
        "before": None if before is None else before.value,
        "after": after.value,
        "attempt": attempt,
        "fields": redacted(command.changes, command.options) if with_fields else None,
        "fault": None if problem is None else problem.fault,
        "vendor_code": None if problem is None else problem.vendor_code,
        "message": None if problem is None else problem.message,
        "result_id": result_id,
    }


async def entries(database: Database, *, command_id: str | None = None, last: int = 100) -> list[Entry]:
    """The last entries, oldest first; of one command, or of all."""
    query = select(audit).order_by(audit.c.seq.desc()).limit(last)
    if command_id is not None:
        query = query.where(audit.c.command_id == command_id)

    async def work(tx: Any) -> list[RowMapping]:
        return list((await tx.execute(query)).mappings())

    return [Entry(**cast(Mapping[str, Any], row)) for row in reversed(await database.read(work))]


def _object(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(text))
