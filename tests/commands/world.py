"""What the engine's tests run it in: a clock that passes when told, and a system that keeps what it did."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random
from typing import Any

from sqlalchemy.engine import URL

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
)
from adapters.contracts.fields import Field, FieldMap
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.contracts.writes import WRITINGS, Settled, Settlement, Verb, Write, Writer
from gateway.commands.boundaries import Observer
from gateway.commands.engine import CommandEngine
from gateway.commands.policy import Policy
from gateway.commands.target import WriterTarget
from gateway.store.database import Database
from resolvers.command_port import NewCommand


class FakeClock:
    """Time passes only in ``advance``."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), waking))
        await waking

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waking = heapq.heappop(self._sleepers)[2]
            if not waking.done():
                waking.set_result(None)


class Fate(Enum):
    """What becomes of one request. ``LOST_…`` and later: the gateway cannot know whether it was done."""

    DONE = "done"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    UNAUTHORISED = "unauthorised"
    REJECTED = "rejected"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    LOST_DONE = "lost, done"
    LOST_NOT_DONE = "lost, not done"
    MALFORMED_DONE = "malformed answer, done"
    BROKEN_DONE = "adapter broke, done"
    BROKEN_NOT_DONE = "adapter broke, not done"


_FAULTS: dict[Fate, Callable[[], Exception]] = {
    Fate.UNREACHABLE: lambda: Unreachable("no connection"),
    Fate.THROTTLED: lambda: Throttled("slow down", retry_after_s=2.0),
    Fate.UNAUTHORISED: lambda: Unauthorised("the key is not valid"),
    Fate.REJECTED: lambda: Rejected("no such plan", vendor_code="bad_plan"),
    Fate.NOT_FOUND: lambda: NotFound("no such record"),
    Fate.CONFLICT: lambda: Conflict("it changed", vendor_code="stale"),
    Fate.LOST_DONE: lambda: OutcomeUnknown("no answer"),
    Fate.LOST_NOT_DONE: lambda: OutcomeUnknown("no answer"),
    Fate.MALFORMED_DONE: lambda: Malformed("not JSON"),
    Fate.BROKEN_DONE: lambda: KeyError("id"),
    Fate.BROKEN_NOT_DONE: lambda: ZeroDivisionError(),
}
_DONE = {Fate.DONE, Fate.LOST_DONE, Fate.MALFORMED_DONE, Fate.BROKEN_DONE}


class Reading(Enum):
    """What becomes of one reading that is to settle a write."""

    TELLS = "tells"
    UNDECIDED = "undecided"
    UNREACHABLE = "unreachable"
    BROKEN = "broken"


class MemorySystem(Writer):
    """A system without any protection against doubles: it counts what it was made to do."""

    verbs = frozenset(Verb) - {Verb.PAUSE_SUBSCRIPTION}

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.order: list[tuple[str, str]] = []
        self.sent: list[Write] = []
        self.read = 0
        self.fates: deque[Fate] = deque()
        self.readings: deque[Reading] = deque()
        self.changed_at: dict[str, datetime] = {}
        self.looking_fails: deque[SystemFault] = deque()
        self.gate: asyncio.Event | None = None
        self.at_gate = asyncio.Semaphore(0)
        self.under_way = 0
        self.most_under_way = 0

    async def perform(self, write: Write) -> str:
        self.sent.append(write)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            if self.gate is not None:
                self.at_gate.release()
                await self.gate.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        fate = self.fates.popleft() if self.fates else Fate.DONE
        if fate in _DONE:
            self.done[write.key] += 1
            self.order.append((f"{WRITINGS[write.verb].type.value} {write.record_id}", write.key))
        if fate is not Fate.DONE:
            raise _FAULTS[fate]()
        return f"result-of-{write.record_id}"

    async def settle(self, write: Write) -> Settled:
        self.read += 1
        reading = self.readings.popleft() if self.readings else Reading.TELLS
        if reading is Reading.UNREACHABLE:
            raise Unreachable("no connection")
        if reading is Reading.BROKEN:
            raise ZeroDivisionError
        if reading is Reading.UNDECIDED:
            return Settled(Settlement.UNDECIDED)
        if self.done[write.key]:
            return Settled(Settlement.DONE, f"result-of-{write.record_id}")
        return Settled(Settlement.NOT_DONE)


