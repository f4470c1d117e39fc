"""The log in the store's own database: SQLite for one gateway, PostgreSQL for several."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.commands.clock import Clock
from gateway.events import codec
from gateway.events.cursor import encode_cursor
from gateway.events.filters import wants
from gateway.events.log import Bounds, LogUnavailable, Retention
from gateway.events.marks import get_mark, set_mark
from gateway.events.tables import event_log, outbox
from gateway.store.database import Database
from gateway.store.look import Look
from resolvers.event_port import Event, EventFilter

PAGE = 500
_FLOOR = "log/floor"
_LOCK = "event-log"
_CHANNEL = "fieldgate_events"
_LOOK_S = 0.5
"""How often the tail looks by itself: for what another process wrote to the same SQLite file, and for what
PostgreSQL told while the connection that listens was lost."""


class SqlLog:
    """Implements ``gateway.events.log.Log``.

    Appending transactions follow one another, so that numbers become visible in their order: a reader
    that has seen one has seen all below it.
    """

    def __init__(self, database: Database, retention: Retention, clock: Clock) -> None:
        self._database = database
        self._retention = retention
        self._clock = clock
        self._appended = asyncio.Event()
        self._outgoing = Look(database, select(outbox.c.seq))
        self._later = Look(database, select(event_log.c.seq).where(event_log.c.seq > bindparam("seq")))
        dialect = sqlite if database.is_sqlite else postgresql
        self._insert = dialect.insert(event_log).on_conflict_do_nothing(index_elements=[event_log.c.id])

    async def append(self, tx: AsyncConnection, events: Sequence[Event]) -> None:
        if not events:
            return
        await self._database.lock(tx, _LOCK)
        rows = [
            {
                "id": event.id,
                "observed_at": event.observed_at,
                "customer": None if event.customer is None else event.customer.encode(),
                "body": codec.encode(event),
            }
            for event in events
        ]
        await tx.execute(self._insert, rows)
        if not self._database.is_sqlite:
            await tx.execute(text(f"NOTIFY {_CHANNEL}"))

    async def relay(self) -> int:
        async def move(tx: AsyncConnection) -> int:
            await self._database.lock(tx, _LOCK)
            rows = (await tx.execute(select(outbox).order_by(outbox.c.seq).limit(PAGE))).all()
            if rows:
                await self.append(tx, [codec.decode(row.body, "") for row in rows])
                await tx.execute(delete(outbox).where(outbox.c.seq.in_([row.seq for row in rows])))
            return len(rows)

        # Nothing is written, and nobody held up, where nothing waits.
        if not await self._outgoing.finds():
            return 0
        moved = await self._database.write(move)
        self.wake()
        return moved

    async def bounds(self) -> Bounds:
        return await self._read(_bounds)

    async def read(self, behind: int, limit: int) -> Sequence[Event]:
        return await self._rows(event_log.c.seq > behind, limit, newest=False)

    async def newest(
        self, wanted: EventFilter, first: int, before: int | None
    ) -> tuple[Sequence[Event], bool]:
        found: list[Event] = []
        while len(found) <= first:
            place = event_log.c.seq < before if before is not None else event_log.c.seq > 0
            if wanted.customer is not None:
                place &= event_log.c.customer == wanted.customer.encode()
            seqs: list[int] = []
            page = await self._rows(place, PAGE, newest=True, seqs=seqs)
            found += [event for event in page if wants(wanted, event)]
            if len(page) < PAGE:
                break
            before = seqs[-1]
        return found[:first], len(found) > first

    async def get(self, event_id: str) -> Event | None:
        found = await self._rows(event_log.c.id == event_id, 1, newest=False)
        return found[0] if found else None

    async def tail(self, behind: int) -> AsyncIterator[Sequence[Event]]:
        async with contextlib.AsyncExitStack() as listening:
            if not self._database.is_sqlite:
                await listening.enter_async_context(self._listen())
            while True:
                self._appended.clear()
                if await self._has_after(behind):
                    seqs: list[int] = []
                    found = await self._rows(event_log.c.seq > behind, PAGE, newest=False, seqs=seqs)
                    if found:
                        behind = seqs[-1]
                        yield found
                        continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._appended.wait()

    def wake(self) -> None:
        self._appended.set()

    async def trim(self) -> None:
        oldest = self._clock.now() - self._retention.age

        async def work(tx: AsyncConnection) -> None:
            await self._database.lock(tx, _LOCK)
            bounds = await _bounds(tx)
            young = select(func.min(event_log.c.seq)).where(event_log.c.observed_at >= oldest)
            first_young: int | None = (await tx.execute(young)).scalar_one()
            floor = bounds.last if first_young is None else first_young - 1
            by_count = (
                select(event_log.c.seq)
                .order_by(event_log.c.seq.desc())
                .offset(self._retention.count)
                .limit(1)
            )
            floor = max(floor, (await tx.execute(by_count)).scalar_one_or_none() or 0)
            if floor > bounds.floor:
                await tx.execute(delete(event_log).where(event_log.c.seq <= floor))
                await set_mark(tx, self._database, _FLOOR, str(floor), self._clock.now())

        await self._database.write(work)

    async def aclose(self) -> None:
        """The database is its opener's."""

    async def _rows(
        self, where: ColumnElement[bool], limit: int, *, newest: bool, seqs: list[int] | None = None
    ) -> list[Event]:
        order = event_log.c.seq.desc() if newest else event_log.c.seq
        query = select(event_log.c.seq, event_log.c.body).where(where).order_by(order).limit(limit)

        async def work(tx: AsyncConnection) -> list[Any]:
            return list((await tx.execute(query)).all())

        rows = await self._read(work)
        if seqs is not None:
            seqs += [row.seq for row in rows]
        return [codec.decode(row.body, encode_cursor(row.seq)) for row in rows]

    async def _has_after(self, seq: int) -> bool:
        try:
            return await self._later.finds(seq=seq)
        except (SQLAlchemyError, OSError) as error:
            raise LogUnavailable("the database of the log does not answer") from error

    async def _read(self, work: Any) -> Any:
        try:
            return await self._database.read(work)
        except (SQLAlchemyError, OSError) as error:
            raise LogUnavailable("the database of the log does not answer") from error

    @contextlib.asynccontextmanager
    async def _listen(self) -> AsyncGenerator[None]:
        """PostgreSQL tells this process of what any process appended, once that is committed."""

        def told(*_: Any) -> None:
            self.wake()

        try:
            async with self._database.dedicated() as driver:
                await driver.add_listener(_CHANNEL, told)
                try:
                    yield
                finally:
                    with contextlib.suppress(Exception):
                        await driver.remove_listener(_CHANNEL, told)
        except (SQLAlchemyError, OSError) as error:
            raise LogUnavailable("the database of the log does not answer") from error


async def _bounds(tx: AsyncConnection) -> Bounds:
    floor = int(await get_mark(tx, _FLOOR) or 0)
    last: int | None = (await tx.execute(select(func.max(event_log.c.seq)))).scalar_one()
    return Bounds(floor, max(floor, last or 0))
