"""The inbox: what a system told, verified and durable before anybody answers it.

Messages that arrive at the same time share a transaction, so that their rate is not bounded by that of
commits.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.errors import Malformed
from adapters.contracts.events import EventSource, Unverified
from gateway.commands.clock import Clock
from gateway.events.dead_letters import bury
from gateway.events.marks import set_mark
from gateway.events.tables import inbox
from gateway.observability.metrics import MESSAGES
from gateway.store.database import Database

MOST_AT_ONCE = 1000


class UnknownConnection(Exception):
    """No connection of this name takes webhooks."""


class Inbox:
    """The messages of every connection. ``refused`` counts those that proved no origin, by connection."""

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, EventSource],
        clock: Clock,
        arrived: Callable[[str], None],
    ) -> None:
        self._database = database
        self.sources = sources
        self._clock = clock
        self._arrived = arrived
        self.refused: Counter[str] = Counter()
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        dialect = sqlite if database.is_sqlite else postgresql
        self._insert = dialect.insert(inbox).on_conflict_do_nothing(
            index_elements=[inbox.c.connection, inbox.c.key]
        )

    async def accept(
        self, connection: str, headers: Mapping[str, str], body: bytes, path_secret: str | None
    ) -> None:
        """Keeps one message that came by webhook; a known one is kept once. Returns when it is durable.

        Raises ``UnknownConnection``, and ``Unverified`` for one that does not prove where it comes from.
        """
        source = self.sources.get(connection)
        if source is None or not source.webhooks:
            raise UnknownConnection
        now = self._clock.now()
        try:
            source.verify(headers, body, now, path_secret)
        except Unverified:
            self.refused[connection] += 1
            raise
        MESSAGES.labels(connection, "webhook").inc()
        try:
            key = source.key(body)
        except Malformed as error:
            await self._bury(connection, body, f"Malformed: {error.message}")
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the message must be kept
            await self._bury(connection, body, f"not understood ({type(error).__name__})")
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        row = {"connection": connection, "key": key, "body": body, "received_at": now, "due_at": now}
        self._waiting.append((row, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def keep(
        self, connection: str, messages: Sequence[tuple[str, bytes]], mark: tuple[str, str]
    ) -> None:
        """Keeps messages that were fetched, and the mark behind them, in one transaction."""
        now = self._clock.now()
        rows = [
            {"connection": connection, "key": key, "body": body, "received_at": now, "due_at": now}
            for key, body in messages
        ]

        async def work(tx: AsyncConnection) -> None:
            await self._add(tx, rows)
            await set_mark(tx, self._database, *mark, now)

        await self._database.write(work)
        if rows:
            MESSAGES.labels(connection, "fetch").inc(len(rows))
            self._arrived(connection)

    async def aclose(self) -> None:
        """Lets what is under way become durable."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing})

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            rows = [row for row, _ in batch]
            fault: BaseException | None = None
            try:
                await self._database.write(lambda tx, rows=rows: self._add(tx, rows))
            except BaseException as error:  # noqa: BLE001 - handed to those who wait
                fault = error
            for _, done in batch:
                if done.done():
                    continue
                if fault is None:
                    done.set_result(None)
                else:
                    done.set_exception(fault)
            if fault is None:
                for connection in {row["connection"] for row in rows}:
                    self._arrived(connection)

    async def _add(self, tx: AsyncConnection, rows: list[dict[str, Any]]) -> None:
        if rows:
            await tx.execute(self._insert, rows)

    async def _bury(self, connection: str, body: bytes, reason: str) -> None:
        key = f"sha256:{hashlib.sha256(body).hexdigest()}"
        now = self._clock.now()
        await self._database.write(
            lambda tx: bury(tx, self._database, connection, key, body, reason, received_at=now, now=now)
        )