class Ledger(Resource):
    """The records of a system, as far as a guard reads them: when each was changed."""

    fields = FieldMap(
        "ledger",
        [
            Field("id", ("id",), lambda row: row["id"]),
            Field("updated_at", ("changed_at",), lambda row: row["changed_at"]),
        ],
    )
    caps = Caps(ids_per_call=1, rows_per_call=1)

    def __init__(self, system: MemorySystem) -> None:
        self._system = system

    async def page(self, request: PageRequest) -> Page:
        if self._system.looking_fails:
            raise self._system.looking_fails.popleft()
        [record_id] = request.where[0].value
        changed_at = self._system.changed_at.get(record_id)
        rows = [] if changed_at is None else [{"id": record_id, "changed_at": changed_at}]
        return Page(rows, [row["id"] for row in rows], has_more=False)


POLICY = Policy(caller_deadline_s=5.0, workers=4, max_attempts=3)


class World:
    """Engines over one database, one clock, and systems that all of them write."""

    def __init__(self, url: URL, policy: Policy = POLICY) -> None:
        self.url = url
        self.policy = policy
        self.clock = FakeClock()
        self.systems = {name: MemorySystem() for name in ("crm", "billing", "erp", "payments")}
        self.random = Random(11)
        self._engines: list[CommandEngine] = []

    async def engine(self, *, on_boundary: Observer | None = None) -> CommandEngine:
        """Another process, as far as the database can tell."""
        engine = CommandEngine(
            await Database.open(self.url),
            {
                name: WriterTarget(system, 20, dict.fromkeys(RecordType, Ledger(system)))
                for name, system in self.systems.items()
            },
            self.policy,
            clock=self.clock,
            random=self.random,
            on_boundary=on_boundary,
        )
        self._engines.append(engine)
        return engine

    async def work(self, engine: CommandEngine, after_s: float = 0.0) -> int:
        """Lets time pass, and the engine do all that is due then. Gives how many attempts it began."""
        self.clock.advance(after_s)
        begun = 0
        while more := await engine.worker.turn():
            begun += more
            await engine.worker.idle()
        return begun

    async def aclose(self) -> None:
        for engine in self._engines:
            for system in self.systems.values():
                if system.gate is not None:
                    system.gate.set()
            await engine.worker.idle()
            await engine.aclose()


@contextlib.asynccontextmanager
async def world_on(url: URL, policy: Policy = POLICY) -> AsyncIterator[tuple[World, CommandEngine]]:
    """A world with its first engine."""
    world = World(url, policy)
    try:
        yield world, await world.engine()
    finally:
        await world.aclose()


_CONNECTIONS = {"CRM": "crm", "SUBSCRIPTIONS": "billing", "ERP": "erp", "PAYMENTS": "payments"}


def new(verb: Verb = Verb.UPDATE_CUSTOMER, record_id: str = "1", **given: Any) -> NewCommand:
    """A command to accept; what is not given is the same at every call."""
    writing = WRITINGS[verb]
    defaults: dict[str, Any] = {
        "verb": verb,
        "system": writing.system,
        "connection": _CONNECTIONS[writing.system.value],
        "record_type": writing.type,
        "record_id": record_id,
        "target": f"global-{record_id}",
        "correlation_id": "corr-1",
        "fingerprint": "same",
        "changes": {"phone": "+1 555 0100"},
        "requested_by": "ada",
    }
    return NewCommand(**{**defaults, **given})
