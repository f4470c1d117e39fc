"""Fetching what a system tells only when it is asked: polling, and catching up on webhooks that got lost.

What is fetched goes into the same inbox as what is pushed, and the mark behind it is kept in the same
transaction: nothing is skipped, and what is fetched twice is known again.
"""

from __future__ import annotations

import asyncio

from adapters.contracts.errors import OutcomeUnknown
from adapters.contracts.events import Batch, EventSource
from gateway.commands.clock import Clock, within
from gateway.events.inbox import Inbox
from gateway.events.leases import Leases
from gateway.events.marks import get_mark
from gateway.observability.upstream import Asked, Work
from gateway.store.database import Database
from gateway.systems.connection import Connection

CATCH_UP_S = 300.0
"""How often a system that pushes is asked for what it may have failed to push; once at the start, too."""

FETCH_S = 60.0

_FETCH = Asked(Work.FETCH, "changes")


class Poller:
    """The fetching of one connection, by one gateway at a time."""

    def __init__(
        self,
        connection: Connection,
        source: EventSource,
        inbox: Inbox,
        database: Database,
        leases: Leases,
        clock: Clock,
    ) -> None:
        self.name = connection.name
        self._connection = connection
        self._source = source
        self._inbox = inbox
        self._database = database
        self._leases = leases
        self._clock = clock
        self._mark = f"fetch/{connection.name}"
        self.every_s = source.poll_s or CATCH_UP_S

    async def turn(self) -> bool:
        """Fetches all there is by now. False where the system has no way to be asked.

        Raises a ``SystemFault``; what came before it is kept.
        """
        while await self._leases.taken(self._mark, self._clock.now()):
            mark = await self._database.read(lambda tx: get_mark(tx, self._mark))
            batch = await self._fetch(mark)
            if batch is None:
                return False
            # Where nothing has changed there is nothing to keep.
            if batch.messages or batch.mark != mark:
                await self._inbox.keep(self.name, batch.messages, (self._mark, batch.mark))
            if not batch.more:
                return True
            await asyncio.sleep(0)
        return True

    async def _fetch(self, mark: str | None) -> Batch | None:
        try:
            fetching = self._connection.once(lambda: self._source.fetch(mark), _FETCH, vouches=False)
            return await within(self._clock, fetching, FETCH_S)
        except TimeoutError:
            raise OutcomeUnknown(f"no answer within {FETCH_S:g} s", timed_out=True) from None
