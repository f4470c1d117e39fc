"""Polling NetSuite: the window by NetSuite's own clock, the overlap, pages, deletions, repeated hours."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from adapters.contracts.errors import Malformed, Rejected, Unauthorised
from adapters.contracts.events import Batch, Notice
from adapters.contracts.polling import StreamMark, Window
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.emulation.faults import Fault
from adapters.emulation.world import InvoiceFact
from adapters.netsuite.adapter import NetSuiteAdapter
from adapters.netsuite.client import SERVER_TIME_PATH, SUITEQL_PATH
from adapters.netsuite.emulator.changes import change_record, delete_record
from adapters.netsuite.events import NetSuiteEvents
from tests.adapters.netsuite.conftest import Sandbox

pytestmark = pytest.mark.anyio
STREAMS = ("Customer", "Invoice", "deletions")


@pytest.fixture
async def adapter(sandbox: Sandbox) -> AsyncIterator[NetSuiteAdapter]:
    sandbox.front.disarm()
    connected = sandbox.connect()
    yield connected
    sandbox.front.disarm()
    await connected.aclose()


@pytest.fixture
def events(adapter: NetSuiteAdapter) -> NetSuiteEvents:
    return adapter.events


@pytest.fixture
def invoices(sandbox: Sandbox) -> Iterator[list[InvoiceFact]]:
    """Invoices of which each test may change what it likes: nothing is as it was afterwards."""
    yield [fact for fact in sandbox.world.invoices if fact.status is InvoiceStatus.PAID]
    sandbox.store.execute("UPDATE netsuite_transaction SET lastmodifieddate = '2020-01-01 00:00:00'")
    sandbox.store.execute("UPDATE netsuite_customer SET lastmodifieddate = '2020-01-01 00:00:00'")
    sandbox.store.execute("DELETE FROM netsuite_deletedrecord")


def mark_of(moment: datetime, **changes: Any) -> str:
    """The mark of a poll that began then and has been up to date then."""
    mark = StreamMark(moment, moment)
    return msgspec.json.encode({**dict.fromkeys(STREAMS, mark), **changes}).decode()


def touch(sandbox: Sandbox, table: str, record_id: object, moment: datetime) -> None:
    sandbox.store.execute(
        f"UPDATE netsuite_{table} SET lastmodifieddate = ? WHERE id = ?",
        (f"{moment:%Y-%m-%d %H:%M:%S}", record_id),
    )


def notices(events: NetSuiteEvents, batch: Batch) -> list[Notice]:
    return [notice for _, body in batch.messages for notice in events.parse(body)]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def test_it_begins_now_by_netsuites_clock_and_reads_no_row(
    sandbox: Sandbox, adapter: NetSuiteAdapter, events: NetSuiteEvents
) -> None:
    await adapter.check()
    sandbox.front.log.clear()
    begun = await events.fetch(None)
    assert (list(begun.messages), begun.more) == ([], False)
    assert [call["path"] for call in sandbox.front.log.calls] == [SERVER_TIME_PATH]
    sandbox.front.log.clear()
    assert (await events.fetch(begun.mark)).messages == []
    paths = sorted(call["path"] for call in sandbox.front.log.calls)
    assert paths == sorted([SERVER_TIME_PATH, *[SUITEQL_PATH] * 3])


async def test_a_changed_invoice_and_a_changed_customer_are_told_oldest_first(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    fact, customer = invoices[0], invoices[1].customer
    earlier, later = now() - timedelta(seconds=9), now() - timedelta(seconds=5)
    touch(sandbox, "transaction", fact.id, later)
    touch(sandbox, "customer", customer.erp_ids[0], earlier)
    batch = await events.fetch(mark_of(now() - timedelta(minutes=1)))
    assert batch is not None
    first, second = notices(events, batch)
    assert (first.type, first.record_id, first.status) == (
        RecordType.CUSTOMER,
        str(customer.erp_ids[0]),
        None,
    )
    assert second == Notice(
        key=f"Invoice:{fact.id}:{int(later.timestamp() * 1000)}",
        type=RecordType.INVOICE,
        record_id=str(fact.id),
        occurred_at=later,
        status=InvoiceStatus.PAID,
        version=int(later.timestamp() * 1000),
        customer_in_crm=fact.customer.crm_id,
        summary=f"invoice {fact.number} was changed in NetSuite",
    )
    assert [key for key, _ in batch.messages] == [first.key, second.key]
    assert [events.key(body) for _, body in batch.messages] == [first.key, second.key]
    assert batch.more is False


async def test_an_invoice_that_was_made_since_is_told_as_created(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    new, old = invoices[3], invoices[4]
    for fact in (new, old):
        touch(sandbox, "transaction", fact.id, now() - timedelta(seconds=5))
    sandbox.store.execute(
        "UPDATE netsuite_transaction SET createddate = ? WHERE id = ?",
        (f"{now() - timedelta(seconds=20):%Y-%m-%d %H:%M:%S}", new.id),
    )
    batch = await events.fetch(mark_of(now() - timedelta(minutes=1)))
    told = {notice.record_id: notice.created for notice in notices(events, batch)}
    assert told == {str(new.id): True, str(old.id): False}


async def test_the_message_has_no_name_and_no_amount(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    touch(sandbox, "transaction", invoices[0].id, now() - timedelta(seconds=5))
    touch(sandbox, "customer", invoices[0].customer.erp_ids[0], now() - timedelta(seconds=5))
    batch = await events.fetch(mark_of(now() - timedelta(minutes=1)))
    for _, body in batch.messages:
        assert set(json.loads(body)) <= {"type", "id", "version", "status", "customer_in_crm", "summary"}
        assert invoices[0].customer.name.encode() not in body


async def test_the_second_that_is_not_over_is_left_for_the_next_poll(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    """A record could change again in it, and the version would be the same."""
    touch(sandbox, "transaction", invoices[0].id, now() + timedelta(seconds=30))
    batch = await events.fetch(mark_of(now() - timedelta(minutes=1)))
    assert batch.messages == []
    touch(sandbox, "transaction", invoices[0].id, now() - timedelta(seconds=2))
    assert len((await events.fetch(batch.mark)).messages) == 1


async def test_what_became_visible_late_is_found_within_the_overlap(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    first = await events.fetch(mark_of(now() - timedelta(hours=1)))
    touch(sandbox, "transaction", invoices[0].id, now() - timedelta(seconds=100))
    touch(sandbox, "transaction", invoices[1].id, now() - timedelta(seconds=200))
    batch = await events.fetch(first.mark)
    assert [notice.record_id for notice in notices(events, batch)] == [str(invoices[0].id)]


async def test_pages_follow_each_other_through_rows_of_the_same_second(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    moment = now() - timedelta(seconds=30)
    for fact in invoices[:7]:
        touch(sandbox, "transaction", fact.id, moment)
    # Gives a page that is one row short, and says that more follow.
    sandbox.front.arm(Fault("shrink", path=SUITEQL_PATH, times=3))
    found, mark, batches = list[str](), mark_of(now() - timedelta(minutes=1)), 0
    while True:
        batch = await events.fetch(mark)
        found += [key for key, _ in batch.messages]
        mark, batches = batch.mark, batches + 1
        if not batch.more:
            break
    assert sorted(found) == sorted(
        f"Invoice:{fact.id}:{int(moment.timestamp() * 1000)}" for fact in invoices[:7]
    )
    assert batches == 2


async def test_what_is_changed_through_the_api_is_heard_of(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    fact = next(fact for fact in sandbox.world.invoices if fact.status is InvoiceStatus.PENDING_APPROVAL)
    batch = await events.fetch(None)
    change_record(sandbox.store, "invoice", fact.id, {"approvalStatus": {"id": "2"}}, strict=True)
    while not batch.messages:
        batch = await events.fetch(batch.mark)
    (notice,) = notices(events, batch)
    assert notice.record_id == str(fact.id)
    assert notice.status in (InvoiceStatus.OPEN, InvoiceStatus.OVERDUE)
    assert notice.event is None


async def test_deletions_are_told(
    sandbox: Sandbox, events: NetSuiteEvents, invoices: list[InvoiceFact]
) -> None:
    fact = next(fact for fact in sandbox.world.invoices if fact.status is InvoiceStatus.VOID)
    delete_record(sandbox.store, "invoice", fact.id)
    # A type that is nothing of the graph's.
    sandbox.store.execute("INSERT INTO netsuite_deletedrecord (recordid, type) VALUES (7, 'calendarevent')")
    moment = now() - timedelta(seconds=5)
    sandbox.store.execute("UPDATE netsuite_deletedrecord SET deleteddate = ?", (f"{moment:%F %T}",))
    (notice,) = notices(events, await events.fetch(mark_of(now() - timedelta(minutes=1))))
    assert (notice.type, notice.record_id, notice.deleted) == (RecordType.INVOICE, str(fact.id), True)
    assert notice.key.endswith(":deleted")
    assert sandbox.row("transaction", fact.id) is None


def test_a_record_is_deleted_over_http(sandbox: Sandbox, ask: Any) -> None:
    fact = [fact for fact in sandbox.world.invoices if fact.status is InvoiceStatus.VOID][1]
    path = f"/services/rest/record/v1/invoice/{fact.id}"
    http: httpx.Client = ask.http
    assert http.delete(path).status_code == 204
    assert http.delete(path).status_code == 404
    busy = sandbox.world.invoices[0].customer.erp_ids[0]
    refused = http.delete(f"/services/rest/record/v1/customer/{busy}")
    assert refused.status_code == 400
    assert refused.json()["o:errorDetails"][0]["o:errorCode"] == "USER_ERROR"
    answer = ask(f"SELECT recordid, type FROM deletedrecord WHERE recordid = {fact.id}").json()
    assert [(row["recordid"], row["type"]) for row in answer["items"]] == [(str(fact.id), "invoice")]


async def test_without_deletions_their_table_is_not_read(sandbox: Sandbox) -> None:
    adapter = sandbox.connect(poll_deletions=False)
    sandbox.recorder.queries.clear()
    batch = await adapter.events.fetch(mark_of(now()))
    await adapter.events.fetch(batch.mark)
    findings = await adapter.check()
    assert not [query for query in sandbox.recorder.queries if "deletedrecord" in query]
    assert all(finding.ok for finding in findings)
    await adapter.aclose()


async def test_a_stream_that_is_switched_on_later_begins_then(sandbox: Sandbox) -> None:
    without, everything = sandbox.connect(poll_deletions=False), sandbox.connect()
    begun = await without.events.fetch(None)
    assert "deletions" not in begun.mark
    assert "deletions" in (await everything.events.fetch(begun.mark)).mark
    await without.aclose()
    await everything.aclose()


async def test_where_clocks_are_put_back_the_window_is_wide_and_versions_do_not_go_back(
    sandbox: Sandbox,
) -> None:
    adapter = sandbox.connect(timezone="America/New_York")
    events, zone = adapter.events, ZoneInfo("America/New_York")
    # 2026-11-01 02:00 EDT becomes 01:00 EST: 05:30 and 06:30 UTC are both 01:30 there.
    since, until = datetime(2026, 11, 1, 5, 58, tzinfo=UTC), datetime(2026, 11, 1, 6, 2, tzinfo=UTC)
    condition = events._window("c.at", "c.id", Window(since, None, since), until)
    low, high = (
        datetime.fromisoformat(text) for text in re.findall(r"'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)'", condition)
    )
    for moment in (since, since + timedelta(minutes=1), datetime(2026, 11, 1, 6, 1, tzinfo=UTC)):
        assert low <= moment.astimezone(zone).replace(tzinfo=None) < high
    assert events._moment("2026-11-01T01:58:00", until) == since
    assert events._moment("2026-11-01T01:01:00", until) == datetime(2026, 11, 1, 6, 1, tzinfo=UTC)
    await adapter.aclose()


async def test_a_foreign_mark_is_rejected_and_nothing_is_sent(
    sandbox: Sandbox, events: NetSuiteEvents
) -> None:
    sandbox.front.log.clear()
    for mark in ("", "nonsense", '{"Customer": 7}'):
        with pytest.raises(Rejected) as rejected:
            await events.fetch(mark)
        assert rejected.value.vendor_code == "bad_position"
    assert sandbox.front.log.calls == []
    injected = StreamMark(now(), now(), (now(), "1 OR 1=1"), now())
    with pytest.raises(Malformed):
        await events.fetch(mark_of(now(), Invoice=injected))


async def test_a_fault_of_the_vendor_is_a_fault_of_the_tree(sandbox: Sandbox, events: NetSuiteEvents) -> None:
    sandbox.front.arm(Fault("expire_token", path=SUITEQL_PATH, times=9))
    with pytest.raises(Unauthorised):
        await events.fetch(mark_of(now()))
