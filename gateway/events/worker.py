"""Works off the inbox: parse, conclude, append to the log.

What a batch of messages leads to is one transaction: the events, the journal, and that the messages are
done with. A gateway that is killed leaves all of it or nothing. The messages of a connection are worked
off in the order in which they came, by one gateway at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.errors import Malformed, SystemFault
from adapters.contracts.events import EventSource, Notice
from adapters.contracts.vocabulary import RecordType, System
from gateway.commands.clock import Clock
from gateway.events import journal
from gateway.events.canonical import Happening, Reading, conclude, must_read
from gateway.events.causes import Causes, recent
from gateway.events.codec import event_id
from gateway.events.dead_letters import bury
from gateway.events.journal import NOTHING, STATUSES, Key, Known
from gateway.events.leases import Leases
from gateway.events.log import Log
from gateway.events.readings import Readings
from gateway.events.tables import inbox
from gateway.store.database import Database
from gateway.store.look import Look
from gateway.store.moments import Moment
from resolvers.event_port import Event
from resolvers.ids import Ref

_log = structlog.get_logger(__name__)

BATCH = 500
READ_AGAIN = timedelta(seconds=5)
GIVEN_UP = timedelta(hours=24)
"""A message whose record cannot be read for so long becomes a dead letter."""

KNOWN_AGAIN = timedelta(days=30)
"""How long a message that is done with is known again. Vendors send again for some days at most."""

DATABASE_FAULTS = (OperationalError, InterfaceError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the inbox, and what was made of it: notices, or the reason why not."""

    seq: int
    key: str
    body: bytes
    received_at: datetime
    notices: Sequence[Notice] = ()
    fault: str | None = None


@dataclass(slots=True)
class _Outcome:
    """What a batch leads to."""

    events: list[Event] = field(default_factory=list[Event])
    known: dict[Key, Known] = field(default_factory=dict[Key, Known])


