"""Leases: work that one gateway at a time does. They save work; what must hold is held by transactions."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.events.tables import lease
from gateway.store.database import Database


class Leases:
    """The leases of one gateway."""

    def __init__(self, database: Database, owner: str, length: timedelta) -> None:
        self._database = database
        self.owner = owner
        self.length = length

    async def take(self, tx: AsyncConnection, name: str, now: datetime) -> bool:
        """Takes or prolongs a lease; False while another gateway has it."""
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(lease)
        statement = (
            insert.values(name=name, owner=self.owner, until=now + self.length)
            .on_conflict_do_update(
                index_elements=[lease.c.name],
                set_={"owner": insert.excluded.owner, "until": insert.excluded.until},
                where=or_(lease.c.owner == self.owner, lease.c.until <= now),
            )
            .returning(lease.c.owner)
        )
        return (await tx.execute(statement)).first() is not None

    async def taken(self, name: str, now: datetime) -> bool:
        """``take`` in a transaction of its own."""
        return await self._database.write(lambda tx: self.take(tx, name, now))

    async def held_elsewhere(self, name: str, now: datetime) -> bool:
        """Whether another gateway has a lease, as far as can be seen."""
        query = select(lease.c.name).where(
            lease.c.name == name, lease.c.owner != self.owner, lease.c.until > now
        )

        async def work(tx: AsyncConnection) -> bool:
            return (await tx.execute(query)).first() is not None

        return await self._database.read(work)

    async def release(self) -> None:
        """Gives up all that this gateway has."""

        async def work(tx: AsyncConnection) -> None:
            await tx.execute(delete(lease).where(lease.c.owner == self.owner))

        await self._database.write(work)
