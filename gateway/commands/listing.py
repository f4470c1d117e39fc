"""Reading commands: one with its attempts, and pages of them, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.commands.record import Stored
from gateway.commands.tables import attempt, command
from gateway.store.database import Database
from resolvers.command_port import Attempt, Command, CommandQuery

_C = command.c


async def get_command(database: Database, command_id: str) -> Command | None:
    """The command with its attempts."""

    async def work(tx: AsyncConnection) -> Command | None:
        row = (await tx.execute(select(command).where(_C.id == command_id))).mappings().one_or_none()
        return None if row is None else (await _with_attempts(tx, [Stored.of(row)]))[0]

    return await database.read(work)


async def find_commands(database: Database, query: CommandQuery) -> tuple[Sequence[Command], bool]:
    """A page, and whether more follow. A position that is no command's gives an empty page."""
    statement = select(command).where(*_conditions(query)).order_by(_C.seq.desc()).limit(query.first + 1)

    async def work(tx: AsyncConnection) -> tuple[Sequence[Command], bool]:
        found = [Stored.of(row) for row in (await tx.execute(statement)).mappings()]
        return await _with_attempts(tx, found[: query.first]), len(found) > query.first

    return await database.read(work)


def _conditions(query: CommandQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.status is not None:
        conditions.append(_C.status.in_([status.value for status in query.status]))
    if query.target is not None:
        conditions.append(_C.target == query.target)
    if query.kind is not None:
        conditions.append(_C.verb == query.kind)
    if query.requested_by is not None:
        conditions.append(_C.requested_by == query.requested_by)
    if query.after is not None:
        conditions.append(
            _C.seq < select(_C.seq).where(_C.id == query.after).correlate(None).scalar_subquery()
        )
    return conditions


async def _with_attempts(tx: AsyncConnection, commands: Sequence[Stored]) -> list[Command]:
    if not commands:
        return []
    query = (
        select(attempt)
        .where(attempt.c.command_seq.in_([each.seq for each in commands]))
        .order_by(attempt.c.command_seq, attempt.c.number)
    )
    attempts: dict[int, list[Attempt]] = {each.seq: [] for each in commands}
    for row in (await tx.execute(query)).mappings():
        attempts[row["command_seq"]].append(
            Attempt(
                number=row["number"],
                started_at=row["started_at"],
                finished_at=row["finished_at"],
                outcome=row["outcome"],
                error=row["error"],
            )
        )
    return [each.public(attempts[each.seq]) for each in commands]
