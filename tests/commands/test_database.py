"""The tables: made by migrations, also by several processes at once; and their indexes are used."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

import gateway.auth.tables
import gateway.commands.tables
import gateway.events.tables  # noqa: F401  every part's tables are in one metadata
from gateway.store.database import Database, postgresql_url, sqlite_url
from gateway.store.metadata import metadata
from tests.commands.conftest import FreshDatabase
from tests.commands.world import new, world_on

pytestmark = pytest.mark.anyio

OPEN = """
import asyncio, sys
from sqlalchemy.engine import make_url
from gateway.store.database import Database

async def main():
    await (await Database.open(make_url(sys.argv[1]))).aclose()

asyncio.run(main())
"""


async def test_the_migrations_make_the_tables_that_the_code_knows(database_url: URL) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        return compare_metadata(context, metadata)

    database = await Database.open(database_url)
    try:
        assert await database.read(lambda connection: connection.run_sync(differences)) == []
    finally:
        await database.aclose()


def test_several_processes_may_make_a_database_at_once(
    fresh_database: FreshDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = fresh_database()
    if url.get_backend_name() == "sqlite":
        url = sqlite_url(tmp_path / "folder" / "new.sqlite")
    else:
        request.getfixturevalue("postgresql").psql("CREATE DATABASE unmade")
        url = url.set(database="unmade")
    shown = url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen([sys.executable, "-c", OPEN, shown], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    asyncio.run(_read_nothing(url))


async def _read_nothing(url: URL) -> None:
    database = await Database.open(url)
    try:
        counted = await database.read(lambda tx: tx.execute(text("SELECT count(*) FROM command")))
        assert counted.scalar_one() == 0
    finally:
        await database.aclose()


async def test_claims_do_not_look_at_what_is_not_due(tmp_path: Path) -> None:
    async with world_on(sqlite_url(tmp_path / "x.sqlite")) as (_, engine):
        await engine.submit(new())
        plan = await engine.database.read(
            lambda tx: tx.execute(
                text(
                    "EXPLAIN QUERY PLAN SELECT * FROM command WHERE head = 1 AND connection = 'erp' "
                    "AND deferred = 1 AND due_at <= '2026' ORDER BY due_at LIMIT 5"
                )
            )
        )
        [step] = [row[-1] for row in plan]
        assert "USING INDEX command_due (connection=? AND deferred=? AND due_at<?)" in step


async def test_a_writing_that_its_caller_leaves_is_still_done(database_url: URL) -> None:
    database = await Database.open(database_url)
    begun, go_on = asyncio.Event(), asyncio.Event()
    ended: list[bool] = []

    async def work(_: object) -> None:
        begun.set()
        await go_on.wait()
        ended.append(True)

    task = asyncio.create_task(database.write(work))
    await begun.wait()
    task.cancel()
    go_on.set()
    await database.aclose()
    assert ended == [True]


@pytest.mark.parametrize(
    "given", ["postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"]
)
def test_postgresql_urls(given: str) -> None:
    assert postgresql_url(given).render_as_string(hide_password=False) == "postgresql+asyncpg://u:p@h/d"


@pytest.mark.parametrize(
    "given", ["mysql://u:secret@h/d", "secret", "sqlite:///secret", "postgresql+psycopg://h/d"]
)
def test_other_urls_are_refused_without_being_shown(given: str) -> None:
    with pytest.raises(ValueError, match="postgresql://user:password@host/database") as caught:
        postgresql_url(given)
    assert "secret" not in str(caught.value)
