"""From a message to the log: once, in order, and with what cannot be understood kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from adapters.contracts.events import Batch, Unverified
from adapters.contracts.vocabulary import BusinessEventType, EventOrigin, InvoiceStatus, RecordType
from gateway.events.broker import Broker
from gateway.events.cursor import decode_cursor, encode_cursor
from gateway.events.dead_letters import dead_letters, replay
from gateway.events.inbox import UnknownConnection
from gateway.events.tables import inbox
from resolvers.event_port import BadCursor, CursorExpired, Event, EventFilter, SlowConsumer
from resolvers.ids import Ref
from tests.events.conftest import Place
from tests.events.world import YESTERDAY, Clock, message

pytestmark = pytest.mark.anyio

_E = BusinessEventType
START = encode_cursor(0)


def told(events):
    """Type, previous, current, and whether it came too late."""
    return [(event.type, event.previous, event.current, event.superseded) for event in events]


async def rows(gateway) -> int:
    query = select(func.count()).select_from(inbox)
    return await gateway.database.read(lambda tx: _scalar(tx, query))


async def _scalar(tx, query):
    return (await tx.execute(query)).scalar_one()


async def test_a_message_is_an_event_once_however_often_it_comes(place: Place):
    async with place.gateway() as gateway:
        body = message("a", event="INVOICE_PAID", status="PAID", version=2, customer="c1")
        await asyncio.gather(*(gateway.hear("erp", body) for _ in range(20)))
        assert await gateway.work("erp") == 1
        await gateway.hear("erp", body)
        assert await gateway.work("erp") == 0
        (event,) = await gateway.logged()
        assert told([event]) == [(_E.INVOICE_PAID, None, "PAID", False)]
        assert event.origin is EventOrigin.SOURCE
        assert event.subject == Ref(RecordType.INVOICE, "erp", "1")
        assert event.customer == Ref(RecordType.CUSTOMER, "crm", "c1")
        assert await gateway.service.events.get(event.id) == event
        assert await gateway.service.events.get("no-such-event") is None
        assert gateway.systems["erp"].records.reads == 0


async def test_what_proves_no_origin_leaves_no_trace_but_a_counter(place: Place):
    async with place.gateway() as gateway:
        with pytest.raises(Unverified):
            await gateway.hear("erp", message("a", version=1), "wrong")
        with pytest.raises(UnknownConnection):
            await gateway.hear("nobody", message("a", version=1))
        assert gateway.service.inbox.refused == {"erp": 1}
        assert await rows(gateway) == 0
        assert await dead_letters(gateway.database) == []


async def test_an_older_notice_is_told_as_superseded_and_changes_nothing(place: Place):
    async with place.gateway() as gateway:
        await gateway.hear("erp", message("a", event="INVOICE_CREATED", status="DRAFT", version=1))
        await gateway.hear("erp", message("c", event="INVOICE_PAID", status="PAID", version=3))
        await gateway.hear("erp", message("b", status="OPEN", version=2))
        await gateway.work("erp")
        await gateway.hear("erp", message("d", status="VOID", version=4))
        await gateway.work("erp")
        assert told(await gateway.logged()) == [
            (_E.INVOICE_CREATED, None, "DRAFT", False),
            (_E.INVOICE_PAID, "DRAFT", "PAID", False),
            (_E.INVOICE_STATUS_CHANGED, None, "OPEN", True),
            (_E.INVOICE_VOIDED, "PAID", "VOID", False),
        ]
        changes, _ = await gateway.service.events.newest(EventFilter(changes=True), 10, None)
        assert [event.current for event in changes] == ["VOID", "PAID", "DRAFT"]


async def test_without_a_version_the_record_is_read_again_all_at_once(place: Place):
    async with place.gateway() as gateway:
        records = gateway.systems["erp"].records
        for number in range(30):
            records.set(str(number), InvoiceStatus.OPEN, customer_in_crm="c9")
            await gateway.hear("erp", message(f"a{number}", record=str(number), event="INVOICE_POSTED"))
        await gateway.work("erp")
        assert records.reads == 1
        events = await gateway.logged()
        assert {event.customer for event in events} == {Ref(RecordType.CUSTOMER, "crm", "c9")}
        # Late: it has been paid since, and that is what is told of it.
        records.set("0", InvoiceStatus.PAID)
        await gateway.hear("erp", message("b", record="0", status="OPEN"))
        await gateway.hear("erp", message("c", record="0", status="PAID", event="INVOICE_PAID"))
        await gateway.work("erp")
        assert told((await gateway.logged())[30:]) == [
            (_E.INVOICE_STATUS_CHANGED, None, "OPEN", True),
            (_E.INVOICE_PAID, "OPEN", "PAID", False),
            (_E.INVOICE_PAID, None, None, False),
        ]


async def test_whom_it_concerns_is_read_where_nothing_says_so_and_changes_nothing_else(place: Place):
    async with place.gateway() as gateway:
        records = gateway.systems["erp"].records
        records.set("1", InvoiceStatus.VOID, customer_in_crm="c7")
        await gateway.hear("erp", message("a", event="INVOICE_PAID", status="PAID", version=1))
        await gateway.work("erp")
        await gateway.hear("erp", message("b", event="INVOICE_VOIDED", status="VOID", version=2))
        await gateway.work("erp")
        assert records.reads == 1
        events = await gateway.logged()
        assert told(events) == [
            (_E.INVOICE_PAID, None, "PAID", False),
            (_E.INVOICE_VOIDED, "PAID", "VOID", False),
        ]
        assert {event.customer for event in events} == {Ref(RecordType.CUSTOMER, "crm", "c7")}


async def test_what_the_record_has_told_already_is_not_told_anew_by_an_older_notice(place: Place):
    """Two notices of one version disagree, so the record is read, and is ahead of what is still to come."""
    async with place.gateway() as gateway:
        records = gateway.systems["erp"].records
        records.set("1", InvoiceStatus.VOID)
        await gateway.hear("erp", message("a", status="OPEN", version=1))
        await gateway.hear("erp", message("b", status="PENDING_APPROVAL", version=1))
        await gateway.work("erp")
        await gateway.hear("erp", message("c", event="INVOICE_PAID", status="PAID", version=2))
        await gateway.work("erp")
        await gateway.hear("erp", message("d", event="INVOICE_VOIDED", status="VOID", version=3))
        await gateway.work("erp")
        assert told(await gateway.logged()) == [
            (_E.INVOICE_STATUS_CHANGED, None, "OPEN", False),
            (_E.INVOICE_STATUS_CHANGED, None, "PENDING_APPROVAL", True),
            (_E.INVOICE_VOIDED, "OPEN", "VOID", False),
            (_E.INVOICE_PAID, None, "PAID", True),
            (_E.INVOICE_VOIDED, None, None, False),
        ]


async def test_a_system_that_is_down_delays_only_what_must_be_read(place: Place):
    clock = Clock()
    async with place.gateway(clock=clock) as gateway:
        records = gateway.systems["erp"].records
        records.set("1", InvoiceStatus.OPEN)
        records.down = True
        await gateway.hear("erp", message("a", event="INVOICE_POSTED"))
        await gateway.hear("erp", message("b", record="2", event="INVOICE_PAID", status="PAID", version=1))
        await gateway.work("erp")
        assert [event.type for event in await gateway.logged()] == [_E.INVOICE_PAID]
        records.down = False
        # The circuit has seen one failure only; the next look is due a few seconds later.
        clock.ahead = timedelta(seconds=10)
        await gateway.work("erp")
        assert [event.type for event in await gateway.logged()] == [_E.INVOICE_PAID, _E.INVOICE_POSTED]


async def test_dead_letters_keep_the_bytes_and_can_be_replayed(place: Place):
    async with place.gateway() as gateway:
        source = gateway.systems["erp"].source
        source.refuses = {"a"}
        body = message("a", event="INVOICE_PAID", status="PAID", version=1)
        await gateway.hear("erp", body)
        await gateway.hear("erp", b"\xff not even JSON \x00")
        await gateway.hear("erp", message("b", {"nonsense": True}))
        await gateway.hear("erp", message("c", event="INVOICE_PAID", status="PAID", version=1))
        await gateway.work("erp")
        letters = await dead_letters(gateway.database)
        assert {letter.body for letter in letters} >= {body, b"\xff not even JSON \x00"}
        assert {letter.reason for letter in letters} == {
            "Malformed: of a kind that is not known yet",
            "Malformed: no event",
            "not understood (KeyError)",
        }
        assert len(await gateway.logged()) == 1
        source.refuses = set()
        sources = {"erp": source}
        assert await replay(gateway.database, sources, datetime.now(UTC)) == (2, 1)
        await gateway.work("erp")
        assert len(await gateway.logged()) == 2
        assert len(await dead_letters(gateway.database, connection="erp")) == 2


async def test_events_that_no_subject_of_the_graph_has(place: Place):
    async with place.gateway() as gateway:
        await gateway.hear("payments", message("a", type="Customer", event="CUSTOMER_UPDATED", customer="c"))
        await gateway.hear("payments", message("b", type="LedgerEntry"))
        await gateway.hear("crm", message("c", type="Customer", status="ACTIVE", version=1))
        await gateway.hear("crm", message("d", type="Customer", status="ACTIVE", version=2))
        await gateway.hear("crm", message("e", type="Customer", version=3, deleted=True))
        await gateway.work("payments")
        await gateway.work("crm")
        events = await gateway.logged()
        crm = Ref(RecordType.CUSTOMER, "crm", "1")
        assert [(event.type, event.subject) for event in events] == [
            (_E.CUSTOMER_UPDATED, Ref(RecordType.CUSTOMER, "crm", "c")),
            (_E.CUSTOMER_STATUS_CHANGED, crm),
            (_E.CUSTOMER_UPDATED, crm),
            (_E.CUSTOMER_UPDATED, crm),
        ]


async def test_a_trial_that_converts_is_told_whatever_the_vendor_calls_it(place: Place):
    async with place.gateway() as gateway:
        for number, (status, event) in enumerate(
            [("TRIAL", "SUBSCRIPTION_CREATED"), ("ACTIVE", "SUBSCRIPTION_RENEWED")]
        ):
            body = message(str(number), type="Subscription", status=status, event=event, version=number)
            await gateway.hear("billing", body)
        await gateway.work("billing")
        events = await gateway.logged()
        assert [(event.type, event.origin) for event in events] == [
            (_E.SUBSCRIPTION_CREATED, EventOrigin.SOURCE),
            (_E.SUBSCRIPTION_RENEWED, EventOrigin.SOURCE),
            (_E.TRIAL_CONVERTED, EventOrigin.DERIVED),
        ]


async def test_a_record_that_came_into_being_since_is_told_as_created_once(place: Place):
    async with place.gateway() as gateway:
        for number, (status, created) in enumerate([("OPEN", True), ("PAID", True)]):
            await gateway.hear("erp", message(str(number), status=status, version=number, created=created))
        await gateway.hear("erp", message("old", record="2", status="OPEN", version=1))
        await gateway.work("erp")
        events = await gateway.logged()
        assert told(events) == [
            (_E.INVOICE_CREATED, None, "OPEN", False),
            (_E.INVOICE_PAID, "OPEN", "PAID", False),
            (_E.INVOICE_STATUS_CHANGED, None, "OPEN", False),
        ]
        assert {event.origin for event in events} == {EventOrigin.DERIVED}


async def test_an_invoice_falls_due_by_the_clock_once(place: Place):
    clock = Clock()
    async with place.gateway(clock=clock) as gateway:
        records = gateway.systems["erp"].records
        today = datetime.now(UTC).date()
        records.set("1", InvoiceStatus.OPEN, due_on=today, customer_in_crm="c1")
        records.set("2", InvoiceStatus.PAID, due_on=YESTERDAY)
        (overdue,) = gateway.service.overdue
        assert await overdue.turn() == 0
        await gateway.hear("erp", message("a", record="3", event="INVOICE_POSTED", status="OPEN", version=1))
        records.set("3", InvoiceStatus.OPEN, due_on=today + timedelta(days=9))
        await gateway.work("erp")
        clock.ahead = timedelta(days=1)
        records.set("1", InvoiceStatus.OVERDUE, due_on=today, customer_in_crm="c1")
        assert await overdue.turn() == 1
        assert await overdue.turn() == 0
        while await gateway.service.log.relay():
            pass
        event = (await gateway.logged())[-1]
        assert told([event]) == [(_E.INVOICE_OVERDUE, "OPEN", "OVERDUE", False)]
        assert event.customer == Ref(RecordType.CUSTOMER, "crm", "c1")
        # The ERP knows no such status: what it tells later of the invoice does not undo it.
        await gateway.hear("erp", message("b", status="OPEN", version=2))
        await gateway.work("erp")
        assert told((await gateway.logged())[-1:]) == [(_E.INVOICE_STATUS_CHANGED, None, "OPEN", True)]


async def test_what_is_fetched_goes_through_the_same_inbox_and_the_mark_with_it(place: Place):
    async with place.gateway() as gateway:
        source = gateway.systems["erp"].source
        paid = message("a", event="INVOICE_PAID", status="PAID", version=1)
        source.batches = {
            None: Batch([("a", paid)], "m1", True),
            "m1": Batch([("a", paid), ("b", message("b", status="VOID", version=2))], "m2", False),
        }
        poller = next(each for each in gateway.service.pollers if each.name == "erp")
        await gateway.hear("erp", paid)
        assert await poller.turn()
        assert source.fetched == [None, "m1"]
        await gateway.work("erp")
        assert [event.type for event in await gateway.logged()] == [_E.INVOICE_PAID, _E.INVOICE_VOIDED]
        await poller.turn()
        assert source.fetched[-1] == "m2"


async def test_a_reader_catches_up_and_goes_on_live_without_gap_or_double(place: Place):
    async with place.gateway(started=True) as gateway:

        async def tell(start: int, count: int) -> None:
            for number in range(start, start + count):
                body = message(f"k{number}", record=str(number), event="INVOICE_PAID", version=1)
                await gateway.hear("erp", body)

        live = asyncio.create_task(gateway.collect(60))
        await gateway.service.broker.position()
        await tell(0, 1)
        first = (await gateway.collect(1, START))[0]
        telling = asyncio.create_task(tell(1, 59))
        behind = await gateway.collect(59, first.cursor)
        await telling
        events = await live
        assert [event.id for event in events][1:] == [event.id for event in behind]
        assert len({event.id for event in events}) == 60
        only = await gateway.collect(1, first.cursor, subject=Ref(RecordType.INVOICE, "erp", "40"))
        assert only[0].subject == Ref(RecordType.INVOICE, "erp", "40")


async def test_caches_hear_of_an_event_before_any_reader(place: Place):
    async with place.gateway() as gateway:
        heard: list[tuple[str, bool]] = []

        def drop(event: Event) -> None:
            assert reader is not None
            heard.append((event.id, bool(reader._queue)))

        broker = Broker(gateway.service.log, listeners=[drop])
        broker.start()
        try:
            reader = broker.join(EventFilter(), await broker.position())
            assert reader is not None
            await gateway.hear("erp", message("a", event="INVOICE_PAID", status="PAID", version=1))
            await gateway.work("erp")
            event = await reader.next()
            assert heard == [(event.id, False)]
        finally:
            await broker.aclose()


async def test_a_slow_reader_ends_with_its_last_cursor_and_resumes_there(place: Place):
    async with place.gateway(started=True, queue=5) as gateway:

        async def tell(name: str, count: int) -> None:
            for number in range(count):
                body = message(f"{name}{number}", record=f"{name}{number}", event="INVOICE_PAID", version=1)
                await gateway.hear("erp", body)

        await tell("a", 3)
        stream = gateway.service.events.follow(EventFilter(), START)
        read = [await anext(stream) for _ in range(3)]
        waiting = asyncio.create_task(anext(stream))
        await tell("b", 40)
        read.append(await waiting)
        # What was told has been handed out to everybody once the broker is at the end of the log.
        handed_out = 0
        while handed_out < 43:
            log = await gateway.logged()
            position = await gateway.service.broker.position()
            handed_out = sum(decode_cursor(event.cursor) <= position for event in log)
        with pytest.raises(SlowConsumer) as slow:
            await _drain(stream, read)
        assert slow.value.cursor == read[-1].cursor
        rest = (await gateway.logged())[len(read) :]
        assert [event.id for event in read + rest] == [event.id for event in await gateway.logged()]
        resumed = await gateway.collect(len(rest), slow.value.cursor)
        assert [event.id for event in resumed] == [event.id for event in rest]


async def _drain(stream, read) -> None:
    async for event in stream:
        read.append(event)


async def test_cursors_that_name_nothing(place: Place):
    async with place.gateway(started=True) as gateway:
        for bad in ("", "x", "ZTo", "é", "e:1"):
            with pytest.raises(BadCursor):
                await gateway.collect(1, bad)
        with pytest.raises(CursorExpired):
            await gateway.collect(1, encode_cursor(10_000))


async def test_a_timeline_is_paged_newest_first(place: Place):
    async with place.gateway() as gateway:
        for number in range(7):
            for customer in ("c1", "c2"):
                record = f"{customer}-{number}"
                body = message(record, record=record, event="INVOICE_PAID", version=1, customer=customer)
                await gateway.hear("erp", body)
        await gateway.work("erp")
        wanted = EventFilter(customer=Ref(RecordType.CUSTOMER, "crm", "c1"))
        found, after = [], None
        for more_expected in (True, True, False):
            page, more = await gateway.service.events.newest(wanted, 3, after)
            assert more is more_expected
            found += page
            after = page[-1].cursor
        assert [event.subject.record_id for event in found] == [f"c1-{n}" for n in range(6, -1, -1)]


async def test_a_batch_that_breaks_holds_up_one_message_only(place: Place):
    async with place.gateway() as gateway:
        # A record id that PostgreSQL cannot keep, beside one that is too long for nobody.
        for number in range(5):
            record = "nul\x00" if number == 2 else str(number)
            await gateway.hear("erp", message(f"a{number}", record=record, event="INVOICE_PAID", version=1))
        await gateway.work("erp")
        events = await gateway.logged()
        letters = await dead_letters(gateway.database)
        assert len(events) + len(letters) == 5
        assert len(events) >= 4
