"""The log in NATS JetStream: one stream that any number of gateways append to and read.

Events wait in the outbox of the database until the stream has acknowledged them. Each has a subject of its
own, and is published on the condition that nothing is there yet: however often it is sent, and whatever
became of the acknowledgement, the stream has it once
(https://docs.nats.io/nats-concepts/jetstream/headers: Nats-Msg-Id, Nats-Expected-Last-Subject-Sequence).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import structlog
from nats import errors as nats_errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import errors as js_errors
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    Header,
    StorageType,
    StreamConfig,
)
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.commands.clock import Clock
from gateway.events import codec
from gateway.events import outbox as event_outbox
from gateway.events.cursor import encode_cursor
from gateway.events.filters import wants
from gateway.events.leases import Leases
from gateway.events.log import Bounds, LogUnavailable, Retention
from gateway.events.tables import outbox
from gateway.store.database import Database
from gateway.store.look import Look
from resolvers.event_port import Event, EventFilter

_log = structlog.get_logger(__name__)

STREAM = "FIELDGATE_EVENTS"
SUBJECT = "fieldgate.events"
PAGE = 500
DUPLICATES_S = 120.0
CONNECT_S = 3.0
ANSWER_S = 5.0
HEARTBEAT_S = 0.5
_MISSED = 3
"""So many heartbeats without a word, and the tail is taken up anew."""

_LEASE = "outbox"
_ALREADY_THERE = 10071
"""The server's error code where the expected last sequence of a subject is another."""

_Stream = Any
"""A ``nats.js.JetStreamContext``, whose annotations are not whole."""

_FAULTS = (nats_errors.Error, js_errors.Error, OSError, TimeoutError)


