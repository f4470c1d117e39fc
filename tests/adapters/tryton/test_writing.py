"""What is written to a real Tryton server, beside what the contract suite asks of every writer."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contracts.errors import Conflict, NotFound, Rejected, SystemFault, Unauthorised
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.contracts.writes import Settlement, Verb, Write, Writer
from adapters.emulation.faults import Fault
from adapters.tryton.adapter import TrytonAdapter
from tests.support.tryton_desk import Desk
from tests.support.tryton_front import TrytonFront
from tests.support.tryton_server import AUDITOR, BOOKKEEPER

pytestmark = pytest.mark.anyio

Connect = Callable[..., TrytonAdapter]
WITNESS = Path(__file__).parents[2] / "support" / "tryton_written.py"
WAYS = ("key", "password")
NUMBERS = iter(range(1, 10_000))


def settings(front: TrytonFront, way: str) -> dict[str, Any]:
    return front.with_key() if way == "key" else front.with_password()


def write(verb: Verb, record_id: str, **changes: Any) -> Write:
    return Write(verb, record_id, f"cmd_{next(NUMBERS)}", changes)


def writer_of(adapter: TrytonAdapter) -> Writer:
    assert adapter.writer is not None
    return adapter.writer


async def read(adapter: TrytonAdapter, record_type: RecordType, record_id: str, *names: str) -> list[Any]:
    resource = adapter.resources[record_type]
    rows = await resource.read_many([record_id], frozenset(names))
    return [resource.fields.read(rows[record_id], name) for name in names]


async def status(adapter: TrytonAdapter, invoice: str) -> InvoiceStatus:
    (found,) = await read(adapter, RecordType.INVOICE, invoice, "status")
    return found


def writing_calls(front: TrytonFront) -> list[str]:
    paths = [call["path"] for call in front.faults.log.calls]
    return [path for path in paths if path.endswith(("/write", "/post", "/cancel"))]


async def test_tryton_s_own_clients_read_what_was_written(front: TrytonFront, connect: Connect, desk: Desk):
    with_key, with_password = (writer_of(connect(settings(front, way))) for way in WAYS)
    desk.allow_cancelling()
    party, posted, voided = desk.customer(), desk.invoice(), desk.invoice("validate_invoice")
    address = Address("9 Pine Road", "Rear", "Jena", None, "07743", "DE")
    changes = {"legal_name": "Quincunx GmbH", "tax_id": "91-1888801", "billing_address": address}
    await with_key.perform(write(Verb.UPDATE_CUSTOMER_BILLING, party, **changes))
    await with_key.perform(write(Verb.POST_INVOICE, posted))
    await with_password.perform(write(Verb.POST_INVOICE, voided))
    await with_password.perform(write(Verb.VOID_INVOICE, voided))

    server = front.server
    asked = {
        "url": f"{server.base_url}/{server.database}",
        "key": server.key,
        "user": server.user,
        "password": server.password,
        "party": int(party),
        "posted": int(posted),
        "voided": int(voided),
    }
    witness = subprocess.run(  # noqa: ASYNC221
        [str(server.python), str(WITNESS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = {
        "party": {
            "name": "Quincunx GmbH",
            "tax_id": "91-1888801",
            "address": ["9 Pine Road\nRear", "Jena", "DE"],
        },
        "posted": {
            "state": "posted",
            "numbered": True,
            "move": "posted",
            "balance": "0.00",
            "cancel_move": None,
        },
        "voided": {
            "state": "cancelled",
            "numbered": True,
            "move": "posted",
            "balance": "0.00",
            "cancel_move": "posted",
        },
    }
    assert json.loads(witness.stdout) == {"naiad": expected, "proteus": expected}
    assert (desk.moves(posted), desk.moves(voided)) == (1, 2)


@pytest.mark.parametrize("way", WAYS)
async def test_who_refuses_a_change_in_between_depends_on_the_way_in(
    front: TrytonFront, connect: Connect, desk: Desk, way: str
):
    """Somebody else is quicker, between what the writer reads and what it sends."""
    writer = writer_of(connect(settings(front, way)))
    later = datetime.now(UTC) + timedelta(days=1)
    races = [
        (write(Verb.UPDATE_INVOICE, desk.invoice(), memo="Ours"), "account.invoice", {"comment": "Theirs"}),
        (write(Verb.POST_INVOICE, desk.invoice()), "account.invoice", {"comment": "Theirs"}),
        (
            write(Verb.UPDATE_CUSTOMER_BILLING, desk.customer(), legal_name="Ours"),
            "party.party",
            {"name": "Theirs"},
        ),
    ]
    for asked, model, change in races:
        guarded = replace(asked, unmodified_since=later)
        number = int(asked.record_id)
        plan = await writer._planners[asked.verb].plan(guarded, number)  # type: ignore[attr-defined]
        desk.call(model, number, "write", values=change)
        before = desk.effects()
        if way == "password":
            assert asked.verb in writer.enforces_unmodified_since
            with pytest.raises(Conflict):
                await writer._client.change(plan.call)  # type: ignore[attr-defined]
            assert desk.effects() == before
        else:
            assert asked.verb not in writer.enforces_unmodified_since
            await writer._client.change(plan.call)  # type: ignore[attr-defined]
            assert desk.effects() == before + 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_stale_write_is_not_sent(front: TrytonFront, connect: Connect, desk: Desk, way: str):
    """The record is read anyway, so a stale write that the gateway let pass is still seen."""
    adapter = connect(settings(front, way))
    invoice = desk.invoice()
    (updated_at,) = await read(adapter, RecordType.INVOICE, invoice, "updated_at")
    asked = write(Verb.UPDATE_INVOICE, invoice, memo="Ours")
    with pytest.raises(Conflict):
        await writer_of(adapter).perform(
            replace(asked, unmodified_since=updated_at - timedelta(microseconds=1))
        )
    assert writing_calls(front) == []
    await writer_of(adapter).perform(replace(asked, unmodified_since=updated_at))
    assert len(writing_calls(front)) == 1


async def test_a_warning_is_named_where_tryton_names_it(front: TrytonFront, connect: Connect, desk: Desk):
    for way, code in (("password", "invoice_payment_term"), ("key", "400")):
        invoice = desk.invoice(term="due 2025")
        with pytest.raises(Rejected) as refused:
            await writer_of(connect(settings(front, way))).perform(write(Verb.POST_INVOICE, invoice))
        assert refused.value.vendor_code == code
        assert desk.moves(invoice) == 0


async def test_a_company_that_does_not_cancel_posted_invoices(
    front: TrytonFront, connect: Connect, desk: Desk
):
    adapter = connect(front.with_key())
    desk.allow_cancelling(False)
    try:
        posted, draft = desk.invoice("post"), desk.invoice()
        with pytest.raises(Rejected) as refused:
            await writer_of(adapter).perform(write(Verb.VOID_INVOICE, posted))
        assert refused.value.vendor_code == "cancel_invoice_out"
        assert writing_calls(front) == []
        await writer_of(adapter).perform(write(Verb.VOID_INVOICE, draft))
        assert await status(adapter, draft) is InvoiceStatus.VOID
    finally:
        desk.allow_cancelling()


async def test_what_is_paid_in_part_and_due_in_parts_is_for_tryton_to_refuse(
    front: TrytonFront, connect: Connect, desk: Desk
):
    desk.allow_cancelling()
    half = next(fact for fact in front.server.facts["invoices"] if fact["life"] == "half")
    adapter = connect(front.with_key())
    with pytest.raises(Rejected):
        await writer_of(adapter).perform(write(Verb.VOID_INVOICE, str(half["id"])))
    assert await status(adapter, str(half["id"])) is InvoiceStatus.PARTIALLY_PAID


@pytest.mark.parametrize("way", WAYS)
async def test_a_user_who_may_only_read_is_unauthorised(
    front: TrytonFront, connect: Connect, desk: Desk, way: str
):
    invoice = desk.invoice()
    credentials = front.with_key(user=AUDITOR) if way == "key" else front.with_password(username=AUDITOR)
    writer = writer_of(connect(credentials))
    before = desk.effects()
    for asked in (
        write(Verb.POST_INVOICE, invoice),
        write(Verb.VOID_INVOICE, invoice),
        write(Verb.UPDATE_INVOICE, invoice, memo="Not mine to say"),
    ):
        with pytest.raises(Unauthorised) as refused:
            await writer.perform(asked)
        assert "Not mine" not in str(refused.value)
    assert desk.effects() == before


async def test_an_accounts_administrator_changes_the_memo_of_a_posted_invoice(
    front: TrytonFront, connect: Connect, desk: Desk
):
    adapter = connect(front.with_key(user=BOOKKEEPER))
    invoice = desk.invoice("post")
    await writer_of(adapter).perform(write(Verb.UPDATE_INVOICE, invoice, memo="Agreed"))
    assert await read(adapter, RecordType.INVOICE, invoice, "memo", "status") == [
        "Agreed",
        InvoiceStatus.OPEN,
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_no_customer_invoice_is_not_found(
    front: TrytonFront, connect: Connect, desk: Desk, way: str
):
    writer = writer_of(connect(settings(front, way)))
    before = desk.effects()
    for number in ("x", "01", "987654321", desk.supplier_invoice()):
        for verb in (Verb.POST_INVOICE, Verb.VOID_INVOICE, Verb.UPDATE_INVOICE):
            asked = write(verb, number)
            with pytest.raises(NotFound):
                await writer.perform(asked)
            assert (await writer.settle(asked)).settlement is Settlement.NOT_DONE
    with pytest.raises(NotFound):
        await writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, "987654321", legal_name="Nobody"))
    assert writing_calls(front) == []
    assert desk.effects() == before


@pytest.mark.parametrize("region", ["Oregon", "OR", "US-OR"])
async def test_a_region_is_given_by_name_or_code(
    front: TrytonFront, connect: Connect, desk: Desk, region: str
):
    adapter = connect(front.with_key())
    address = Address("9 Pine Road", None, "Salem", region, "97301", "US")
    asked = write(Verb.UPDATE_CUSTOMER_BILLING, desk.customer(), billing_address=address)
    await writer_of(adapter).perform(asked)
    (found,) = await read(adapter, RecordType.CUSTOMER, asked.record_id, "billing_address")
    assert found == replace(address, region="Oregon")
    assert (await writer_of(adapter).settle(asked)).settlement is Settlement.DONE


@pytest.mark.parametrize(
    "address",
    [
        Address("9 Pine Road", country="US", region="Bavaria"),
        Address("9 Pine Road", country="DE", region="Oregon"),
        Address("9 Pine Road", region="Oregon"),
        Address("9 Pine Road", country="ZZ"),
        Address("9 Pine Road", country="US", region="%"),
    ],
)
async def test_a_place_that_tryton_does_not_have_is_rejected(
    front: TrytonFront, connect: Connect, desk: Desk, address: Address
):
    writer = writer_of(connect(front.with_key()))
    asked = write(Verb.UPDATE_CUSTOMER_BILLING, desk.customer(), billing_address=address)
    with pytest.raises(Rejected) as refused:
        await writer.perform(asked)
    assert "Pine" not in str(refused.value)
    assert writing_calls(front) == []
    assert (await writer.settle(asked)).settlement is Settlement.NOT_DONE


async def test_a_general_address_is_left_as_it_is(front: TrytonFront, connect: Connect, desk: Desk):
    adapter = connect(front.with_key())
    party = desk.customer(invoice_address=False)
    (general,) = await read(adapter, RecordType.CUSTOMER, party, "billing_address")
    for street in ("1 New Street", "2 New Street"):
        changes = {"billing_address": Address(street, None, "Jena", None, None, "DE")}
        await writer_of(adapter).perform(write(Verb.UPDATE_CUSTOMER_BILLING, party, **changes))
    assert desk.streets(party) == [general.line1, "2 New Street"]


@pytest.mark.parametrize("given", ["911888802", " 91-1888802 "])
async def test_a_tax_identifier_is_recognised_in_tryton_s_spelling(
    front: TrytonFront, connect: Connect, desk: Desk, given: str
):
    adapter = connect(front.with_key())
    asked = write(Verb.UPDATE_CUSTOMER_BILLING, desk.customer(), tax_id=given)
    await writer_of(adapter).perform(asked)
    assert await read(adapter, RecordType.CUSTOMER, asked.record_id, "tax_id") == ["91-1888802"]
    assert (await writer_of(adapter).settle(asked)).settlement is Settlement.DONE


async def test_a_first_tax_identifier_needs_a_type(front: TrytonFront, connect: Connect, desk: Desk):
    party = desk.customer(tax_id=False)
    asked = write(Verb.UPDATE_CUSTOMER_BILLING, party, tax_id="91-1888805")
    with pytest.raises(Rejected):
        await writer_of(connect(front.with_key())).perform(asked)
    assert writing_calls(front) == []
    await writer_of(connect({**front.with_key(), "tax_id_type": "us_ein"})).perform(asked)
    assert (await writer_of(connect(front.with_key())).settle(asked)).settlement is Settlement.DONE
    # None to take away is nothing to do.
    front.faults.log.clear()
    bare = desk.customer(tax_id=False)
    await writer_of(connect(front.with_key())).perform(write(Verb.UPDATE_CUSTOMER_BILLING, bare, tax_id=None))
    assert writing_calls(front) == []


async def test_a_due_date_set_on_a_draft_is_that_of_the_posted_invoice(
    front: TrytonFront, connect: Connect, desk: Desk
):
    adapter = connect(front.with_key())
    invoice, due = desk.invoice(), date(2077, 7, 7)
    await writer_of(adapter).perform(write(Verb.UPDATE_INVOICE, invoice, due_on=due))
    resource = adapter.resources[RecordType.INVOICE]
    for before, there in ((due, False), (due + timedelta(days=1), True)):
        where = (Condition("due_on", Op.BEFORE, before), Condition("id", Op.IN, (invoice,)))
        page = await resource.page(PageRequest(frozenset({"due_on"}), where=where))
        assert bool(page.rows) is there
    await writer_of(adapter).perform(write(Verb.POST_INVOICE, invoice))
    assert await read(adapter, RecordType.INVOICE, invoice, "due_on", "status") == [due, InvoiceStatus.OPEN]


async def test_an_invoice_due_in_parts_keeps_its_dates(front: TrytonFront, connect: Connect):
    def in_parts(fact: dict[str, Any]) -> bool:
        return fact["life"] == "posted" and 0 < float(fact["due_in_2025"]) < float(fact["total"]) * 0.6

    fact = next(fact for fact in front.server.facts["invoices"] if in_parts(fact))
    asked = write(Verb.UPDATE_INVOICE, str(fact["id"]), due_on=date(2077, 7, 7))
    with pytest.raises(Conflict) as refused:
        await writer_of(connect(front.with_key())).perform(asked)
    assert refused.value.vendor_code == "wrong_state"
    assert writing_calls(front) == []


async def test_two_at_once_post_once(front: TrytonFront, connect: Connect, desk: Desk):
    invoice = desk.invoice()
    writers = [writer_of(connect(settings(front, way))) for way in WAYS]
    asked = write(Verb.POST_INVOICE, invoice)
    found = await asyncio.gather(*(each.perform(asked) for each in writers), return_exceptions=True)
    assert all(each == invoice or isinstance(each, SystemFault) for each in found)
    assert desk.moves(invoice) == 1
    assert (await writers[0].settle(asked)).settlement is Settlement.DONE


async def test_a_session_that_is_no_longer_fresh_is_renewed_to_post(
    front: TrytonFront, connect: Connect, desk: Desk
):
    """Posting needs a session that was used lately; the 401 says that nothing was done."""
    invoice = desk.invoice()
    front.faults.arm(Fault("expire_token", path="/post"))
    await writer_of(connect(front.with_password())).perform(write(Verb.POST_INVOICE, invoice))
    assert [path.rpartition("/")[2] for path in writing_calls(front)] == ["post", "post"]
    assert desk.moves(invoice) == 1


async def test_a_posted_invoice_that_was_voided_since_was_posted(
    front: TrytonFront, connect: Connect, desk: Desk
):
    desk.allow_cancelling()
    writer = writer_of(connect(front.with_key()))
    for buttons, settlement in (
        (("post", "cancel"), Settlement.DONE),
        (("cancel",), Settlement.NOT_DONE),
        (("validate_invoice",), Settlement.NOT_DONE),
    ):
        asked = write(Verb.POST_INVOICE, desk.invoice(*buttons))
        assert (await writer.settle(asked)).settlement is settlement
