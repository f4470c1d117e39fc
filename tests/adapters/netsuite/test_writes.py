"""Writing at NetSuite, beyond what the contract suite asks of every vendor."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from adapters.contracts.errors import Conflict, NotFound, Rejected, Throttled, Unsupported
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.contracts.writes import Settlement, Verb, Write
from adapters.emulation.faults import Fault
from adapters.netsuite.adapter import NetSuiteAdapter
from tests.adapters.netsuite.conftest import Sandbox

pytestmark = pytest.mark.anyio

_S = InvoiceStatus
_OWED = (_S.OPEN, _S.PARTIALLY_PAID, _S.OVERDUE)
NEW_ADDRESS = Address("1 Elm Street", "Unit 2", "Salem", "OR", "97301", "US")


@pytest.fixture
async def erp(sandbox: Sandbox) -> AsyncIterator[NetSuiteAdapter]:
    adapter = sandbox.connect()
    yield adapter
    sandbox.front.disarm()
    await adapter.aclose()


def write(verb: Verb, record_id: object, **changes: Any) -> Write:
    return Write(verb, str(record_id), f"cmd_{secrets.token_hex(8)}", changes)


def an_invoice(sandbox: Sandbox, *statuses: InvoiceStatus, at: int = 0) -> int:
    return [fact for fact in sandbox.world.invoices if fact.status in statuses][at].id


def book_of(sandbox: Sandbox, customer_id: int) -> list[dict[str, Any]]:
    sql = (
        "SELECT * FROM netsuite_customeraddressbook b JOIN netsuite_customeraddressbookentityaddress a"
        " ON a.nkey = b.addressbookaddress WHERE b.entity = ? ORDER BY b.internalid"
    )
    return [dict(row) for row in sandbox.store.execute(sql, (customer_id,))]


async def test_billing_address_replaces_the_default_lines_own(sandbox: Sandbox, erp: NetSuiteAdapter):
    customer = sandbox.world.customers[0].erp_ids[0]
    before = book_of(sandbox, customer)
    sandbox.front.log.clear()
    await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=NEW_ADDRESS))
    calls = [call["method"] for call in sandbox.front.log.calls if "oauth2" not in call["path"]]
    assert calls == ["POST", "PATCH"]
    shipping, billing = book_of(sandbox, customer)
    assert shipping == before[0]
    assert (billing["internalid"], billing["addr1"], billing["zip"]) == (
        before[1]["internalid"],
        "1 Elm Street",
        "97301",
    )
    assert billing["addressee"] == before[1]["addressee"]


async def test_a_line_that_is_also_for_shipping_is_left_alone(sandbox: Sandbox, erp: NetSuiteAdapter):
    customer = sandbox.world.customers[1].erp_ids[0]
    table = "netsuite_customeraddressbook"
    sandbox.store.execute(f"DELETE FROM {table} WHERE entity = ? AND defaultbilling = 'F'", (customer,))
    sandbox.store.execute(f"UPDATE {table} SET defaultshipping = 'T' WHERE entity = ?", (customer,))
    (both,) = book_of(sandbox, customer)
    await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=NEW_ADDRESS))
    shipping, billing = book_of(sandbox, customer)
    assert shipping == {**both, "defaultbilling": "F"}
    assert (billing["defaultbilling"], billing["defaultshipping"]) == ("T", "F")
    assert billing["addr1"] == "1 Elm Street"


async def test_a_cleared_billing_address_stays_in_the_book(sandbox: Sandbox, erp: NetSuiteAdapter):
    customer = sandbox.world.customers[2].erp_ids[0]
    cleared = write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=None)
    await erp.writer.perform(cleared)
    assert [line["defaultbilling"] for line in book_of(sandbox, customer)] == ["F", "F"]
    # Nothing left to clear, and nothing to read it from: a new one is added.
    await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=None, tax_id="X1"))
    assert len(book_of(sandbox, customer)) == 2
    await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=NEW_ADDRESS))
    assert [line["defaultbilling"] for line in book_of(sandbox, customer)] == ["F", "F", "T"]


async def test_posting_and_voiding_move_what_the_customer_owes(sandbox: Sandbox, erp: NetSuiteAdapter):
    draft = next(fact for fact in sandbox.world.invoices if fact.status is _S.DRAFT)
    customer = draft.customer.erp_ids[0]

    def balance() -> Decimal:
        return Decimal(sandbox.row("customer", customer)["balancesearch"])

    before = balance()
    await erp.writer.perform(write(Verb.POST_INVOICE, draft.id))
    row = sandbox.row("transaction", draft.id)
    assert (row["status"], row["approvalstatus"], row["posting"], row["custbody_draft"]) == ("A", 2, "T", "F")
    assert balance() - before == Decimal(row["foreigntotal"]) > 0
    await erp.writer.perform(write(Verb.VOID_INVOICE, draft.id))
    assert balance() == before
    assert sandbox.row("transaction", draft.id)["status"] == "V"


async def test_each_effect_is_noted_with_its_key(sandbox: Sandbox, erp: NetSuiteAdapter):
    invoice = an_invoice(sandbox, _S.PENDING_APPROVAL)
    post, void = write(Verb.POST_INVOICE, invoice), write(Verb.VOID_INVOICE, invoice)
    before = len(sandbox.effects())
    for each in (post, post, void, void):
        assert await erp.writer.perform(each) == str(invoice)
    assert sandbox.effects()[before:] == [
        ("approve invoice", str(invoice), post.key),
        ("void invoice", str(invoice), void.key),
    ]


async def test_a_write_moves_the_time_of_change(sandbox: Sandbox, erp: NetSuiteAdapter):
    invoice = an_invoice(sandbox, _S.PAID)
    before = sandbox.row("transaction", invoice)["lastmodifieddate"]
    await erp.writer.perform(write(Verb.UPDATE_INVOICE, invoice, memo="moved"))
    assert sandbox.row("transaction", invoice)["lastmodifieddate"] > before


@pytest.mark.parametrize(
    "record_id", ["0", "-1", "1 OR 1=1", "1/!transform/creditMemo", "../customer/1", "", "١", "9" * 19]
)
async def test_what_is_no_internal_id_is_not_sent(sandbox: Sandbox, erp: NetSuiteAdapter, record_id: str):
    sandbox.front.log.clear()
    for verb in erp.writer.verbs:
        with pytest.raises(NotFound):
            await erp.writer.perform(write(verb, record_id))
        assert (await erp.writer.settle(write(verb, record_id))).settlement is Settlement.NOT_DONE
    assert sandbox.front.log.calls == []


async def test_records_that_are_not_there_are_not_found(sandbox: Sandbox, erp: NetSuiteAdapter):
    customer = sandbox.world.customers[0].erp_ids[0]
    for unknown in (999_999_999, customer):
        for verb in (Verb.UPDATE_INVOICE, Verb.POST_INVOICE, Verb.VOID_INVOICE):
            with pytest.raises(NotFound):
                await erp.writer.perform(write(verb, unknown))
            assert (await erp.writer.settle(write(verb, unknown))).settlement is Settlement.NOT_DONE
    with pytest.raises(NotFound):
        await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, 999_999_999, legal_name="x"))


async def test_fields_that_the_erp_does_not_write_are_unsupported(sandbox: Sandbox, erp: NetSuiteAdapter):
    sandbox.front.log.clear()
    with pytest.raises(Unsupported, match="'receivables' cannot be written"):
        await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, 1, receivables=None))
    assert sandbox.front.log.calls == []


async def test_voiding_needs_its_restlet(sandbox: Sandbox):
    adapter = sandbox.connect(void_restlet=None)
    sandbox.front.log.clear()
    assert Verb.VOID_INVOICE not in adapter.writer.verbs
    with pytest.raises(Unsupported, match="void_restlet is not configured"):
        await adapter.writer.perform(write(Verb.VOID_INVOICE, 1))
    assert sandbox.front.log.calls == []
    await adapter.aclose()


async def test_a_restlet_that_is_not_deployed_is_unsupported(sandbox: Sandbox):
    adapter = sandbox.connect(void_restlet={"script": "customscript_other", "deploy": "1"})
    invoice = an_invoice(sandbox, _S.OPEN)
    with pytest.raises(Unsupported) as refused:
        await adapter.writer.perform(write(Verb.VOID_INVOICE, invoice))
    assert refused.value.vendor_code == "SSS_INVALID_SCRIPTLET_ID"
    await adapter.aclose()


def test_the_restlet_host_follows_from_the_accounts(sandbox: Sandbox):
    restlet = {"script": "customscript_v", "deploy": "1"}
    host = "https://1234567-sb1.{}.api.netsuite.com"
    settings = sandbox.settings(base_url=host.format("suitetalk"), void_restlet=restlet)
    path = "/app/site/hosting/restlet.nl?script=customscript_v&deploy=1"
    assert settings.restlet_url == host.format("restlets") + path
    own = sandbox.settings(void_restlet={**restlet, "base_url": "https://proxy.example"})
    assert own.restlet_url == "https://proxy.example" + path
    with pytest.raises(ValueError, match="script"):
        sandbox.settings(void_restlet={**restlet, "script": "1&deploy=2"})


async def test_a_closed_period_refuses(sandbox: Sandbox, erp: NetSuiteAdapter):
    invoice = an_invoice(sandbox, *_OWED, at=1)
    period = sandbox.row("transaction", invoice)["postingperiod"]
    close = "UPDATE netsuite_accountingperiod SET closed = ?, allownonglchanges = ? WHERE id = ?"
    sandbox.store.execute(close, ("T", "F", period))
    before = sandbox.effects()
    try:
        with pytest.raises(Rejected) as refused:
            await erp.writer.perform(write(Verb.UPDATE_INVOICE, invoice, memo="late"))
        assert refused.value.vendor_code == "USER_ERROR"
        with pytest.raises(Conflict):
            await erp.writer.perform(write(Verb.VOID_INVOICE, invoice))
        assert sandbox.effects() == before
    finally:
        sandbox.store.execute(close, ("F", "T", period))


@pytest.mark.parametrize("status", [_S.PAID, _S.PARTIALLY_PAID, _S.VOID, _S.WRITTEN_OFF])
async def test_what_is_paid_or_void_cannot_be_voided(
    sandbox: Sandbox, erp: NetSuiteAdapter, status: InvoiceStatus
):
    before = sandbox.effects()
    with pytest.raises(Conflict) as refused:
        await erp.writer.perform(write(Verb.VOID_INVOICE, an_invoice(sandbox, status)))
    assert refused.value.vendor_code == "wrong_state"
    assert sandbox.effects() == before


async def test_messages_name_the_field_and_no_value(sandbox: Sandbox, erp: NetSuiteAdapter):
    customer = sandbox.world.customers[3].erp_ids[0]
    secret = "Hidden Lane 7"
    refused = Address(secret, None, secret * 9, None, None, "US")
    with pytest.raises(Rejected) as raised:
        await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, billing_address=refused))
    assert "addressBook.items[0].addressBookAddress.city" in raised.value.message
    with pytest.raises(Rejected) as longer:
        await erp.writer.perform(write(Verb.UPDATE_CUSTOMER_BILLING, customer, tax_id=secret * 9))
    assert secret not in raised.value.message + longer.value.message


async def test_a_marker_field_that_the_account_lacks_is_refused(sandbox: Sandbox):
    adapter = sandbox.connect(invoice_command_column="custbody_missing")
    before = sandbox.effects()
    with pytest.raises(Rejected, match="custbody_missing"):
        await adapter.writer.perform(write(Verb.UPDATE_INVOICE, an_invoice(sandbox, _S.OPEN), memo="lost"))
    assert sandbox.effects() == before
    ill = [finding for finding in await adapter.check() if not finding.ok]
    assert [finding.check for finding in ill] == ["columns of NetSuite invoice"]
    await adapter.aclose()


async def test_without_marker_fields_the_state_settles(sandbox: Sandbox):
    adapter = sandbox.connect(customer_command_column=None, invoice_command_column=None)
    invoices = adapter.resources[RecordType.INVOICE]
    cases = [
        write(
            Verb.UPDATE_CUSTOMER_BILLING,
            sandbox.world.customers[4].erp_ids[0],
            legal_name="Settled by State AG",
            billing_address=NEW_ADDRESS,
        ),
        write(Verb.UPDATE_INVOICE, an_invoice(sandbox, *_OWED), due_on=date(2031, 1, 2), memo=None),
        write(Verb.POST_INVOICE, an_invoice(sandbox, _S.DRAFT, at=1)),
        write(Verb.VOID_INVOICE, an_invoice(sandbox, _S.OPEN, at=2)),
    ]
    for each in cases:
        assert (await adapter.writer.settle(each)).settlement is Settlement.NOT_DONE, each.verb
        await adapter.writer.perform(each)
        settled = await adapter.writer.settle(each)
        assert (settled.settlement, settled.record_id) == (Settlement.DONE, each.record_id), each.verb
    row = (await invoices.read_many([cases[3].record_id], frozenset({"status"})))[cases[3].record_id]
    assert invoices.fields.read(row, "status") is _S.VOID
    await adapter.aclose()


async def test_a_refusal_for_too_much_at_once_is_to_be_tried_again(sandbox: Sandbox, erp: NetSuiteAdapter):
    for verb, path in ((Verb.UPDATE_INVOICE, "/record/"), (Verb.VOID_INVOICE, "restlet.nl")):
        sandbox.front.arm(Fault("throttle", path=path))
        with pytest.raises(Throttled) as refused:
            await erp.writer.perform(write(verb, an_invoice(sandbox, _S.OPEN)))
        assert refused.value.vendor_code == "CONCURRENCY_LIMIT_EXCEEDED"


Send = Callable[..., httpx.Response]


@pytest.fixture
def patch(ask: Any) -> Send:
    """Sends a raw PATCH with a living token."""

    def send(path: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return ask.http.patch(f"/services/rest/record/v1/{path}", content=content, headers=headers)

    return send


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["o:errorDetails"][0]["o:errorCode"]


async def test_the_emulator_changes_records_as_netsuite_does(sandbox: Sandbox, patch: Send):
    invoice = an_invoice(sandbox, _S.OPEN, at=3)
    path = f"invoice/{invoice}"
    done = patch(path, {"memo": "raw", "nonsense": 1})
    assert (done.status_code, done.content) == (204, b"")
    assert done.headers["location"].endswith(f"/services/rest/record/v1/{path}")
    assert sandbox.row("transaction", invoice)["memo"] == "raw"
    before = sandbox.effects()
    assert patch(path, {"memo": "raw"}).status_code == 204
    strict = {"x-netsuite-propertynamevalidation": "Error"}
    for body in ({"nonsense": 1}, {"memo": 1}, {"dueDate": "soon"}, {"approvalStatus": "2"}, [], b"{"):
        assert code(patch(path, body, **strict)) == (400, "INVALID_CONTENT"), body
    assert code(patch(path, {"approvalStatus": {"id": "3"}})) == (400, "USER_ERROR")
    assert code(patch(path, {"memo": "later"}, prefer="respond-async")) == (400, "INVALID_HEADER")
    assert code(patch(f"{path}?replace=item", {})) == (400, "INVALID_PARAMETER")
    assert code(patch("invoice/1", {"memo": "x"})) == (404, "NONEXISTENT_ID")
    assert code(patch("vendor/1", {})) == (404, "NONEXISTENT_ID")
    # One wrong line of an address book undoes the whole request.
    customer = sandbox.world.customers[5].erp_ids[0]
    body = {"companyName": "Half", "addressBook": {"items": [{"internalId": 1, "defaultBilling": True}]}}
    assert code(patch(f"customer/{customer}", body)) == (400, "INVALID_CONTENT")
    assert sandbox.row("customer", customer)["companyname"] != "Half"
    assert sandbox.effects() == before


async def test_a_token_for_records_does_not_open_restlets(sandbox: Sandbox, ask: Any):
    answer = ask.http.post("/app/site/hosting/restlet.nl?script=1&deploy=1", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "INVALID_LOGIN_ATTEMPT")


async def test_without_a_restlet_the_token_is_asked_for_records_alone(sandbox: Sandbox):
    adapter = sandbox.connect(void_restlet=None)
    assert [finding for finding in await adapter.check() if not finding.ok] == []
    await adapter.aclose()
