"""What the tests of events run in: systems that tell what they are told, and gateways on one database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import URL

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import Malformed, Unreachable
from adapters.contracts.events import Batch, EventSource, Notice, Unverified
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import BusinessEventType, RecordType, System
from gateway.events.compose import open_events
from gateway.events.cursor import decode_cursor
from gateway.events.journal import STATUSES
from gateway.events.service import EventService
from gateway.events.settings import EventSettings
from gateway.store.database import Database
from gateway.systems.connection import Connection
from gateway.systems.systems import ConnectedSystems
from resolvers.event_port import Event, EventFilter

SECRET = "right"
WAIT_S = 20

SYSTEMS = {
    "crm": (System.CRM, RecordType.CUSTOMER),
    "billing": (System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION),
    "erp": (System.ERP, RecordType.INVOICE),
    "payments": (System.PAYMENTS, RecordType.PAYMENT),
}


@dataclass
class Clock:
    """The machine's clock, moved."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Source(EventSource):
    """Messages in JSON: ``{"key", "notices": [{…}]}``; ``x-secret`` proves where they come from."""

    webhooks = True
    gives = frozenset({BusinessEventType.INVOICE_PAID})

    def __init__(self) -> None:
        self.batches: dict[str | None, Batch] = {}
        self.fetched: list[str | None] = []
        self.refuses: set[str] = set()

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime, path_secret: str | None) -> None:
        if (path_secret or headers.get("x-secret")) != SECRET:
            raise Unverified

    def key(self, body: bytes) -> str:
        try:
            return json.loads(body)["key"]
        except (ValueError, KeyError) as error:
            raise Malformed("no event") from error

    def parse(self, body: bytes) -> Sequence[Notice]:
        data = json.loads(body)
        if data["key"] in self.refuses:
            raise Malformed("of a kind that is not known yet")
        return [_notice(data["key"], each) for each in data["notices"]]

    async def fetch(self, mark: str | None) -> Batch | None:
        self.fetched.append(mark)
        return self.batches.get(mark, Batch((), mark or "now", False))


class Records(Resource):
    """Records in memory: id -> status, due date, customer. ``reads`` counts the calls."""

    caps = Caps(100, 100)

    def __init__(self, record_type: RecordType) -> None:
        self.type = record_type
        self.rows: dict[str, dict[str, Any]] = {}
        self.reads = 0
        self.down = False
        self.fields = FieldMap(
            record_type.value,
            [
                Field("id", ("id",), lambda row: row["id"], filters={Op.IN: lambda value: value}),
                Field("status", ("s",), lambda row: row["status"], filters={Op.IN: lambda value: value}),
                Field("due_on", ("d",), lambda row: row.get("due_on")),
                Field("customer_in_crm", ("c",), lambda row: row.get("customer_in_crm")),
            ],
        )

    def set(self, record_id: str, status: Enum, **more: Any) -> None:
        self.rows[record_id] = {"id": record_id, "status": status, **more}

    async def page(self, request: PageRequest) -> Page:
        self.reads += 1
        if self.down:
            raise Unreachable("no connection")
        rows: list[Row] = list(self.rows.values())
        for condition in request.where:
            rows = [row for row in rows if row[condition.field] in condition.value]
        return Page(rows, [str(row["id"]) for row in rows], has_more=False)


class Told(Adapter):
    """A vendor that tells of changes."""

    def __init__(self, record_type: RecordType) -> None:
        self.records = Records(record_type)
        self.resources = {record_type: self.records}
        self.source = self.events = Source()

    async def check(self) -> list[Finding]:
        return []

    async def aclose(self) -> None:
        pass


def message(key: str, *notices: Mapping[str, Any], record: str = "1", **notice: Any) -> bytes:
    """A message with one notice, or several."""
    given = [*notices, *([{"id": record, **notice}] if notice or not notices else [])]
    return json.dumps({"key": key, "notices": given}, default=lambda value: value.value).encode()


class Gateway:
    """One gateway's events over a database; ``start`` begins the loops, without it tests take the steps."""

    def __init__(self, service: EventService, database: Database, systems: Mapping[str, Told]) -> None:
        self.service = service
        self.database = database
        self.systems = systems
        self.workers = {worker.connection: worker for worker in service.workers}

    async def hear(self, connection: str, body: bytes, secret: str = SECRET) -> None:
        await self.service.inbox.accept(connection, {"x-secret": secret}, body, None)

    async def work(self, connection: str) -> int:
        """Works off all there is to do now."""
        total = 0
        while done := await self.workers[connection].turn():
            total += done
        while await self.service.log.relay():
            pass
        return total

    async def logged(self) -> list[Event]:
        """The whole log, oldest first."""
        found: list[Event] = []
        behind = (await self.service.log.bounds()).floor
        while page := await self.service.log.read(behind, 500):
            found += page
            behind = _seq(page[-1])
        return found

    async def collect(self, count: int, after: str | None = None, **wanted: Any) -> list[Event]:
        """So many events of a stream."""
        found: list[Event] = []
        stream = self.service.events.follow(EventFilter(**wanted), after)
        async with contextlib.aclosing(stream), asyncio.timeout(WAIT_S):
            async for event in stream:
                found.append(event)
                if len(found) == count:
                    break
        return found

    async def aclose(self) -> None:
        await self.service.aclose()
        await self.database.aclose()


OpenGateway = Callable[..., Any]


@contextlib.asynccontextmanager
async def gateway_on(
    url: URL,
    *,
    nats: str | None = None,
    clock: Clock | None = None,
    started: bool = False,
    systems: Mapping[str, Told] | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    """A gateway over four systems, in this process."""
    adapters = systems or {name: Told(record_type) for name, (_, record_type) in SYSTEMS.items()}
    connected = ConnectedSystems(
        [
            Connection(name, SYSTEMS[name][0], name, adapter, deadline_s=5, max_concurrency=10)
            for name, adapter in adapters.items()
        ]
    )
    database = await Database.open(url)
    service = open_events(
        EventSettings(broker=None if nats is None else SecretStr(nats), **settings),
        database,
        connected,
        clock=clock or Clock(),
    )
    gateway = Gateway(service, database, adapters)
    if started:
        service.start()
    try:
        yield gateway
    finally:
        await gateway.aclose()


def _seq(event: Event) -> int:
    return decode_cursor(event.cursor)


def _notice(key: str, given: Mapping[str, Any]) -> Notice:
    record_type = RecordType(given.get("type", "Invoice"))
    status, event = given.get("status"), given.get("event")
    return Notice(
        key=given.get("key", key),
        type=record_type,
        record_id=given["id"],
        occurred_at=datetime.now(UTC),
        event=None if event is None else BusinessEventType(event),
        status=None if status is None else STATUSES[record_type](status),
        version=given.get("version"),
        customer_in_crm=given.get("customer"),
        command_key=given.get("command_key"),
        deleted=given.get("deleted", False),
        created=given.get("created", False),
    )


YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()
