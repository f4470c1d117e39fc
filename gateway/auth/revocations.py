"""Learning of revoked keys at once, without asking the database for each request.

With SQLite the number of revocations is read from the file itself, which takes some ten microseconds: a
revocation by another process is seen by the next request. With PostgreSQL each revocation is told to all
gateways; while the connection that listens is lost, nothing that was verified before counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.auth.key_store import CHANNEL, REVISION
from gateway.store.database import Database

_log = structlog.get_logger(__name__)

AGAIN_S = 1.0


class Revocations(Protocol):
    """Says when what was verified before must be looked at anew."""

    def revision(self) -> int | None:
        """The same while nothing was revoked; None while that cannot be known."""
        ...

    async def aclose(self) -> None: ...


class SqliteRevocations:
    """Reads the file."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
        )

    def revision(self) -> int | None:
        try:
            found: tuple[int] = self._connection.execute(REVISION).fetchone()
        except sqlite3.Error:
            return None
        return found[0]

    async def aclose(self) -> None:
        self._connection.close()


class PostgresqlRevocations:
    """Listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revision = 0
        self._listening = False
        self._task: asyncio.Task[None] | None = None

    def revision(self) -> int | None:
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        return self._revision if self._listening else None

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            lost = asyncio.Event()

            def told(*_: Any) -> None:
                self._revision += 1

            def ended(*_: Any, lost: asyncio.Event = lost) -> None:
                self._listening = False
                lost.set()

            with contextlib.suppress(SQLAlchemyError, OSError):
                async with self._database.dedicated() as driver:
                    driver.add_termination_listener(ended)
                    await driver.add_listener(CHANNEL, told)
                    # What was revoked before the listening began was not told.
                    self._revision += 1
                    self._listening = True
                    try:
                        await lost.wait()
                    finally:
                        self._listening = False
            _log.warning("revocations of keys are not heard of for now")
            await asyncio.sleep(AGAIN_S)
