"""The cross-reference table: links between records of different systems, as last seen.

Learned from rows that pass by, written in the background, read when the system that knows a link is
down. A small cache in memory keeps what is learned again and again from being written again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from cachetools import LRUCache
from sqlalchemy import Column, MetaData, String, Table, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_log = structlog.get_logger(__name__)

metadata = MetaData()

links = Table(
    "cross_reference",
    metadata,
    Column("connection", String, primary_key=True),
    Column("record_id", String, primary_key=True),
    Column("link", String, primary_key=True),
    Column("value", String, nullable=False),
)

_Key = tuple[str, str, str]


class SqlCrossReferences:
    """Implements ``resolvers.ports.CrossReferences`` on a SQL database."""

    def __init__(self, engine: AsyncEngine, *, cached: int = 50_000) -> None:
        self._engine = engine
        self._seen: LRUCache[_Key, str] = LRUCache(maxsize=cached)
        self._pending: dict[_Key, str] = {}
        self._writing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, file: Path) -> SqlCrossReferences:
        """Opens the SQLite file, and makes it where there is none. Raises ``OSError`` or ``DBAPIError``."""
        file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(f"sqlite+aiosqlite:///{file}", hide_parameters=True)
        try:
            async with engine.begin() as connection:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                await connection.run_sync(metadata.create_all)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    def learn(self, connection: str, record_id: str, link: str, value: str) -> None:
        key = (connection, record_id, link)
        if self._seen.get(key) == value:
            return
        self._seen[key] = value
        self._pending[key] = value
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    def known(self, connection: str, record_id: str, link: str) -> str | None:
        return self._seen.get((connection, record_id, link))

    async def recall(self, connection: str, record_id: str, link: str) -> str | None:
        known = self._seen.get((connection, record_id, link))
        if known is not None:
            return known
        query = select(links.c.value).where(
            links.c.connection == connection, links.c.record_id == record_id, links.c.link == link
        )
        async with self._engine.connect() as database:
            return (await database.execute(query)).scalar_one_or_none()

    async def _write(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, {}
            rows = [
                {"connection": key[0], "record_id": key[1], "link": key[2], "value": value}
                for key, value in batch.items()
            ]
            statement = insert(links)
            upsert = statement.on_conflict_do_update(
                index_elements=[links.c.connection, links.c.record_id, links.c.link],
                set_={"value": statement.excluded.value},
            )
            try:
                async with self._engine.begin() as database:
                    await database.execute(upsert, rows)
            except SQLAlchemyError:
                # What is not kept now is learned again when the row passes by next; reads go on.
                _log.exception("cross-references were not written", count=len(rows))
                for key in batch:
                    self._seen.pop(key, None)

    async def aclose(self) -> None:
        if self._writing is not None:
            await self._writing
        await self._engine.dispose()
