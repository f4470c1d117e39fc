"""Polling a real Tryton server: what is written, created and archived there is heard of, once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.contracts.errors import Malformed, Rejected, SystemFault
from adapters.contracts.events import Batch, Notice
from adapters.contracts.polling import StreamMark
from adapters.contracts.resource import Caps
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.emulation.faults import Fault
from adapters.tryton.adapter import TrytonAdapter
from adapters.tryton.events import TrytonEvents
from adapters.tryton.settings import TrytonSettings
from tests.support.tryton_front import TrytonFront, tryton_front

pytestmark = pytest.mark.anyio
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[TrytonFront]:
    """A server of its own: what is changed here would surprise the tests that only read."""
    with tryton_front() as found:
        yield found


@pytest.fixture(params=["with_key", "with_password"])
async def adapter(server: TrytonFront, request: pytest.FixtureRequest) -> AsyncIterator[TrytonAdapter]:
    server.faults.disarm()
    connected = TrytonAdapter(TrytonSettings(**getattr(server, request.param)()))
    async with AsyncExitStack() as closing:
        closing.push_async_callback(connected.aclose)
        yield connected
    server.faults.disarm()


@pytest.fixture
def events(adapter: TrytonAdapter) -> TrytonEvents:
    return adapter.events


@pytest.fixture
async def clerk(server: TrytonFront) -> AsyncIterator[Any]:
    """Somebody who works in Tryton meanwhile: calls a method of a model."""
    connected = TrytonAdapter(TrytonSettings(**server.with_password()))
    client = connected._client

    async def call(model: str, method: str, **arguments: Any) -> Any:
        return await client._door.call(client._http, model, method, arguments, await client.context())

    yield call
    await connected.aclose()


async def heard(events: TrytonEvents, mark: str) -> tuple[list[Notice], str]:
    """Everything behind a mark."""
    notices = list[Notice]()
    while True:
        batch = await events.fetch(mark)
        notices += [notice for _, body in batch.messages for notice in events.parse(body)]
        mark = batch.mark
        if not batch.more:
            return notices, mark


async def begun(events: TrytonEvents) -> Batch:
    return await events.fetch(None)


def fact_of(server: TrytonFront, life: str) -> Mapping[str, Any]:
    return next(fact for fact in server.server.facts["invoices"] if fact["life"] == life)


async def test_it_begins_behind_the_newest_change_and_nothing_old_is_news(events: TrytonEvents):
    batch = await begun(events)
    assert (list(batch.messages), batch.more) == ([], False)
    notices, _ = await heard(events, batch.mark)
    assert notices == []


async def test_a_changed_invoice_is_told_with_its_status(
    server: TrytonFront, events: TrytonEvents, clerk: Any
):
    fact = fact_of(server, "draft")
    batch = await begun(events)
    await clerk("account.invoice", "write", ids=[fact["id"]], values={"comment": "Looked at"})
    (notice,), mark = await heard(events, batch.mark)
    assert (notice.type, notice.record_id) == (RecordType.INVOICE, str(fact["id"]))
    assert notice.status is InvoiceStatus.DRAFT
    assert notice.customer_in_crm == fact["crm_id"]
    assert notice.event is None
    assert notice.version is not None
    again, mark = await heard(events, mark)
    assert [each.key for each in again] == [notice.key]
    # Changed once more: a key of its own, and a later version.
    await clerk("account.invoice", "write", ids=[fact["id"]], values={"comment": "Looked at twice"})
    (later,), _ = await heard(events, mark)
    assert later.key != notice.key
    assert later.version is not None
    assert later.version > notice.version


async def test_a_party_is_told_when_it_is_made_changed_and_archived(events: TrytonEvents, clerk: Any):
    batch = await begun(events)
    (number,) = await clerk("party.party", "create", vlist=[{"name": "Nova & Sons"}])
    (made,), mark = await heard(events, batch.mark)
    assert (made.type, made.record_id, made.status) == (RecordType.CUSTOMER, str(number), None)
    assert made.created
    assert "Nova" not in (made.summary or "")
    await clerk("party.party", "write", ids=[number], values={"active": False})
    told, mark = await heard(events, mark)
    # The row is told of with its change; as a row that was only made it is gone.
    assert [each.record_id for each in told] == [str(number)]
    assert told[0].version > made.version


async def test_pages_reach_the_end_through_records_of_one_transaction(
    server: TrytonFront, events: TrytonEvents, adapter: TrytonAdapter, clerk: Any, monkeypatch: Any
):
    """They all have one date: the position has to tell them apart by their ids."""
    batch = await begun(events)
    ids = await clerk("party.party", "create", vlist=[{"name": f"Of many {n}"} for n in range(7)])
    for resource in adapter._models.values():
        monkeypatch.setattr(resource, "caps", Caps(ids_per_call=3, rows_per_call=3))
    notices, _ = await heard(events, batch.mark)
    assert [notice.record_id for notice in notices] == [str(number) for number in ids]
    assert len({notice.version for notice in notices}) == 1


async def test_everything_is_told_from_a_mark_of_long_ago(
    server: TrytonFront, events: TrytonEvents, adapter: TrytonAdapter
):
    mark = msgspec.json.encode(dict.fromkeys(events.streams, StreamMark(LONG_AGO, LONG_AGO))).decode()
    notices, mark = await heard(events, mark)
    told = {notice.record_id for notice in notices if notice.type is RecordType.INVOICE}
    assert told == {str(fact["id"]) for fact in server.server.facts["invoices"]}
    times = [notice.occurred_at for notice in notices]
    assert times == sorted(times)
    # From then on only the overlap is read again.
    newest = max(times)
    again, _ = await heard(events, mark)
    assert all(newest - notice.occurred_at < timedelta(seconds=180) for notice in again)


async def test_a_foreign_mark_is_rejected(server: TrytonFront, events: TrytonEvents):
    with pytest.raises(Rejected):
        await events.fetch("7")
    bad = StreamMark(LONG_AGO, LONG_AGO, (LONG_AGO, "1 OR 1"), LONG_AGO)
    with pytest.raises(Malformed):
        await events.fetch(msgspec.json.encode(dict.fromkeys(events.streams, bad)).decode())


async def test_a_fault_of_the_server_is_a_fault_of_the_tree(server: TrytonFront, events: TrytonEvents):
    batch = await begun(events)
    server.faults.arm(Fault("error", status=503, times=9))
    with pytest.raises(SystemFault):
        await events.fetch(batch.mark)