class JetStreamLog:
    """Implements ``gateway.events.log.Log``."""

    def __init__(
        self, url: str, database: Database, leases: Leases, retention: Retention, clock: Clock
    ) -> None:
        self._url = url
        self._database = database
        self._leases = leases
        self._outgoing = Look(database, select(outbox.c.seq))
        self._retention = retention
        self._clock = clock
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def append(self, tx: AsyncConnection, events: Sequence[Event]) -> None:
        if events:
            await event_outbox.put(tx, events)

    async def relay(self) -> int:
        async def waiting(tx: AsyncConnection) -> list[Any]:
            return list((await tx.execute(select(outbox).order_by(outbox.c.seq).limit(PAGE))).all())

        # Nothing is written where nothing waits; and what waits is read under the lease.
        if not await self._outgoing.finds():
            return 0
        if not await self._leases.taken(_LEASE, self._clock.now()):
            return 0
        rows = await self._database.read(waiting)
        stored: list[int] = []
        try:
            for wave in _waves([(row.seq, codec.decode(row.body, "")) for row in rows]):
                await self._publish([event for _, event in wave])
                stored += [seq for seq, _ in wave]
        finally:
            if stored:
                await self._database.write(
                    lambda tx: tx.execute(delete(outbox).where(outbox.c.seq.in_(stored)))
                )
        return len(stored)

    async def bounds(self) -> Bounds:
        async with self._stream() as stream:
            state = (await stream.stream_info(STREAM)).state
            return Bounds(max(state.first_seq - 1, 0), state.last_seq)

    async def read(self, behind: int, limit: int) -> Sequence[Event]:
        async with self._stream() as stream:
            return await _collect(stream, behind + 1, limit, f"{SUBJECT}.>")

    async def newest(
        self, wanted: EventFilter, first: int, before: int | None
    ) -> tuple[Sequence[Event], bool]:
        bounds = await self.bounds()
        until = bounds.last if before is None else min(before - 1, bounds.last)
        subject, size = f"{SUBJECT}.>", PAGE
        if wanted.customer is not None:
            # The stream finds a customer's events itself: they are read in one go.
            subject, size = f"{SUBJECT}.{wanted.customer.encode()}.*", max(until, 1)
        found: list[Event] = []
        while until > bounds.floor and len(found) <= first:
            start = max(until - size, bounds.floor)
            async with self._stream() as stream:
                events = await _collect(stream, start + 1, size, subject, until)
            found += [event for event in reversed(events) if wants(wanted, event)]
            until, size = start, size * 2
        return found[:first], len(found) > first

    async def get(self, event_id: str) -> Event | None:
        if not event_id.replace("-", "").isalnum():
            return None
        async with self._stream() as stream:
            try:
                message = await stream.get_last_msg(STREAM, f"{SUBJECT}.*.{event_id}")
            except js_errors.NotFoundError:
                return None
        return codec.decode(message.data or b"", encode_cursor(message.seq or 0))

    async def tail(self, behind: int) -> AsyncIterator[Sequence[Event]]:
        async with self._stream() as stream:
            client = self._client
            inbox = client.new_inbox()
            subscription = await client.subscribe(inbox)
            try:
                await stream.add_consumer(
                    STREAM,
                    _consumer(behind + 1, deliver_subject=inbox, idle_heartbeat=HEARTBEAT_S),
                )
                heard = 0
                while True:
                    messages = [await subscription.next_msg(HEARTBEAT_S * _MISSED)]
                    while subscription.pending_msgs and len(messages) < PAGE:
                        messages.append(await subscription.next_msg(HEARTBEAT_S))
                    events: list[Event] = []
                    for message in messages:
                        if _is_heartbeat(message):
                            _check(heard, _last_sent(message))
                            continue
                        _check(heard + 1, message.metadata.sequence.consumer)
                        heard += 1
                        events.append(_event(message))
                    if events:
                        yield events
            finally:
                # The server forgets the consumer by itself once nobody listens.
                with contextlib.suppress(*_FAULTS):
                    await subscription.unsubscribe()

    def wake(self) -> None:
        """The stream tells of itself."""

    async def trim(self) -> None:
        """The stream trims itself."""

    async def aclose(self) -> None:
        if self._client is not None:
            with contextlib.suppress(*_FAULTS):
                await self._client.close()

    async def _publish(self, events: Sequence[Event]) -> None:
        """Publishes events of different objects. Raises ``LogUnavailable`` unless all are in."""
        async with self._stream() as stream:
            outcomes = await asyncio.gather(
                *(_put(stream, event) for event in events), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome

    @contextlib.asynccontextmanager
    async def _stream(self) -> AsyncGenerator[_Stream]:
        """The stream, connected to and made where it is not there."""
        try:
            if self._client is None:
                async with self._connecting:
                    if self._client is None:
                        self._client = await self._connect()
            yield self._client.jetstream(timeout=ANSWER_S)
        except _FAULTS as error:
            # The client's words can quote the URL, and with it the password.
            raise LogUnavailable(f"NATS does not answer ({type(error).__name__})") from error

    async def _connect(self) -> Any:
        client: Any = Client()

        async def told(error: Exception) -> None:
            _log.debug("NATS", error=type(error).__name__)

        try:
            await asyncio.wait_for(
                client.connect(
                    self._url,
                    error_cb=told,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,
                    connect_timeout=int(CONNECT_S),
                    name="fieldgate",
                ),
                CONNECT_S,
            )
            await self._make(client.jetstream(timeout=ANSWER_S))
        except BaseException:
            with contextlib.suppress(*_FAULTS):
                await client.close()
            raise
        return client

    async def _make(self, stream: _Stream) -> None:
        age_s = self._retention.age.total_seconds()
        wanted = StreamConfig(
            name=STREAM,
            description="Fieldgate: business events",
            subjects=[f"{SUBJECT}.*.*"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=age_s,
            max_msgs=self._retention.count,
            duplicate_window=min(DUPLICATES_S, age_s),
            allow_direct=True,
        )
        try:
            await stream.stream_info(STREAM)
        except js_errors.NotFoundError:
            await stream.add_stream(wanted)
        else:
            await stream.update_stream(wanted)


async def _put(stream: _Stream, event: Event) -> None:
    customer = "_" if event.customer is None else event.customer.encode()
    headers = {
        Header.MSG_ID.value: event.id,
        Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: "0",
    }
    try:
        await stream.publish(
            f"{SUBJECT}.{customer}.{event.id}", codec.encode(event), stream=STREAM, headers=headers
        )
    except js_errors.APIError as error:
        if error.err_code != _ALREADY_THERE:
            raise


def _waves(events: Sequence[tuple[int, Event]]) -> list[list[tuple[int, Event]]]:
    """The events cut so that an object's next one is sent only when the one before is stored."""
    waves: list[list[tuple[int, Event]]] = [[]]
    seen: set[object] = set()
    for seq, event in events:
        thing = event.subject or event.command_id or event.connection
        if thing in seen:
            waves.append([])
            seen = set()
        seen.add(thing)
        waves[-1].append((seq, event))
    return waves


async def _collect(
    stream: _Stream, start: int, limit: int, subject: str, until: int | None = None
) -> list[Event]:
    """Events from a sequence number on, oldest first: ``limit`` at most, none behind ``until``."""
    subscription = await stream.pull_subscribe(subject, stream=STREAM, config=_consumer(start))
    found: list[Event] = []
    try:
        left = min((await subscription.consumer_info()).num_pending or 0, limit)
        while left > 0:
            messages = await subscription.fetch(min(left, PAGE), timeout=ANSWER_S)
            left -= len(messages)
            found += [
                _event(message)
                for message in messages
                if until is None or message.metadata.sequence.stream <= until
            ]
    finally:
        with contextlib.suppress(*_FAULTS):
            await subscription.unsubscribe()
    return found


def _consumer(start: int, **more: Any) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=start,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=5.0,
        mem_storage=True,
        **more,
    )


def _event(message: Msg) -> Event:
    return codec.decode(message.data, encode_cursor(message.metadata.sequence.stream))


def _is_heartbeat(message: Msg) -> bool:
    return not message.reply and bool(message.headers) and "Status" in (message.headers or {})


def _last_sent(heartbeat: Msg) -> int:
    """The number of the consumer's last message, by a heartbeat."""
    headers: dict[str, str] = heartbeat.headers or {}
    return int(headers.get("Nats-Last-Consumer", "0"))


def _check(expected: int, found: int) -> None:
    if expected != found:
        raise LogUnavailable("messages of the tail were lost on their way; taking it up again")
