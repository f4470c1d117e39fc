"""A look into the store says what a reading says, on both stores; of a file, without waiting for anybody."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.events.tables import inbox
from gateway.store.database import Database
from gateway.store.look import Look
from gateway.store.moments import Moment

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROW = {"connection": "erp", "key": "k", "body": b"", "received_at": NOON, "due_at": NOON}


def due(database: Database, connection: str) -> Look:
    where = inbox.c.connection == connection, inbox.c.due_at <= bindparam("now", type_=Moment)
    return Look(database, select(inbox.c.seq).where(*where))


async def put(database: Database, row: dict[str, object]) -> None:
    async def work(tx: AsyncConnection) -> None:
        await tx.execute(insert(inbox), [row])

    await database.write(work)


async def test_it_finds_what_is_committed_and_no_more(database_url: URL):
    database = await Database.open(database_url)
    try:
        look = due(database, "erp")
        assert not await look.finds(now=NOON)
        await put(database, ROW)
        assert await look.finds(now=NOON)
        assert await look.finds(now=NOON + timedelta(days=1))
        assert not await look.finds(now=NOON - timedelta(microseconds=1))
        # The moment counts, not the clock on somebody's wall.
        elsewhere = timezone(timedelta(hours=9))
        assert await look.finds(now=NOON.astimezone(elsewhere))
        assert not await look.finds(now=NOON.replace(tzinfo=elsewhere))
        assert not await due(database, "crm").finds(now=NOON)

        async def under_way(tx: AsyncConnection) -> bool:
            await tx.execute(delete(inbox))
            return await look.finds(now=NOON)

        assert await database.write(under_way)
        assert not await look.finds(now=NOON)
    finally:
        await database.aclose()


@pytest.mark.parametrize("fresh_database", ["sqlite"], indirect=True)
async def test_a_file_that_somebody_writes_to_is_looked_into_all_the_same(database_url: URL):
    database = await Database.open(database_url)
    other = sqlite3.connect(str(database_url.database), isolation_level=None)
    try:
        look = due(database, "erp")
        other.execute("BEGIN EXCLUSIVE")
        assert not await look.finds(now=NOON)
        other.execute("ROLLBACK")
        # What a look cannot tell is left to a reading.
        other.execute("ALTER TABLE event_inbox RENAME TO elsewhere")
        assert await look.finds(now=NOON)
    finally:
        other.close()
        await database.aclose()
