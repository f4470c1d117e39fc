"""Change events: the emulated org's Pub/Sub API over gRPC, and what the adapter makes of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Malformed, NotFound, Rejected, Unauthorised, Unreachable
from adapters.contracts.events import Batch, Notice
from adapters.contracts.vocabulary import BusinessEventType, CustomerStatus, RecordType
from adapters.contracts.writes import Verb, Write
from adapters.salesforce.emulator import EMULATOR
from adapters.salesforce.events import Mark, SalesforceEvents
from adapters.salesforce.settings import SalesforceSettings
from tests.adapters.salesforce.conftest import Sandbox, sandbox_of

pytest.importorskip("grpc", reason="the extra salesforce-events is not installed")

from adapters.salesforce.emulator.change_schema import SCHEMA_ID
from adapters.salesforce.emulator.pubsub import serve
from adapters.salesforce.emulator.sessions import ORGANIZATION_ID
from adapters.salesforce.pubsub import MOST_REQUESTED

pytestmark = pytest.mark.anyio
CREATED, UPDATED = BusinessEventType.CUSTOMER_CREATED, BusinessEventType.CUSTOMER_UPDATED
TABLE = "/services/data/v66.0/sobjects/Account"


class Org:
    """The emulated org with its Pub/Sub API, and connections to it."""

    def __init__(self, sandbox: Sandbox, endpoint: str) -> None:
        self.sandbox = sandbox
        self.endpoint = endpoint
        self.adapters: list[Adapter] = []

    def connect(self, **settings: Any) -> Adapter:
        chosen = {
            "organization_id": ORGANIZATION_ID,
            "pubsub_endpoint": self.endpoint,
            "pubsub_tls": False,
            **settings,
        }
        self.adapters.append(self.sandbox.adapter(**chosen))
        return self.adapters[-1]

    def events(self, **settings: Any) -> SalesforceEvents:
        events = self.connect(**settings).events
        assert isinstance(events, SalesforceEvents)
        events._wait_s = 0.2
        return events

    def account(self, place: int = 0) -> str:
        return self.sandbox.world.customers[place].crm_id

    def set(self, record_id: str, **columns: Any) -> None:
        """Changes an account as somebody who works in the org would."""
        places = ", ".join(f'"{name}" = ?' for name in columns)
        sql = f"UPDATE salesforce_account SET {places} WHERE Id = ?"
        self.sandbox.store.execute(sql, (*columns.values(), record_id))

    async def aclose(self) -> None:
        for adapter in self.adapters:
            await adapter.aclose()


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with sandbox_of() as sandbox:
        yield sandbox


@contextlib.asynccontextmanager
async def org_of(sandbox: Sandbox, **options: Any) -> AsyncIterator[Org]:
    async with serve(sandbox.store, **options) as endpoint:
        org = Org(sandbox, endpoint)
        try:
            yield org
        finally:
            await org.aclose()


@pytest.fixture
async def org(running: Sandbox) -> AsyncIterator[Org]:
    async with org_of(running) as found:
        yield found


async def heard(events: SalesforceEvents, mark: str, count: int) -> tuple[list[Notice], str]:
    """The next notices, so many."""
    found = list[Notice]()
    async with asyncio.timeout(20):
        while len(found) < count:
            batch = await events.fetch(mark)
            for key, body in batch.messages:
                assert events.key(body) == key
            found += notices(events, batch)
            mark = batch.mark
    return found, mark


def notices(events: SalesforceEvents, batch: Batch) -> list[Notice]:
    return [notice for _, body in batch.messages for notice in events.parse(body)]


async def test_a_change_of_status_is_told_with_the_status(org: Org) -> None:
    events, account = org.events(), org.account()
    begun = await events.fetch(None)
    assert (list(begun.messages), begun.more) == ([], False)
    org.set(account, Customer_Status__c="On Hold")
    (notice,), mark = await heard(events, begun.mark, 1)
    assert (notice.type, notice.record_id, notice.customer_in_crm) == (RecordType.CUSTOMER, account, account)
    assert (notice.event, notice.status, notice.deleted) == (UPDATED, CustomerStatus.SUSPENDED, False)
    assert notice.key.endswith(f":1:{account}")
    assert notice.version == int(notice.occurred_at.timestamp() * 1000)
    assert abs(notice.occurred_at - datetime.now(UTC)) < timedelta(seconds=30)
    assert (await events.fetch(mark)).messages == []


async def test_what_did_not_change_is_not_told_and_what_was_cleared_is(org: Org) -> None:
    events, account = org.events(), org.account()
    begun = await events.fetch(None)
    org.set(account, Industry="Mining")
    (other,), mark = await heard(events, begun.mark, 1)
    assert (other.event, other.status) == (UPDATED, None)
    org.set(account, Customer_Status__c=None)
    (cleared,), _ = await heard(events, mark, 1)
    assert cleared.status is CustomerStatus.UNKNOWN


async def test_creating_and_deleting_are_told(org: Org) -> None:
    events = org.events()
    begun = await events.fetch(None)
    account = "0015g00000NewAAAAAAA"[:15]
    row = org.sandbox.store.execute("SELECT * FROM salesforce_account LIMIT 1").fetchone()
    fields = {**dict(row), "Id": account, "Name": "Nova & Sons"}
    names, places = ", ".join(f'"{name}"' for name in fields), ", ".join("?" for _ in fields)
    org.sandbox.store.execute(
        f"INSERT INTO salesforce_account ({names}) VALUES ({places})", list(fields.values())
    )
    org.sandbox.store.execute("DELETE FROM salesforce_account WHERE Id = ?", (account,))
    (made, gone), _ = await heard(events, begun.mark, 2)
    assert (made.event, made.deleted) == (CREATED, False)
    assert made.status is not None
    assert (gone.event, gone.deleted, gone.record_id) == (None, True, made.record_id)
    assert gone.version is not None
    assert gone.version >= (made.version or 0)


async def test_a_write_of_ours_carries_its_key(org: Org) -> None:
    adapter = org.connect()
    events = adapter.events
    assert isinstance(events, SalesforceEvents)
    assert adapter.writer is not None
    begun = await events.fetch(None)
    write = Write(Verb.UPDATE_CUSTOMER, org.account(), "cmd_1", {"status": CustomerStatus.SUSPENDED})
    await adapter.writer.perform(write)
    (notice,), _ = await heard(events, begun.mark, 1)
    assert (notice.command_key, notice.status) == ("cmd_1", CustomerStatus.SUSPENDED)


async def test_the_message_holds_no_personal_data(org: Org) -> None:
    events = org.events()
    begun = await events.fetch(None)
    org.set(org.account(), Name="Nova & Sons", Email__c="ann@example.com", Phone="0555 12345")
    batch = await events.fetch(begun.mark)
    ((_, body),) = batch.messages
    assert json.loads(body)["columns"] == {}
    for value in (b"Nova", b"ann@", b"0555"):
        assert value not in body


async def test_a_restart_continues_behind_the_mark_without_loss(org: Org) -> None:
    first = org.events()
    begun = await first.fetch(None)
    org.set(org.account(0), Industry="Mining")
    _, mark = await heard(first, begun.mark, 1)
    await first.aclose()
    for place in (1, 2, 3):
        org.set(org.account(place), Industry="Mining")
    found, _ = await heard(org.events(), mark, 3)
    assert [notice.record_id for notice in found] == [org.account(place) for place in (1, 2, 3)]


async def test_a_restart_before_the_first_event_loses_nothing_and_tells_nothing_old(org: Org) -> None:
    org.set(org.account(9), Industry="Mining")
    org.sandbox.store.execute("UPDATE salesforce_change SET committed_at = committed_at - 3600000")
    first = org.events()
    begun = await first.fetch(None)
    assert msgspec.json.decode(begun.mark, type=Mark).replay is None
    await first.aclose()
    org.set(org.account(1), Industry="Mining")
    (notice,), _ = await heard(org.events(), begun.mark, 1)
    assert notice.record_id == org.account(1)


async def test_an_older_mark_gives_the_same_events_again_with_the_same_keys(org: Org) -> None:
    """Whoever could not keep what was given asks for it again."""
    events = org.events()
    begun = await events.fetch(None)
    org.set(org.account(0), Industry="Mining")
    first, mark = await heard(events, begun.mark, 1)
    org.set(org.account(1), Industry="Mining")
    second, _ = await heard(events, mark, 1)
    again, _ = await heard(events, mark, 1)
    assert [each.key for each in again] == [each.key for each in second]
    everything, _ = await heard(events, begun.mark, 2)
    assert [each.key for each in everything] == [first[0].key, second[0].key]


async def test_more_events_than_fit_the_buffer_all_arrive_in_order(org: Org) -> None:
    events = org.events()
    begun = await events.fetch(None)
    many = 2 * MOST_REQUESTED + 30
    for number in range(many):
        org.set(org.account(number % 30), Industry=f"Number {number}")
    largest, found, mark = 0, list[Notice](), begun.mark
    async with asyncio.timeout(30):
        while len(found) < many:
            batch = await events.fetch(mark)
            largest, mark = max(largest, len(batch.messages)), batch.mark
            found += notices(events, batch)
    assert largest <= MOST_REQUESTED
    assert [notice.record_id for notice in found] == [org.account(number % 30) for number in range(many)]
    assert len({notice.key for notice in found}) == many


async def test_an_empty_answer_moves_the_mark(running: Sandbox) -> None:
    async with org_of(running, keepalive_s=0.05) as org:
        events = org.events()
        mark = (await events.fetch(None)).mark
        async with asyncio.timeout(10):
            while msgspec.json.decode(mark, type=Mark).replay is None:
                batch = await events.fetch(mark)
                assert batch.messages == []
                mark = batch.mark
        org.set(org.account(0), Industry="Mining")
        (notice,), _ = await heard(org.events(), mark, 1)
        assert notice.record_id == org.account(0)


async def test_behind_a_lost_replay_id_the_changed_accounts_are_read_instead(org: Org) -> None:
    events, store = org.events(), org.sandbox.store
    begun = await events.fetch(None)
    org.set(org.account(0), Industry="Mining")
    _, mark = await heard(events, begun.mark, 1)
    await events.aclose()
    now = datetime.now(UTC)
    stamp = f"{now:%Y-%m-%dT%H:%M:%S}.000+0000"
    org.set(org.account(1), Customer_Status__c="Churned", SystemModstamp=stamp)
    org.set(org.account(2), Industry="Mining")
    # Four days go by.
    store.execute("UPDATE salesforce_change SET committed_at = committed_at - 345600000")
    org.set(org.account(3), Industry="Mining")
    again = org.events()
    lost = await again.fetch(mark)
    assert (list(lost.messages), lost.more) == ([], True)
    found, _ = await heard(again, lost.mark, 2)
    read, told = found
    assert (read.record_id, read.status, read.event) == (org.account(1), CustomerStatus.CHURNED, None)
    assert (told.record_id, told.event) == (org.account(3), UPDATED)


async def test_the_accounts_of_a_gap_are_read_page_by_page(org: Org, monkeypatch: Any) -> None:
    monkeypatch.setattr("adapters.salesforce.events.CATCH_UP_ROWS", 7)
    events = org.events()
    mark = msgspec.json.encode(Mark(0, since=0)).decode()
    found = list[str]()
    while True:
        batch = await events.fetch(mark)
        found += [notice.record_id for notice in notices(events, batch)]
        mark = batch.mark
        if not batch.more:
            break
    assert sorted(found) == sorted(fact.crm_id for fact in org.sandbox.world.customers)
    assert len([query for query in org.sandbox.queries if "SystemModstamp >=" in query]) == 6


async def test_an_overflow_leads_to_reading_and_the_stream_goes_on_behind_it(org: Org) -> None:
    events, store = org.events(), org.sandbox.store
    begun = await events.fetch(None)
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"
    # A change that nobody tells of, and in its place the word that there were too many.
    org.set(org.account(4), SystemModstamp=stamp)
    store.execute(
        "UPDATE salesforce_change SET change_type = 'GAP_OVERFLOW', record_id = '000000000000000AAA'"
    )
    org.set(org.account(5), Industry="Mining")
    found, _ = await heard(events, begun.mark, 2)
    assert [(each.record_id, each.event) for each in found] == [
        (org.account(4), None),
        (org.account(5), UPDATED),
    ]


async def test_a_session_that_ended_is_renewed(org: Org) -> None:
    events = org.events()
    begun = await events.fetch(None)
    await events.aclose()
    org.sandbox.store.execute("DELETE FROM salesforce_session")
    org.set(org.account(0), Industry="Mining")
    (notice,), _ = await heard(events, begun.mark, 1)
    assert notice.record_id == org.account(0)


async def test_wrong_tenants_and_topics_are_faults_of_the_tree(org: Org) -> None:
    stranger = org.events(organization_id="00D000000000001AAA")
    stranger._wait_s = 5
    with pytest.raises(Unauthorised) as refused:
        await stranger.fetch(None)
    assert refused.value.vendor_code == "sfdc.platform.eventbus.grpc.service.auth.error"
    lost = org.events(pubsub_topic="/data/NoSuchEvent")
    lost._wait_s = 5
    with pytest.raises(NotFound):
        await lost.fetch(None)
    with pytest.raises(Rejected) as rejected:
        await org.events().fetch("nonsense")
    assert rejected.value.vendor_code == "bad_position"


async def test_an_api_that_is_away_is_unreachable_and_comes_back(running: Sandbox) -> None:
    async with org_of(running) as org:
        port = int(org.endpoint.rpartition(":")[2])
        begun = await org.events().fetch(None)
    later = Org(running, f"127.0.0.1:{port}")
    events = later.events()
    events._wait_s = 5
    with pytest.raises(Unreachable):
        await events.fetch(begun.mark)
    later.set(later.account(0), Industry="Mining")
    async with org_of(running) as org:
        (notice,), _ = await heard(org.events(), begun.mark, 1)
        assert notice.record_id == org.account(0)
    await later.aclose()


async def test_the_check_up_tries_the_topic(org: Org) -> None:
    findings = {finding.check: finding for finding in await org.connect().check()}
    assert findings["change events"].ok
    wrong = org.connect(pubsub_topic="/data/NoSuchEvent")
    findings = {finding.check: finding for finding in await wrong.check()}
    assert not findings["change events"].ok
    silent = org.sandbox.adapter()
    assert silent.events is None
    assert "change events" not in {finding.check for finding in await silent.check()}
    await silent.aclose()


async def test_the_sandbox_hook_gives_the_settings_that_lead_there(running: Sandbox) -> None:
    assert EMULATOR.beside is not None
    async with EMULATOR.beside(running.store) as settings:
        adapter = running.adapter(**settings)
        assert isinstance(adapter.events, SalesforceEvents)
        assert await adapter.events.topic()
        await adapter.aclose()


def event(**header: Any) -> bytes:
    whole = {
        "entityName": "Account",
        "recordIds": ["0015g00000000001AAA"],
        "changeType": "UPDATE",
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": 1_790_000_000_000,
        **header,
    }
    return json.dumps({"ChangeEventHeader": whole, "columns": {}}).encode()


@pytest.fixture
async def parsing(running: Sandbox) -> AsyncIterator[SalesforceEvents]:
    org = Org(running, "127.0.0.1:1")
    yield org.events()
    await org.aclose()


async def test_one_event_of_many_records_is_a_notice_of_each(parsing: SalesforceEvents) -> None:
    ids = ["0015g000000000A", "0015g000000000b"]
    found = parsing.parse(event(recordIds=ids))
    assert len(found) == 2
    assert [len(notice.record_id) for notice in found] == [18, 18]
    assert len({notice.key for notice in found}) == 2


async def test_gap_events_say_that_something_changed_and_not_what(parsing: SalesforceEvents) -> None:
    ids = ["0015g000000000A"]
    for change, (expected, deleted) in {
        "GAP_CREATE": (CREATED, False),
        "GAP_UPDATE": (UPDATED, False),
        "GAP_UNDELETE": (UPDATED, False),
        "GAP_DELETE": (None, True),
        "UNDELETE": (UPDATED, False),
    }.items():
        (notice,) = parsing.parse(event(changeType=change, recordIds=ids))
        assert (notice.event, notice.deleted, notice.status) == (expected, deleted, None), change


async def test_events_of_other_objects_and_kinds_give_nothing(parsing: SalesforceEvents) -> None:
    assert parsing.parse(event(entityName="Contact")) == ()
    assert parsing.parse(event(changeType="SNAPSHOT")) == ()
    assert list(parsing.parse(event(recordIds=["001*"]))) == []
    assert parsing.parse(b'{"type": "Contact", "id": "1", "version": 2}') == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"ChangeEventHeader": {}}',
        b'{"ChangeEventHeader": {"recordIds": 7}}',
        event(commitTimestamp=10**30),
        event(commitTimestamp=10**18),
    ],
)
async def test_garbage_is_malformed(parsing: SalesforceEvents, body: bytes) -> None:
    with pytest.raises(Malformed):
        parsing.parse(body)


async def test_an_event_that_does_not_fit_its_schema_becomes_a_dead_letter_and_stops_nothing(
    org: Org, monkeypatch: Any
) -> None:
    events = org.events()
    begun = await events.fetch(None)
    monkeypatch.setattr("adapters.salesforce.emulator.pubsub.payload_of", lambda _: b"\x07\xff")
    org.set(org.account(0), Industry="Mining")
    batch = await events.fetch(begun.mark)
    ((key, body),) = batch.messages
    assert events.key(body) == key
    with pytest.raises(Malformed):
        events.parse(body)
    monkeypatch.undo()
    org.set(org.account(1), Industry="Mining")
    (notice,), _ = await heard(events, batch.mark, 1)
    assert notice.record_id == org.account(1)


async def test_schemas_are_asked_for_once(org: Org, monkeypatch: Any) -> None:
    asked = list[str]()
    from adapters.salesforce.emulator.pubsub import PubSubService

    answer = PubSubService.get_schema

    async def counting(self: Any, request: Any, context: Any) -> Any:
        asked.append(request.schema_id)
        return await answer(self, request, context)

    monkeypatch.setattr(PubSubService, "get_schema", counting)
    async with org_of(org.sandbox) as counted:
        events = counted.events()
        mark = (await events.fetch(None)).mark
        for place in range(5):
            counted.set(counted.account(place), Industry="Mining")
            _, mark = await heard(events, mark, 1)
    assert asked == [SCHEMA_ID]


def test_plain_text_is_for_loopback_alone() -> None:
    base = {"base_url": "https://acme.my.salesforce.com", "client_id": "a", "client_secret": "b"}
    with pytest.raises(ValueError, match="loopback"):
        SalesforceSettings.model_validate({**base, "pubsub_tls": False})
    SalesforceSettings.model_validate({**base, "pubsub_tls": False, "pubsub_endpoint": "127.0.0.1:7443"})
