"""Dead letters: verified messages that could not be understood, kept whole until somebody replays them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.errors import Malformed
from adapters.contracts.events import EventSource
from gateway.events.tables import dead_letter, inbox
from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message, and why it is here. ``reason`` quotes nothing of it."""

    seq: int
    connection: str
    key: str
    body: bytes
    reason: str
    received_at: datetime
    failed_at: datetime


async def bury(
    tx: AsyncConnection,
    database: Database,
    connection: str,
    key: str,
    body: bytes,
    reason: str,
    *,
    received_at: datetime,
    now: datetime,
) -> None:
    """Keeps a message as a dead letter; the same message again only renews the reason."""
    insert = (sqlite if database.is_sqlite else postgresql).insert(dead_letter)
    statement = insert.values(
        connection=connection,
        key=key,
        body=body,
        reason=reason,
        received_at=received_at,
        failed_at=now,
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[dead_letter.c.connection, dead_letter.c.key],
            set_={"reason": statement.excluded.reason, "failed_at": statement.excluded.failed_at},
        )
    )


async def dead_letters(
    database: Database, *, connection: str | None = None, limit: int = 100
) -> Sequence[DeadLetter]:
    """The newest dead letters."""
    query = select(dead_letter).order_by(dead_letter.c.seq.desc()).limit(limit)
    if connection is not None:
        query = query.where(dead_letter.c.connection == connection)

    async def work(tx: AsyncConnection) -> list[DeadLetter]:
        return [DeadLetter(**row) for row in (await tx.execute(query)).mappings()]

    return await database.read(work)


async def get_dead_letter(database: Database, seq: int) -> DeadLetter | None:
    """The dead letter of a number; None where there is none."""
    query = select(dead_letter).where(dead_letter.c.seq == seq)

    async def work(tx: AsyncConnection) -> DeadLetter | None:
        row = (await tx.execute(query)).mappings().one_or_none()
        return None if row is None else DeadLetter(**row)

    return await database.read(work)


async def replay(
    database: Database,
    sources: Mapping[str, EventSource],
    now: datetime,
    *,
    seq: int | None = None,
    connection: str | None = None,
) -> tuple[int, int]:
    """Puts dead letters back into the inbox. Gives how many went back, and how many still have no key."""
    query = select(dead_letter).order_by(dead_letter.c.seq)
    if seq is not None:
        query = query.where(dead_letter.c.seq == seq)
    if connection is not None:
        query = query.where(dead_letter.c.connection == connection)

    async def work(tx: AsyncConnection) -> tuple[int, int]:
        back = left = 0
        for row in (await tx.execute(query)).mappings().all():
            letter = DeadLetter(**row)
            key = _key(sources.get(letter.connection), letter)
            if key is None:
                left += 1
                continue
            await _put_back(tx, database, letter, key, now)
            back += 1
        return back, left

    return await database.write(work)


async def _put_back(
    tx: AsyncConnection, database: Database, letter: DeadLetter, key: str, now: datetime
) -> None:
    insert = (sqlite if database.is_sqlite else postgresql).insert(inbox)
    statement = insert.values(
        connection=letter.connection,
        key=key,
        body=letter.body,
        received_at=now,
        due_at=now,
    )
    again = {"body": statement.excluded.body, "due_at": statement.excluded.due_at}
    await tx.execute(
        statement.on_conflict_do_update(index_elements=[inbox.c.connection, inbox.c.key], set_=again)
    )
    await tx.execute(delete(dead_letter).where(dead_letter.c.seq == letter.seq))


def _key(source: EventSource | None, letter: DeadLetter) -> str | None:
    if not letter.key.startswith("sha256:"):
        return letter.key
    if source is None:
        return None
    try:
        return source.key(letter.body)
    except (Malformed, ValueError, KeyError, TypeError):
        return None
