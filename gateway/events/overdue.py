"""INVOICE_OVERDUE by the clock: no system tells of a date that has passed.

The unpaid invoices of an ERP are listed once, when the gateway first meets it; from then on the journal
knows of them by what the ERP tells. An invoice whose due date has passed is read again before anything is
said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import structlog
from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.vocabulary import BusinessEventType, EventOrigin, InvoiceStatus, RecordType
from gateway.commands.clock import Clock
from gateway.events import journal
from gateway.events.canonical import Reading
from gateway.events.codec import event_id
from gateway.events.journal import NOTHING, Key, Known
from gateway.events.log import Log
from gateway.events.marks import get_mark, set_mark
from gateway.events.readings import CUSTOMER_IN_CRM, Readings
from gateway.events.tables import journal as journal_table
from gateway.store.database import Database
from gateway.systems.systems import ConnectedSystems
from resolvers.event_port import Event
from resolvers.ids import Ref

_log = structlog.get_logger(__name__)

OPEN = (InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID)
UNPAID = (InvoiceStatus.DRAFT, InvoiceStatus.PENDING_APPROVAL, *OPEN, InvoiceStatus.OVERDUE)
"""Those of which news is to come: what happens to them next is told by what they were."""

BATCH = 200


class OverdueClock:
    """The invoices of one ERP connection."""

    def __init__(
        self,
        connection: str,
        systems: ConnectedSystems,
        database: Database,
        log: Log,
        readings: Readings,
        clock: Clock,
    ) -> None:
        self.connection = connection
        self._systems = systems
        self._database = database
        self._log_port = log
        self._readings = readings
        self._clock = clock
        self._mark = f"open-invoices/{connection}"

    async def turn(self) -> int:
        """Says which invoices are overdue since the last time. Raises a ``SystemFault``."""
        await self._list_once()
        told = 0
        behind = ""
        while rows := await self._suspects(behind):
            behind = rows[-1].record_id
            ids: list[Key] = [(RecordType.INVOICE, row.record_id) for row in rows]
            told += await self._settle(await self._readings.read(self.connection, ids, self._clock.now()))
        return told

    async def _list_once(self) -> None:
        """Takes down the unpaid invoices there are, so that the first to fall due or be paid is told of."""
        if await self._database.read(lambda tx: get_mark(tx, self._mark)):
            return
        fields = self._systems.resource(self.connection, RecordType.INVOICE).fields
        select_ = frozenset(name for name in ("id", "status", "due_on", CUSTOMER_IN_CRM) if name in fields)
        where = (Condition("status", Op.IN, UNPAID),)
        after: str | None = None
        more = True
        while more:
            try:
                page = await self._systems.page(
                    self.connection, RecordType.INVOICE, select_, where, None, BATCH, after
                )
            except Unsupported as fault:
                _log.warning(
                    "unpaid invoices cannot be listed", connection=self.connection, reason=fault.message
                )
                break
            found: dict[Key, Known] = {}
            for row in page.rows:
                customer = fields.read(row, CUSTOMER_IN_CRM) if CUSTOMER_IN_CRM in select_ else None
                found[RecordType.INVOICE, str(fields.read(row, "id"))] = Known(
                    status=fields.read(row, "status"),
                    customer=self._readings.customer(None if customer is None else str(customer)),
                    due_on=fields.read(row, "due_on"),
                )
            await self._take_down(found)
            more = page.has_more and bool(page.positions)
            after = page.positions[-1] if more else None
        now = self._clock.now()
        await self._database.write(lambda tx: set_mark(tx, self._database, self._mark, "listed", now))

    async def _take_down(self, found: dict[Key, Known]) -> None:
        async def work(tx: AsyncConnection) -> None:
            await self._database.lock(tx, f"inbox/{self.connection}")
            known = await journal.look_up(tx, self.connection, found)
            # What was heard meanwhile is newer than the list.
            fresh = {key: value for key, value in found.items() if key not in known}
            await journal.write(tx, self._database, self.connection, fresh)

        await self._database.write(work)

    async def _suspects(self, behind: str) -> Sequence[Row[tuple[str]]]:
        """Open invoices that were due before today, or whose due date is not known."""
        table = journal_table.c
        query = (
            select(table.record_id)
            .where(
                table.connection == self.connection,
                table.record_type == RecordType.INVOICE.value,
                table.status.in_([status.value for status in OPEN]),
                or_(table.due_on.is_(None), table.due_on < self._today()),
                table.record_id > behind,
            )
            .order_by(table.record_id)
            .limit(BATCH)
        )

        async def work(tx: AsyncConnection) -> Sequence[Row[tuple[str]]]:
            return (await tx.execute(query)).all()

        return await self._database.read(work)

    async def _settle(self, readings: dict[Key, Reading]) -> int:
        now = self._clock.now()

        async def work(tx: AsyncConnection) -> int:
            await self._database.lock(tx, f"inbox/{self.connection}")
            known = await journal.look_up(tx, self.connection, readings)
            entries: dict[Key, Known] = {}
            events: list[Event] = []
            for key, reading in readings.items():
                before = known.get(key, NOTHING)
                if before.status not in OPEN:
                    continue  # something was heard meanwhile
                customer = before.customer or self._readings.customer(reading.customer_in_crm)
                after = replace(before, due_on=reading.due_on, customer=customer)
                due_on = reading.due_on
                still_open = reading.status in (*OPEN, InvoiceStatus.OVERDUE)
                if still_open and due_on is not None and due_on < self._today():
                    after = replace(after, status=InvoiceStatus.OVERDUE)
                    events.append(self._event(key[1], before, after, due_on, now))
                entries[key] = after
            await journal.write(tx, self._database, self.connection, entries)
            await self._log_port.append(tx, events)
            return len(events)

        told = await self._database.write(work)
        if told:
            self._log_port.wake()
        return told

    def _event(self, record_id: str, before: Known, after: Known, due_on: date, now: datetime) -> Event:
        # It happened when the day of the due date was over.
        occurred_at = datetime.combine(due_on + timedelta(days=1), time(), UTC)
        return Event(
            id=event_id(self.connection, f"overdue/{record_id}/{due_on.isoformat()}"),
            cursor="",
            type=BusinessEventType.INVOICE_OVERDUE,
            origin=EventOrigin.DERIVED,
            system=self._readings.system_of(self.connection),
            connection=self.connection,
            occurred_at=occurred_at,
            observed_at=now,
            subject=Ref(RecordType.INVOICE, self.connection, record_id),
            customer=after.customer,
            correlation_id=None,
            command_id=None,
            previous=None if before.status is None else before.status.value,
            current=InvoiceStatus.OVERDUE.value,
            superseded=False,
            summary=f"Invoice {record_id} was due on {due_on.isoformat()} and is not paid",
        )

    def _today(self) -> date:
        return self._clock.now().date()