class InboxWorker:
    """Works off the messages of one connection."""

    def __init__(
        self,
        connection: str,
        source: EventSource,
        database: Database,
        log: Log,
        readings: Readings,
        leases: Leases,
        clock: Clock,
        *,
        batch: int = BATCH,
    ) -> None:
        self.connection = connection
        self.batch = batch
        self._source = source
        self._database = database
        self._log_port = log
        self._readings = readings
        self._leases = leases
        self._clock = clock
        self._lease = f"inbox/{connection}"
        due = inbox.c.connection == connection, inbox.c.due_at <= bindparam("now", type_=Moment)
        self._waiting = Look(database, select(inbox.c.seq).where(*due))

    async def turn(self) -> int:
        """Works off a batch of what is due. Gives how many messages there were; 0 where nothing is."""
        now = self._clock.now()
        rows = await self._due(now)
        if not rows or await self._leases.held_elsewhere(self._lease, now):
            return 0
        messages = [self._parsed(row) for row in rows]
        try:
            return await self._work_off(messages)
        except DATABASE_FAULTS:
            raise
        except Exception as error:  # noqa: BLE001 - one message must not hold up the rest for ever
            _log.warning("a batch could not be worked off", connection=self.connection, error=_name(error))
        for message in messages:
            try:
                await self._work_off([message])
            except DATABASE_FAULTS:
                raise
            except Exception as error:  # noqa: BLE001
                # The text of the exception may quote the message.
                await self._work_off([replace(message, notices=(), fault=f"unforeseen ({_name(error)})")])
        return len(messages)

    async def forget(self) -> None:
        """Drops messages that were done with long ago."""
        before = self._clock.now() - KNOWN_AGAIN
        old = (
            inbox.c.connection == self.connection,
            inbox.c.due_at.is_(None),
            inbox.c.received_at < before,
        )

        async def work(tx: AsyncConnection) -> None:
            await tx.execute(delete(inbox).where(*old))

        await self._database.write(work)

    async def _due(self, now: datetime) -> list[Message]:
        if not await self._waiting.finds(now=now):
            return []
        query = (
            select(inbox.c.seq, inbox.c.key, inbox.c.body, inbox.c.received_at)
            .where(inbox.c.connection == self.connection, inbox.c.due_at <= now)
            .order_by(inbox.c.seq)
            .limit(self.batch)
        )

        async def work(tx: AsyncConnection) -> list[Message]:
            return [Message(row.seq, row.key, row.body, row.received_at) for row in await tx.execute(query)]

        return await self._database.read(work)

    def _parsed(self, message: Message) -> Message:
        try:
            notices = self._source.parse(message.body)
        except Malformed as error:
            return replace(message, fault=f"Malformed: {error.message}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is kept with the reason
            return replace(message, fault=f"not understood ({_name(error)})")
        return replace(message, notices=[each for each in notices if each.type in STATUSES])

    async def _work_off(self, messages: Sequence[Message]) -> int:
        now = self._clock.now()
        known = await self._known(messages)
        wanted = self._to_read(messages, known)
        readings: Mapping[Key, Reading] = {}
        postponed: dict[int, str] = {}
        if wanted:
            try:
                readings = await self._readings.read(self.connection, wanted, now)
            except SystemFault as fault:
                # Its turn comes again; what needs no reading goes on. The next reading is the later one,
                # so that nothing gets out of order by it.
                for message in messages:
                    if any(_key(each) in wanted for each in message.notices):
                        postponed[message.seq] = f"{type(fault).__name__}: {fault.message}"

        owners = await self._owners(messages, known, wanted, now)

        async def work(tx: AsyncConnection) -> int:
            await self._database.lock(tx, self._lease)
            if not await self._leases.take(tx, self._lease, now):
                return 0
            pending = await _still_pending(tx, [message.seq for message in messages])
            current = [message for message in messages if message.seq in pending]
            late = [message for message in current if message.seq in postponed]
            given_up = {each.seq for each in late if now - each.received_at > GIVEN_UP}
            waiting = [each.seq for each in late if each.seq not in given_up]
            done = [each for each in current if each.seq not in waiting]
            understood = [each for each in done if each.seq not in given_up]
            outcome = await self._concluded(tx, understood, readings, owners)
            for message in done:
                reason = postponed.get(message.seq, message.fault)
                if reason is not None:
                    await bury(
                        tx,
                        self._database,
                        self.connection,
                        message.key,
                        message.body,
                        reason,
                        received_at=message.received_at,
                        now=now,
                    )
            await journal.write(tx, self._database, self.connection, outcome.known)
            if waiting:
                await tx.execute(
                    update(inbox).where(inbox.c.seq.in_(waiting)).values(due_at=now + READ_AGAIN)
                )
            await tx.execute(
                update(inbox)
                .where(inbox.c.seq.in_([message.seq for message in done]))
                .values(due_at=None, body=None)
            )
            await self._log_port.append(tx, outcome.events)
            return len(current)

        worked_off = await self._database.write(work)
        if worked_off:
            self._log_port.wake()
        return worked_off

    async def _known(self, messages: Sequence[Message]) -> dict[Key, Known]:
        keys = [_key(notice) for message in messages for notice in message.notices]
        return await self._database.read(lambda tx: journal.look_up(tx, self.connection, keys))

    def _to_read(self, messages: Sequence[Message], known: Mapping[Key, Known]) -> set[Key]:
        """The records that have to be read to understand what is told of them."""
        wanted: set[Key] = set()
        seen = dict(known)
        for message in messages:
            for notice in message.notices:
                key = _key(notice)
                if not self._readings.anchored(self.connection, notice.type):
                    continue
                before = seen.get(key, NOTHING)
                if must_read(notice, before):
                    wanted.add(key)
                elif notice.status is not None and (notice.version or 0) >= (before.version or 0):
                    seen[key] = replace(before, status=notice.status, version=notice.version)
        return wanted

    async def _owners(
        self, messages: Sequence[Message], known: Mapping[Key, Known], read: set[Key], now: datetime
    ) -> Mapping[Key, Reading]:
        """Records of which neither notices nor the journal say whom they concern, read for that alone.

        None where they cannot be read now: an event is told without its customer rather than late.
        """
        wanted = {
            _key(notice)
            for message in messages
            for notice in message.notices
            if notice.customer_in_crm is None
            and not notice.deleted
            and notice.type is not RecordType.CUSTOMER
            and self._readings.anchored(self.connection, notice.type)
            and known.get(_key(notice), NOTHING).customer is None
        } - read
        if not wanted:
            return {}
        try:
            return await self._readings.read(self.connection, wanted, now)
        except SystemFault as fault:
            _log.info("whom events concern is not known", connection=self.connection, reason=fault.message)
            return {}

    async def _concluded(
        self,
        tx: AsyncConnection,
        messages: Sequence[Message],
        readings: Mapping[Key, Reading],
        owners: Mapping[Key, Reading],
    ) -> _Outcome:
        notices = [notice for message in messages for notice in message.notices]
        outcome = _Outcome()
        if not notices:
            return outcome
        now = self._clock.now()
        known = await journal.look_up(tx, self.connection, map(_key, notices))
        causes = await recent(tx, self.connection, now)
        for message in messages:
            told: set[tuple[str, str]] = set()
            for notice in message.notices:
                key = _key(notice)
                before = known.get(key, NOTHING)
                reading = readings.get(key) if must_read(notice, before) else None
                happenings, after = conclude(notice, before, reading)
                customer = self._customer(notice, reading or owners.get(key)) or before.customer
                due_on = before.due_on if reading is None or reading.due_on is None else reading.due_on
                known[key] = outcome.known[key] = replace(after, customer=customer, due_on=due_on)
                for happening in happenings:
                    part = _part(told, notice.key, happening.part)
                    outcome.events.append(self._event(notice, happening, part, customer, causes, now))
        return outcome

    def _customer(self, notice: Notice, reading: Reading | None) -> Ref | None:
        if notice.type is RecordType.CUSTOMER and self._readings.anchored(self.connection, notice.type):
            return Ref(notice.type, self.connection, notice.record_id)
        told = notice.customer_in_crm or (None if reading is None else reading.customer_in_crm)
        return self._readings.customer(told)

    def _event(
        self,
        notice: Notice,
        happening: Happening,
        part: str,
        customer: Ref | None,
        causes: Causes,
        now: datetime,
    ) -> Event:
        cause = causes.of(notice, happening.type)
        subject = (
            Ref(notice.type, self.connection, notice.record_id)
            if self._readings.anchored(self.connection, notice.type)
            else (customer if notice.type is RecordType.CUSTOMER else None)
        )
        system: System = self._readings.system_of(self.connection)
        return Event(
            id=event_id(self.connection, notice.key, part),
            cursor="",
            type=happening.type,
            origin=happening.origin,
            system=system,
            connection=self.connection,
            occurred_at=notice.occurred_at,
            observed_at=now,
            subject=subject,
            customer=customer,
            correlation_id=None if cause is None else cause.correlation_id,
            command_id=None if cause is None else cause.id,
            previous=None if happening.previous is None else happening.previous.value,
            current=None if happening.current is None else happening.current.value,
            superseded=happening.superseded,
            summary=notice.summary or _summary(notice, happening),
        )


async def _still_pending(tx: AsyncConnection, seqs: Sequence[int]) -> set[int]:
    """Of these messages, those that no other gateway has worked off meanwhile."""
    query = select(inbox.c.seq).where(inbox.c.seq.in_(seqs), inbox.c.due_at.is_not(None))
    return {row.seq for row in await tx.execute(query)}


def _part(told: set[tuple[str, str]], key: str, part: str) -> str:
    """A name for an event of a message: two notices of one message may share the vendor's key."""
    name, number = part, 1
    while (key, name) in told:
        number += 1
        name = f"{part}#{number}"
    told.add((key, name))
    return name


def _key(notice: Notice) -> Key:
    return notice.type, notice.record_id


def _summary(notice: Notice, happening: Happening) -> str:
    what = happening.type.value.removeprefix(f"{notice.type.name}_").replace("_", " ").lower()
    status = "" if happening.current is None else f": {happening.current.value}"
    return f"{notice.type.value} {notice.record_id} {what}{status}"


def _name(error: BaseException) -> str:
    return type(error).__name__
