"""Commands in the database. Every method is one transaction, and every change of status goes into the audit.

Commands of one object wait for each other through ``head``: the first unfinished one has it, and gives it
on when it is finished. The database holds that no object has two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, exists, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.writes import Verb
from gateway.commands import audit
from gateway.commands.policy import KEY_KEPT
from gateway.commands.record import Claim, Conclusion, Problem, Stored, Task
from gateway.commands.states import CANCELLABLE, FINISHED, check_move
from gateway.commands.tables import attempt, command
from gateway.commands.tables import audit as audit_table
from gateway.events import outbox
from gateway.store.database import Database
from gateway.store.look import Look
from gateway.store.moments import Moment
from resolvers.command_port import WrongState
from schema.enums import CommandStatus

_C = command.c
_SENDABLE = (CommandStatus.ACCEPTED, CommandStatus.WAITING)

LEASE_LOST = Problem("OutcomeUnknown", "the worker that ran it ended before its answer was recorded")


class CommandStore:
    """The commands of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        due = _C.head, _C.due_at <= bindparam("now", type_=Moment)
        self._waiting = Look(database, select(_C.seq).where(*due))

    async def accept(self, values: Mapping[str, Any], now: datetime) -> tuple[Stored, bool]:
        """Keeps a new command; or gives the one that holds its key, and False.

        ``values`` are the columns that the caller's input decides.
        """
        name = "{connection}/{record_type}/{record_id}".format_map(values)
        by_key = _by_key(values["verb"], values["idempotency_key"])

        async def work(tx: AsyncConnection) -> tuple[Stored, bool]:
            await self._database.lock(tx, name)
            held = await _one(tx, by_key)
            if held is not None and not _lets_go(held, now):
                return held, False
            if held is not None:
                await tx.execute(update(command).where(_C.seq == held.seq).values(key_held=False))
            first = not await _unfinished(tx, values)
            row = {**_FRESH, **values, "requested_at": now, "due_at": now, "head": first}
            added = (await tx.execute(self._insert_unless_held(row))).mappings().one_or_none()
            if added is None:  # another process has just accepted it
                held = await _one(tx, by_key)
                assert held is not None
                return held, False
            stored = Stored.of(added)
            await _note(
                tx,
                audit.entry(
                    stored, now, "ACCEPTED", None, stored.status, actor=stored.requested_by, with_fields=True
                ),
            )
            return stored, True

        return await self._database.write(work)

    def _insert_unless_held(self, row: Mapping[str, Any]) -> Any:
        by_key = [_C.verb, _C.idempotency_key]
        if self._database.is_sqlite:
            return (
                sqlite.insert(command)
                .values(row)
                .on_conflict_do_nothing(index_elements=by_key, index_where=text("key_held = 1"))
                .returning(command)
            )
        return (
            postgresql.insert(command)
            .values(row)
            .on_conflict_do_nothing(index_elements=by_key, index_where=text("key_held"))
            .returning(command)
        )

    async def holder(self, verb: Verb, idempotency_key: str, now: datetime) -> Stored | None:
        """The command that holds a key; None where the key is free."""

        async def work(tx: AsyncConnection) -> Stored | None:
            held = await _one(tx, _by_key(verb.value, idempotency_key))
            return None if held is None or _lets_go(held, now) else held

        return await self._database.read(work)

    async def due(self, now: datetime) -> list[tuple[str, bool]]:
        """The connections with commands to look at, each with whether they are deferred; those last."""
        if not await self._waiting.finds(now=now):
            return []
        query = (
            select(_C.connection, _C.deferred)
            .where(_C.head, _C.due_at <= now)
            .group_by(_C.connection, _C.deferred)
            .order_by(_C.deferred, func.min(_C.due_at))
        )

        async def work(tx: AsyncConnection) -> list[tuple[str, bool]]:
            return [(row[0], row[1]) for row in await tx.execute(query)]

        return await self._database.read(work)

    async def claim(
        self,
        owner: str,
        connection: str,
        *,
        deferred: bool,
        limit: int,
        now: datetime,
        lease: timedelta,
        seq: int | None = None,
    ) -> list[Claim]:
        """Takes the longest due commands of a connection, or the one named, under a lease.

        What is to be sent is RUNNING afterwards, and has its attempt on record. A command whose worker's
        lease ran out while it was RUNNING is UNCERTAIN, and is to be settled.
        """
        query = (
            select(command)
            .where(_C.head, _C.connection == connection, _C.deferred == deferred, _C.due_at <= now)
            .order_by(_C.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if seq is not None:
            query = query.where(_C.seq == seq)

        async def work(tx: AsyncConnection) -> list[Claim]:
            found = [Stored.of(row) for row in (await tx.execute(query)).mappings()]
            if not found:
                return []
            abandoned = [each.seq for each in found if each.lease_owner is not None]
            if abandoned:
                await tx.execute(
                    update(attempt)
                    .where(attempt.c.command_seq.in_(abandoned), attempt.c.finished_at.is_(None))
                    .values(finished_at=now, outcome=CommandStatus.UNCERTAIN.value, error=str(LEASE_LOST))
                )
            claims: list[Claim] = []
            for task, after, rows in _sorted(found, now):
                claims += await _lease(tx, task, after, rows, owner, now, now + lease)
            return claims

        return await self._database.write(work)

    async def renew(self, owner: str, seqs: Sequence[int], until: datetime) -> set[int]:
        """Prolongs leases. Gives those that are still the owner's."""
        statement = (
            update(command)
            .where(_C.seq.in_(seqs), _C.lease_owner == owner)
            .values(due_at=until)
            .returning(_C.seq)
        )

        async def work(tx: AsyncConnection) -> set[int]:
            return {row[0] for row in await tx.execute(statement)}

        return await self._database.write(work)

    async def record(self, claim: Claim, conclusion: Conclusion, now: datetime) -> bool:
        """Keeps what an attempt led to; False where the lease was lost, and another has the command now."""
        held = claim.command
        after = conclusion.status
        if after is not held.status:
            check_move(held.status, after)
        problem = conclusion.problem
        finished = after in FINISHED
        values: dict[str, Any] = {
            "status": after.value,
            "lease_owner": None,
            "fault": None if problem is None else problem.fault,
            "vendor_code": None if problem is None else problem.vendor_code,
            "message": None if problem is None else problem.message,
            "result_id": conclusion.result_id,
            "in_doubt": conclusion.in_doubt,
        }
        if finished:
            values |= {"finished_at": now, "head": False}
        if conclusion.due_at is not None:
            values["due_at"] = conclusion.due_at
        if conclusion.unanswered:
            values["unanswered"] = _C.unanswered + 1

        async def work(tx: AsyncConnection) -> bool:
            if finished:
                await self._database.lock(tx, held.object)
            mine = _move(held, held.status, values).where(
                _C.lease_owner == held.lease_owner, _C.attempts == held.attempts
            )
            if (await tx.execute(mine)).rowcount == 0:
                return False
            if claim.task is not Task.GIVE_UP:
                await tx.execute(
                    update(attempt)
                    .where(attempt.c.command_seq == held.seq, attempt.c.number == held.attempts)
                    .values(
                        finished_at=now,
                        outcome=conclusion.outcome,
                        error=None if problem is None else str(problem),
                    )
                )
            await _note(
                tx,
                audit.entry(
                    held,
                    now,
                    "MOVED",
                    held.status,
                    after,
                    attempt=None if claim.task is Task.GIVE_UP else held.attempts,
                    problem=problem,
                    result_id=conclusion.result_id,
                ),
            )
            if finished:
                await _promote(tx, held)
            return True

        return await self._database.write(work)

    async def cancel(self, command_id: str, actor: str | None, now: datetime) -> Stored | None:
        """Gives up a command that is known not to be done. ``WrongState`` for any other."""

        async def work(tx: AsyncConnection) -> Stored | None:
            found = await _one(tx, _C.id == command_id)
            if found is None:
                return None
            await self._database.lock(tx, found.object)
            found = await _one(tx, _C.id == command_id, lock=True)
            assert found is not None
            if found.status not in CANCELLABLE:
                raise WrongState(f"a command that is {found.status.value} cannot be cancelled")
            after = CommandStatus.CANCELLED
            check_move(found.status, after)
            done = {"status": after.value, "finished_at": now, "head": False, "lease_owner": None}
            await tx.execute(_move(found, found.status, done))
            await _note(tx, audit.entry(found, now, "CANCELLED", found.status, after, actor=actor))
            if found.head:
                await _promote(tx, found)
            return found

        return await self._database.write(work)

    async def replay(
        self, command_id: str, actor: str | None, now: datetime, deadline: datetime
    ) -> Stored | None:
        """Puts a DEAD or UNCERTAIN command back, with a new deadline. ``WrongState`` for any other.

        What may have been done is read first, and sent again only where it was not.
        """

        async def work(tx: AsyncConnection) -> Stored | None:
            found = await _one(tx, _C.id == command_id)
            if found is None:
                return None
            await self._database.lock(tx, found.object)
            found = await _one(tx, _C.id == command_id, lock=True)
            assert found is not None
            values: dict[str, Any] = {"deadline": deadline, "unanswered": 0}
            after = CommandStatus.UNCERTAIN
            if found.status is CommandStatus.DEAD:
                after = CommandStatus.UNCERTAIN if found.in_doubt else CommandStatus.WAITING
                check_move(found.status, after)
                first = not await _unfinished(tx, _object_of(found))
                values |= {"status": after.value, "finished_at": None, "head": first, "in_doubt": False}
            elif found.status is not CommandStatus.UNCERTAIN:
                raise WrongState(f"a command that is {found.status.value} cannot be replayed")
            if found.lease_owner is None:
                values["due_at"] = now
            await tx.execute(_move(found, found.status, values))
            await _note(tx, audit.entry(found, now, "REPLAYED", found.status, after, actor=actor))
            return found

        return await self._database.write(work)


_FRESH: Mapping[str, Any] = {
    "status": CommandStatus.ACCEPTED.value,
    "key_held": True,
    "attempts": 0,
    "unanswered": 0,
    "in_doubt": False,
}


def _sorted(found: Sequence[Stored], now: datetime) -> list[tuple[Task, CommandStatus | None, list[Stored]]]:
    """What is to be done with each, and the status it has while that is done (None: the one it has)."""
    sendable = [each for each in found if each.status in _SENDABLE]
    return [
        (Task.PERFORM, CommandStatus.RUNNING, [each for each in sendable if each.deadline > now]),
        (Task.GIVE_UP, None, [each for each in sendable if each.deadline <= now]),
        (
            Task.SETTLE,
            CommandStatus.UNCERTAIN,
            [each for each in found if each.status is CommandStatus.RUNNING],
        ),
        (Task.SETTLE, None, [each for each in found if each.status is CommandStatus.UNCERTAIN]),
    ]


async def _lease(
    tx: AsyncConnection,
    task: Task,
    after: CommandStatus | None,
    rows: Sequence[Stored],
    owner: str,
    now: datetime,
    until: datetime,
) -> list[Claim]:
    if not rows:
        return []
    tries = task is not Task.GIVE_UP
    values: dict[str, Any] = {"lease_owner": owner, "due_at": until}
    if tries:
        values["attempts"] = _C.attempts + 1
    if after is not None:
        for each in rows:
            check_move(each.status, after)
        values["status"] = after.value
    statement = (
        update(command)
        .where(_C.seq.in_([each.seq for each in rows]), _C.status.in_({each.status.value for each in rows}))
        .values(values)
        .returning(command)
    )
    leased = [Stored.of(row) for row in (await tx.execute(statement)).mappings()]
    if tries:
        await tx.execute(
            insert(attempt),
            [
                {"command_seq": each.seq, "number": each.attempts, "worker": owner, "started_at": now}
                for each in leased
            ],
        )
    if after is not None:
        before = {each.seq: each.status for each in rows}
        sends = after is CommandStatus.RUNNING
        await _note(
            tx,
            *(
                audit.entry(
                    each,
                    now,
                    "MOVED",
                    before[each.seq],
                    after,
                    attempt=each.attempts if sends else each.attempts - 1,
                    with_fields=sends,
                    problem=None if sends else LEASE_LOST,
                )
                for each in leased
            ),
        )
    return [Claim(task, each) for each in leased]


def _move(held: Stored, before: CommandStatus, values: Mapping[str, Any]) -> Update:
    """A change of one command, that happens only while it has the status it is known to have."""
    return update(command).where(_C.seq == held.seq, _C.status.in_([before.value])).values(values)


async def _promote(tx: AsyncConnection, finished: Stored) -> None:
    """The next unfinished command of the object may run."""
    following = (
        select(func.min(_C.seq))
        .where(_same_object(_object_of(finished)), _C.finished_at.is_(None))
        .correlate(None)
    )
    await tx.execute(update(command).where(_C.seq == following.scalar_subquery()).values(head=True))


async def _unfinished(tx: AsyncConnection, target: Mapping[str, Any]) -> bool:
    query = select(exists().where(_same_object(target), _C.finished_at.is_(None)))
    return bool((await tx.execute(query)).scalar_one())


def _object_of(stored: Stored) -> Mapping[str, Any]:
    return {
        "connection": stored.connection,
        "record_type": stored.record_type,
        "record_id": stored.record_id,
    }


def _same_object(target: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(_C[name] == target[name] for name in ("connection", "record_type", "record_id")))


def _by_key(verb: str, idempotency_key: str) -> ColumnElement[bool]:
    return and_(_C.verb == verb, _C.idempotency_key == idempotency_key, _C.key_held)


def _lets_go(held: Stored, now: datetime) -> bool:
    """Whether a command has had its key for long enough after its end."""
    return held.finished_at is not None and held.finished_at + KEY_KEPT <= now


async def _one(tx: AsyncConnection, where: ColumnElement[bool], *, lock: bool = False) -> Stored | None:
    query = select(command).where(where)
    if lock:
        query = query.with_for_update()
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else Stored.of(row)


async def _note(tx: AsyncConnection, *entries: Mapping[str, Any]) -> None:
    await tx.execute(insert(audit_table), list(entries))
    await outbox.tell(tx, entries)
