"""What is read from a real Tryton server, beside what Tryton's own client reads there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.tryton.adapter import TrytonAdapter
from tests.support.tryton_front import TrytonFront

pytestmark = pytest.mark.anyio

Connect = Callable[..., TrytonAdapter]
WITNESS = Path(__file__).parents[2] / "support" / "tryton_witness.py"


async def test_tryton_s_own_client_reads_the_same(front: TrytonFront, connect: Connect):
    asked = {"url": f"{front.server.base_url}/{front.server.database}", "key": front.server.key}
    witness = subprocess.run(  # noqa: ASYNC221
        [str(front.server.python), str(WITNESS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    theirs = json.loads(witness.stdout)
    resource = connect(front.with_key()).resources[RecordType.INVOICE]
    page = await resource.page(PageRequest(resource.fields.supplies(), first=500))
    assert {str(row["id"]) for row in page.rows} == set(theirs)
    for row in page.rows:
        ours = {name: resource.fields.read(row, name) for name in resource.fields.supplies()}
        their = theirs[ours["id"]]
        assert ours["number"] == their["number"]
        assert (ours["total"].amount, ours["total"].currency) == (Decimal(their["total"]), their["currency"])
        assert ours["amount_due"].amount == Decimal(their["due"])
        assert ours["issued_on"] == date.fromisoformat(their["issued_on"])
        assert ours["customer_in_crm"] == their["customer"]
        assert [line.amount.amount for line in ours["lines"]] == [Decimal(text) for text in their["lines"]]
        if their["updated_at"]:
            assert ours["updated_at"] == datetime.fromisoformat(their["updated_at"]).replace(tzinfo=UTC)


async def test_one_call_reads_invoices_with_all_that_belongs_to_them(front: TrytonFront, connect: Connect):
    resource = connect(front.with_key()).resources[RecordType.INVOICE]
    await resource.page(PageRequest(frozenset({"id"}), first=1))
    front.faults.log.clear()
    ids = [str(fact["id"]) for fact in front.server.facts["invoices"]]
    rows = await resource.read_many(ids, resource.fields.supplies())
    assert set(rows) == set(ids)
    assert len(front.faults.log.calls) == 1


async def test_the_company_is_read_once(front: TrytonFront, connect: Connect):
    resource = connect(front.with_key()).resources[RecordType.CUSTOMER]
    for _ in range(2):
        page = await resource.page(PageRequest(frozenset({"legal_entity"}), first=3))
        assert {resource.fields.read(row, "legal_entity").code for row in page.rows} == {"FG-DE"}
    models = [call["path"].split("/")[4] for call in front.faults.log.calls]
    assert models == ["res.user", "party.party", "company.company", "party.party"]


async def test_what_is_not_an_id_is_never_sent(front: TrytonFront, connect: Connect):
    adapter = connect(front.with_key())
    ids = ["", "x", "0", "-1", "01", "1.0", " 1", "٣", "99999999999999", "1' OR '1'='1", '["id", ">", 0]']
    for resource in adapter.resources.values():
        assert await resource.read_many(ids, frozenset({"id"})) == {}
    invoices = adapter.resources[RecordType.INVOICE]
    found = await invoices.related("customer_in_erp", ids, frozenset({"id"}))
    assert all(not page.rows for page in found.values())
    assert front.faults.log.calls == []


async def test_a_text_that_looks_like_a_query_is_a_text(front: TrytonFront, connect: Connect):
    adapter = connect(front.with_key())
    customers = adapter.resources[RecordType.CUSTOMER]
    for value in ("%", "_%", "' OR 1=1 --", '["OR", ["id", ">", 0]]', "\x00", "💶"):
        found = await customers.related("customer_in_crm", [value], frozenset({"id"}))
        assert found[value].rows == []


async def test_what_is_late_depends_on_the_day_it_is_asked(front: TrytonFront, connect: Connect):
    """Reading and searching agree on every day, the day something is due included."""
    facts = front.server.facts["invoices"]
    late = next(fact for fact in facts if fact["overdue"])
    due = date.fromisoformat(late["due_on"])
    for day, expected in ((due, InvoiceStatus.OPEN), (date.fromordinal(due.toordinal() + 1), None)):
        resource = connect(front.with_key(), today=lambda day=day: day).resources[RecordType.INVOICE]
        page = await resource.page(PageRequest(frozenset({"status"}), first=500))
        read = {str(row["id"]): resource.fields.read(row, "status") for row in page.rows}
        assert read[str(late["id"])] is (expected or InvoiceStatus.OVERDUE)
        for status in InvoiceStatus:
            where = (Condition("status", Op.IN, (status,)),)
            found = await resource.page(PageRequest(frozenset({"id"}), where=where, first=500))
            assert {str(row["id"]) for row in found.rows} == {
                each for each, its in read.items() if its is status
            }


async def test_conditions_hold_together(front: TrytonFront, connect: Connect):
    resource = connect(front.with_key()).resources[RecordType.INVOICE]
    fact = next(fact for fact in front.server.facts["invoices"] if fact["life"] == "paid")
    where = (
        Condition("status", Op.IN, (InvoiceStatus.PAID, InvoiceStatus.OPEN)),
        Condition("issued_on", Op.SINCE, date.fromisoformat(fact["issued_on"])),
        Condition("due_on", Op.BEFORE, date(2100, 1, 1)),
        Condition("customer_in_erp", Op.IN, (str(fact["party"]),)),
        Condition("subscription_in_subscriptions", Op.IN, (fact["subscription"],)),
    )
    page = await resource.page(PageRequest(frozenset({"id"}), where=where))
    assert [str(row["id"]) for row in page.rows] == [str(fact["id"])]
