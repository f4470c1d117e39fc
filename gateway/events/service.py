"""The events of one gateway, started and stopped as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.contracts.errors import SystemFault
from gateway.events.broker import Broker
from gateway.events.events import LoggedEvents
from gateway.events.inbox import Inbox
from gateway.events.leases import Leases
from gateway.events.log import Log, LogUnavailable
from gateway.events.overdue import OverdueClock
from gateway.events.pollers import Poller
from gateway.events.tasks import end
from gateway.events.worker import InboxWorker
from gateway.store.database import Database

_log = structlog.get_logger(__name__)

LOOK_S = 0.5
"""How often the inbox and the outbox are looked into where nobody says that something has come."""

OVERDUE_S = 60.0
FORGET_S = 3600.0
AGAIN_S = (1.0, 60.0)
"""How long a loop rests after a fault: at first, and at most."""


class Bell:
    """Wakes the loop that waits for something."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()


class EventService:
    """``events`` is what the graph reads, ``inbox`` where webhooks go."""

    def __init__(
        self,
        database: Database,
        log: Log,
        broker: Broker,
        inbox: Inbox,
        leases: Leases,
        workers: Sequence[InboxWorker],
        pollers: Sequence[Poller],
        overdue: Sequence[OverdueClock],
        bells: dict[str, Bell],
        outgoing: Bell,
    ) -> None:
        self.database = database
        self.log = log
        self.broker = broker
        self.queue = broker.queue
        self.inbox = inbox
        self.events = LoggedEvents(log, broker)
        self.outgoing = outgoing
        self.workers = workers
        self._leases = leases
        self.pollers = pollers
        self.overdue = overdue
        self._bells = bells
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to work. Needs a running loop."""
        self.broker.start()
        loops = [
            ("relay", self._relay),
            ("forget", self._forget),
            *((f"inbox/{each.connection}", self._working(each)) for each in self.workers),
            *((f"fetch/{each.name}", self._fetching(each)) for each in self.pollers),
            *((f"overdue/{each.connection}", self._ticking(each)) for each in self.overdue),
        ]
        self._tasks = [asyncio.create_task(_for_ever(name, step)) for name, step in loops]

    async def aclose(self) -> None:
        """Ends what is under way, and hands the rest over. The database is its opener's to close."""
        await end(self._tasks)
        await self.inbox.aclose()
        await self.broker.aclose()
        await self.log.aclose()
        if self._tasks:
            try:
                await self._leases.release()
            except (SQLAlchemyError, OSError):
                _log.exception("leases were not given up; they run out")

    async def _relay(self) -> None:
        while await self.log.relay():
            pass
        await self.outgoing.wait(LOOK_S)

    async def _forget(self) -> None:
        await self.log.trim()
        for worker in self.workers:
            await worker.forget()
        await asyncio.sleep(FORGET_S)

    def _working(self, worker: InboxWorker) -> Callable[[], Awaitable[None]]:
        bell = self._bells[worker.connection]

        async def step() -> None:
            while await worker.turn():
                self.outgoing.ring()
            await bell.wait(LOOK_S)

        return step

    def _fetching(self, poller: Poller) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            able = await poller.turn()
            await asyncio.sleep(poller.every_s if able else FORGET_S)

        return step

    def _ticking(self, clock: OverdueClock) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            await clock.turn()
            await asyncio.sleep(OVERDUE_S)

        return step


async def _for_ever(name: str, step: Callable[[], Awaitable[None]]) -> None:
    """Repeats a step, whatever becomes of it; it rests longer with every fault in a row."""
    rest_s = AGAIN_S[0]
    while True:
        try:
            await step()
            rest_s = AGAIN_S[0]
            continue
        except (SystemFault, LogUnavailable) as fault:
            _log.warning("events: trying again", work=name, fault=type(fault).__name__, reason=str(fault))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("events: the database does not answer", work=name, fault=type(error).__name__)
        except Exception:  # noqa: BLE001 - one loop's defect must not end the others
            _log.exception("events: unforeseen error", work=name)
        await asyncio.sleep(rest_s)
        rest_s = min(rest_s * 2, AGAIN_S[1])
