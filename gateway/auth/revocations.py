"""Learning of revoked keys at once, without asking the database for each request.

With SQLite whoever revokes a key changes a mark beside the database's file, and each request looks at the
mark: a revocation by another process is seen by the next request. The database itself is asked once a second,
should somebody have written it past us. With PostgreSQL each revocation is told to all gateways; while the
connection that listens is lost, nothing that was verified before counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.auth.key_store import CHANNEL, REVISION
from gateway.auth.mark import Mark
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
    """Looks at the mark, and counts in the file where that has changed."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
        )
        self._mark = Mark(file)
        self._clock = clock
        self._seen: bytes | None = None
        self._revision = 0
        self._until = 0.0

    def revision(self) -> int | None:
        # Read before the count is: what is revoked in between makes the next one differ.
        mark, now = self._mark.read(), self._clock()
        if mark is None or mark != self._seen or now >= self._until:
            try:
                found: tuple[int] = self._connection.execute(REVISION).fetchone()
            except sqlite3.Error:
                return None
            self._revision = found[0]
            self._seen, self._until = mark, now + AGAIN_S
        return self._revision

    async def aclose(self) -> None:
        self._connection.close()
        self._mark.close()


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
