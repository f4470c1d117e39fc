"""The SuiteQL that the adapter sends: how much of it, what it may hold, and whether it is SQL at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlglot
import sqlglot.expressions as sql

from adapters.contracts.errors import Rejected, Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest, Resource
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.emulation.faults import Fault
from adapters.netsuite.adapter import NetSuiteAdapter
from adapters.netsuite.emulator.tables import TABLES
from tests.adapters.netsuite.conftest import Sandbox

pytestmark = pytest.mark.anyio

HOSTILE = (
    "x' OR '1'='1",
    "'; DELETE FROM customer --",
    "''",
    "\\'",
    'x" OR 1=1',
    "1) OR (1=1",
    "' UNION SELECT 1 FROM customer --",
)


@pytest.fixture
async def adapter(sandbox: Sandbox) -> AsyncIterator[NetSuiteAdapter]:
    adapter = sandbox.connect()
    await adapter.check()
    sandbox.recorder.queries.clear()
    sandbox.front.log.clear()
    yield adapter
    await adapter.aclose()


def requests(resource: Resource) -> list[PageRequest]:
    """A request for every field alone, for all of them, and for every filter."""
    samples: dict[Op, Any] = {
        Op.IN: ("1", "O'Brien"),
        Op.BEFORE: date(2026, 1, 31),
        Op.SINCE: date(2026, 1, 31),
    }
    everything = resource.fields.supplies()
    found = [PageRequest(frozenset({name})) for name in everything] + [PageRequest(everything, after="5")]
    for entry in resource.fields:
        for op in entry.filters:
            value = samples[op]
            if entry.name == "status":
                value = tuple(status for status in InvoiceStatus if status is not InvoiceStatus.UNKNOWN)
            if entry.name == "updated_at":
                value = datetime(2026, 1, 31, 12, tzinfo=UTC)
            found.append(PageRequest(everything, (Condition(entry.name, op, value),)))
    return found


async def test_every_query_is_sql_to_an_independent_parser(
    adapter: NetSuiteAdapter, sandbox: Sandbox
) -> None:
    """SuiteQL follows Oracle's dialect; sqlglot's grammar of it knows nothing of this house."""
    await adapter.check()
    for resource in adapter.resources.values():
        for request in requests(resource):
            await resource.page(request)
    assert len(sandbox.recorder.queries) > 50
    for text in set(sandbox.recorder.queries):
        statements = sqlglot.parse(text, read="oracle")
        assert len(statements) == 1
        statement = statements[0]
        assert isinstance(statement, sql.Select), text
        assert {table.name for table in statement.find_all(sql.Table)} <= set(TABLES), text
        assert not list(statement.find_all(sql.Limit)), text
        keys = statement.args.get("order")
        if keys is not None:
            assert len(keys.expressions) == 1
            assert keys.expressions[0].this.name in ("id", "uniquekey")


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_value_stays_a_value(adapter: NetSuiteAdapter, sandbox: Sandbox, value: str) -> None:
    """Whatever a caller sends as a link or an e-mail address finds nothing and breaks nothing."""
    for record_type, key in (
        (RecordType.CUSTOMER, "customer_in_crm"),
        (RecordType.CUSTOMER, "email"),
        (RecordType.INVOICE, "customer_in_crm"),
        (RecordType.INVOICE, "subscription_in_subscriptions"),
        (RecordType.LEDGER_ENTRY, "payment_in_payments"),
    ):
        request = PageRequest(frozenset({"id"}), (Condition(key, Op.IN, (value,)),))
        assert not (await adapter.resources[record_type].page(request)).rows
    for text in sandbox.recorder.queries:
        literals = {found.this for found in sqlglot.parse_one(text, read="oracle").find_all(sql.Literal)}
        assert value in literals or value.lower() in literals


@pytest.mark.parametrize("value", [*HOSTILE, "", "0", "-1", "1.5", "٣", "1" * 19, "abc"])
async def test_what_cannot_be_an_id_is_not_sent(
    adapter: NetSuiteAdapter, sandbox: Sandbox, value: str
) -> None:
    for resource in adapter.resources.values():
        assert await resource.read_many([value], frozenset({"id"})) == {}
        with pytest.raises(Rejected) as caught:
            await resource.page(PageRequest(frozenset({"id"}), after=value))
        assert caught.value.vendor_code == "bad_position"
    assert sandbox.recorder.queries == []


async def test_a_customer_and_its_invoices_are_two_calls(adapter: NetSuiteAdapter, sandbox: Sandbox) -> None:
    """The whole of what the ERP has on a customer; lines, where selected, are the third."""
    crm_id = next(customer.crm_id for customer in sandbox.world.customers if customer.erp_ids)
    customers, invoices = (adapter.resources[kind] for kind in (RecordType.CUSTOMER, RecordType.INVOICE))
    everything = invoices.fields.supplies()
    await customers.related("customer_in_crm", [crm_id], customers.fields.supplies())
    await invoices.related("customer_in_crm", [crm_id], everything - {"lines"}, first=20)
    assert len(sandbox.front.log.calls) == 2
    sandbox.front.log.clear()
    page = await invoices.page(PageRequest(everything, first=200))
    assert len(page.rows) == 200
    assert len(sandbox.front.log.calls) == 2


async def test_a_query_asks_and_joins_what_is_selected_only(
    adapter: NetSuiteAdapter, sandbox: Sandbox
) -> None:
    await adapter.resources[RecordType.INVOICE].page(PageRequest(frozenset({"number"})))
    assert sandbox.recorder.queries == [
        "SELECT t.id AS id, t.tranid AS tranid FROM transaction t WHERE t.type = 'CustInvc' ORDER BY t.id"
    ]


async def test_statuses_read_and_filtered_are_the_same(adapter: NetSuiteAdapter) -> None:
    """Each row is found by the status it reads as, and by no other."""
    invoices = adapter.resources[RecordType.INVOICE]
    select = frozenset({"id", "status"})
    seen: set[str] = set()
    for status in InvoiceStatus:
        if status is InvoiceStatus.UNKNOWN:
            continue
        page = await invoices.page(PageRequest(select, (Condition("status", Op.IN, (status,)),), first=1000))
        assert page.rows, status
        assert {invoices.fields.read(row, "status") for row in page.rows} == {status}
        ids = {str(row["id"]) for row in page.rows}
        assert not ids & seen
        seen |= ids
    everything = await invoices.page(PageRequest(select, first=1000))
    assert not everything.has_more
    assert {str(row["id"]) for row in everything.rows} == seen


async def test_statuses_without_a_column_are_unsupported(sandbox: Sandbox) -> None:
    """An account without the checkboxes: drafts read as waiting for approval, and nothing is sent."""
    adapter = sandbox.connect(draft_column=None, written_off_column=None)
    invoices = adapter.resources[RecordType.INVOICE]
    sandbox.front.log.clear()
    try:
        for status in (InvoiceStatus.DRAFT, InvoiceStatus.WRITTEN_OFF, InvoiceStatus.UNKNOWN):
            with pytest.raises(Unsupported):
                await invoices.page(
                    PageRequest(frozenset({"id"}), (Condition("status", Op.IN, (status,)),), first=10)
                )
        assert sandbox.front.log.calls == []
        pending = (InvoiceStatus.PENDING_APPROVAL,)
        page = await invoices.page(
            PageRequest(frozenset({"status"}), (Condition("status", Op.IN, pending),), first=100)
        )
        waiting = (InvoiceStatus.DRAFT, InvoiceStatus.PENDING_APPROVAL)
        assert len(page.rows) == sum(invoice.status in waiting for invoice in sandbox.world.invoices)
        assert {invoices.fields.read(row, "status") for row in page.rows} == set(pending)
    finally:
        await adapter.aclose()


async def test_times_are_of_the_accounts_zone(sandbox: Sandbox) -> None:
    """The same stored time read by an account in Los Angeles is hours later in UTC, and filters agree."""
    adapter = sandbox.connect(timezone="America/Los_Angeles")
    invoices = adapter.resources[RecordType.INVOICE]
    fact = max(sandbox.world.invoices, key=lambda invoice: invoice.updated_at)
    try:
        row = (await invoices.read_many([str(fact.id)], frozenset({"updated_at"})))[str(fact.id)]
        read = invoices.fields.read(row, "updated_at")
        assert 7 <= (read - fact.updated_at).total_seconds() / 3600 <= 8
        where = (Condition("updated_at", Op.SINCE, read),)
        page = await invoices.page(PageRequest(frozenset({"id"}), where, first=10))
        assert str(fact.id) in [row["id"] for row in page.rows]
    finally:
        await adapter.aclose()


async def test_lines_are_read_to_their_end_however_short_the_pages(sandbox: Sandbox) -> None:
    adapter = sandbox.connect()
    invoices = adapter.resources[RecordType.INVOICE]
    facts = {str(invoice.id): invoice for invoice in sandbox.world.invoices[:100]}
    try:
        await invoices.read_many(list(facts)[:1], frozenset({"id"}))
        sandbox.front.arm(Fault("shrink", path="/suiteql", times=4))
        rows = await invoices.read_many(list(facts), frozenset({"lines"}))
        for invoice_id, fact in facts.items():
            lines = invoices.fields.read(rows[invoice_id], "lines")
            assert [line.description for line in lines] == [line.description for line in fact.lines]
    finally:
        sandbox.front.disarm()
        await adapter.aclose()
