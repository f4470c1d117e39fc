"""Durable marks: how far something has got."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.events.tables import mark
from gateway.store.database import Database


async def get_mark(tx: AsyncConnection, name: str) -> str | None:
    query = select(mark.c.value).where(mark.c.name == name)
    return (await tx.execute(query)).scalar_one_or_none()


async def set_mark(tx: AsyncConnection, database: Database, name: str, value: str, now: datetime) -> None:
    insert = (sqlite if database.is_sqlite else postgresql).insert(mark)
    statement = insert.values(name=name, value=value, at=now)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[mark.c.name],
            set_={"value": statement.excluded.value, "at": statement.excluded.at},
        )
    )
