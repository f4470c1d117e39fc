"""The durable store: one SQLite file, or a PostgreSQL database by its URL; the same SQL for both.

SQLite is opened with a single writing connection (WAL, ``synchronous=FULL``: what was committed survives
a loss of power), and readers that it does not hold up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000
_REVISIONS = "schema_version"
_MIGRATION_LOCK = 7_236_401
_OBJECT_LOCK = 7_236_402


class Database:
    """Transactions: ``read`` sees what is committed, ``write`` commits all that it did, or nothing.

    Its engines hide the parameters of statements from their errors, which go into the log.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._under_way: set[asyncio.Task[Any]] = set()
        self.is_sqlite = writer.dialect.name == "sqlite"
        database = writer.url.database
        self.file = Path(database) if self.is_sqlite and database is not None else None
        self._glances: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, url: URL) -> Database:
        """Opens the store and brings its tables up to date. Several processes may do so at once."""
        database = cls.as_it_is(url)
        await database.write(_migrate)
        return database

    @classmethod
    def as_it_is(cls, url: URL) -> Database:
        """The store with whatever tables it has, to look into. Nothing is asked of it yet."""
        if url.get_backend_name() == "sqlite":
            return _open_sqlite(url)
        engine = create_async_engine(
            url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True
        )
        return cls(engine, engine)

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._reader.connect() as connection:
            return await work(connection)

    @property
    def glances(self) -> sqlite3.Connection | None:
        """A connection to look into the file with, in the thread of the loop; None without one."""
        if self._glances is None and self.file is not None:
            self._glances = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=0,
                check_same_thread=False,
            )
        return self._glances

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Runs ``work`` in one transaction. A caller that is cancelled leaves it to end by itself."""
        task = asyncio.ensure_future(self._transaction(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._writer.begin() as connection:
            return await work(connection)

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """Keeps other transactions that lock this name waiting until this one ends."""
        if not self.is_sqlite:  # its writing transactions come one after the other
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:kind, hashtext(:name))"),
                {"kind": _OBJECT_LOCK, "name": name},
            )

    @contextlib.asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[Any]:
        """A driver's connection of one's own, outside of transactions: to listen on, with PostgreSQL."""
        async with self._reader.connect() as connection:
            raw = await connection.get_raw_connection()
            try:
                yield raw.driver_connection
            finally:
                await connection.invalidate()

    async def aclose(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)
        if self._glances is not None:
            self._glances.close()
            self._glances = None
        await self._reader.dispose()
        await self._writer.dispose()


def sqlite_url(file: Path) -> URL:
    """The URL of a SQLite file."""
    return URL.create("sqlite+aiosqlite", database=str(file))


def postgresql_url(given: str) -> URL:
    """A PostgreSQL URL as people write it, with the driver it is used with. ValueError for any other."""
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise ValueError("not a URL such as postgresql://user:password@host/database") from None
    if url.drivername not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise ValueError("not a PostgreSQL URL, as in postgresql://user:password@host/database")
    return url.set(drivername="postgresql+asyncpg")


def _open_sqlite(url: URL) -> Database:
    if url.database is not None:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    writer = create_async_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=BUSY_TIMEOUT_MS / 1000, hide_parameters=True
    )
    reader = create_async_engine(url, pool_size=4, max_overflow=4, hide_parameters=True)
    for engine, pragmas in (
        (writer, ("journal_mode=WAL", "synchronous=FULL")),
        (reader, ("query_only=ON",)),
    ):
        event.listen(engine.sync_engine, "connect", _on_connect(pragmas))
    event.listen(reader.sync_engine, "begin", _begin("BEGIN"))
    # Taking the write lock at once: a transaction that reads first and writes later could find that another
    # process wrote in between, and would fail.
    event.listen(writer.sync_engine, "begin", _begin("BEGIN IMMEDIATE"))
    return Database(writer, reader)


def _on_connect(pragmas: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def connected(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # transactions begin where we say, not where the driver does
        cursor = dbapi_connection.cursor()
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return connected


def _begin(statement: str) -> Callable[[Connection], None]:
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return begun


async def _migrate(connection: AsyncConnection) -> None:
    if connection.dialect.name != "sqlite":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    await connection.run_sync(_upgrade)


def latest_revision() -> str:
    """The revision of the newest migration, which begins the name of its file."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("*.py")).partition("_")[0]


def _upgrade(connection: Connection) -> None:
    if inspect(connection).has_table(_REVISIONS):
        found = connection.scalar(text(f"SELECT version_num FROM {_REVISIONS}"))  # noqa: S608 - a name of ours
        if found == latest_revision():
            return
    # Few starts need it, and it is a tenth of what the gateway keeps in memory.
    from alembic import command as alembic
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes |= {"connection": connection, "version_table": _REVISIONS}
    alembic.upgrade(config, "head")
