"""What is particular to Salesforce: composite for long queries, child batches, case, limits, errors."""

from __future__ import annotations

import pytest

from adapters.contracts.errors import Malformed, Rejected, SystemFault, Throttled, Unauthorised
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import Order, PageRequest
from adapters.contracts.values import Address
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.emulator.sessions import CLIENT_ID, CLIENT_SECRET
from tests.adapters.salesforce.conftest import Sandbox, sandbox_of

pytestmark = pytest.mark.anyio
QUERY, COMPOSITE = "GET /services/data/v66.0/query/", "POST /services/data/v66.0/composite"


async def test_everything_about_many_accounts_is_one_call(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    ids = [fact.crm_id for fact in sandbox.world.customers]
    assert len(await customers.read_many(ids[:5], customers.fields.supplies())) == 5
    assert sandbox.calls() == [QUERY]
    assert len(await customers.read_many(ids, customers.fields.supplies())) == len(ids)
    assert sandbox.calls() == [QUERY]
    padded = [*ids, *(f"001D000000{number:05d}" for number in range(customers.caps.ids_per_call - len(ids)))]
    assert len(await customers.read_many(padded, customers.fields.supplies())) == len(ids)
    assert sandbox.calls() == [COMPOSITE], "a long query travels in a body"
    await adapter.aclose()


async def test_only_selected_columns_are_asked_for(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    await adapter.resources[RecordType.CUSTOMER].page(PageRequest(select=frozenset({"segment"}), first=2))
    assert sandbox.queries == ["SELECT Id, Segment__c FROM Account ORDER BY Id ASC LIMIT 3"]
    await adapter.aclose()


async def test_short_ids_answer_as_they_were_asked(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    fact = sandbox.world.customers[0]
    found = await customers.read_many([fact.crm_id[:15], "nonsense"], frozenset({"name"}))
    assert {given: customers.fields.read(row, "name") for given, row in found.items()} == {
        fact.crm_id[:15]: fact.name
    }
    sandbox.calls()
    assert await customers.read_many(["nonsense", "' OR Id != '"], frozenset({"name"})) == {}
    assert sandbox.calls() == [], "nothing is sent for what cannot be an id"
    await adapter.aclose()


async def test_batches_of_rows_and_of_children_are_followed() -> None:
    with sandbox_of(page_size=7, child_page_size=1) as sandbox:
        adapter = sandbox.adapter()
        customers = adapter.resources[RecordType.CUSTOMER]
        expected = {
            fact.crm_id: [person.email for person in fact.contacts] for fact in sandbox.world.customers
        }
        assert max(map(len, expected.values())) > 1
        found = await customers.read_many(list(expected), frozenset({"contacts"}))
        read = {key: [p.email for p in customers.fields.read(row, "contacts")] for key, row in found.items()}
        assert read == expected
        await adapter.aclose()


async def test_an_account_without_contacts_has_none(sandbox: Sandbox) -> None:
    fact = sandbox.world.customers[0]
    sandbox.store.execute("DELETE FROM salesforce_contact WHERE AccountId = ?", (fact.crm_id,))
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    found = await customers.read_many([fact.crm_id], frozenset({"contacts"}))
    assert customers.fields.read(found[fact.crm_id], "contacts") == []
    await adapter.aclose()


async def test_links_that_differ_by_case_are_different(sandbox: Sandbox) -> None:
    first, second, third = sandbox.world.customers[:3]
    for fact, link in ((first, "cus_AbC"), (second, "cus_aBc"), (third, "cus_abc")):
        sandbox.store.execute(
            "UPDATE salesforce_account SET Stripe_Customer_Id__c = ? WHERE Id = ?", (link, fact.crm_id)
        )
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    one = await customers.related("customer_in_payments", ["cus_aBc"], frozenset({"name"}), first=1)
    assert [row["Id"] for row in one["cus_aBc"].rows] == [second.crm_id]
    (after,) = one["cus_aBc"].positions
    rest = await customers.related("customer_in_payments", ["cus_aBc"], frozenset(), first=1, after=after)
    assert (list(rest["cus_aBc"].rows), rest["cus_aBc"].has_more) == ([], False)
    both = await customers.related("customer_in_payments", ["cus_aBc", "cus_abc"], frozenset({"name"}))
    assert {key: [row["Id"] for row in page.rows] for key, page in both.items()} == {
        "cus_aBc": [second.crm_id],
        "cus_abc": [third.crm_id],
    }
    await adapter.aclose()


@pytest.mark.parametrize("order", [None, Order("name"), Order("name", True), Order("updated_at", True)])
async def test_pages_meet_though_sort_values_are_the_same(sandbox: Sandbox, order: Order | None) -> None:
    sandbox.store.execute(
        "UPDATE salesforce_account SET Name = 'O''Same \\ 100%', "
        "SystemModstamp = '2026-01-02T03:04:05.000+0000' WHERE Id IN "
        "(SELECT Id FROM salesforce_account ORDER BY Id LIMIT 15)"
    )
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    seen: list[str] = []
    after = None
    while True:
        page = await customers.page(
            PageRequest(select=frozenset({"segment"}), order=order, first=4, after=after)
        )
        seen += [row["Id"] for row in page.rows]
        if not page.has_more:
            break
        after = page.positions[-1]
    assert sorted(seen) == sorted(fact.crm_id for fact in sandbox.world.customers)
    await adapter.aclose()


@pytest.mark.parametrize(
    "position", ["", "x", "W10", "!!", "WyJJZCBBU0MiLG51bGwsIngnIE9SIElkICE9ICciXQ", "ü"]
)
async def test_a_position_of_no_list_is_refused_unsent(sandbox: Sandbox, position: str) -> None:
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    with pytest.raises(Rejected) as refused:
        await customers.page(PageRequest(select=frozenset(), after=position))
    assert refused.value.vendor_code == "bad_position"
    page = await customers.page(PageRequest(select=frozenset(), first=1))
    sandbox.calls()
    with pytest.raises(Rejected):
        await customers.page(
            PageRequest(select=frozenset(), order=Order("name"), first=1, after=page.positions[0])
        )
    assert sandbox.calls() == []
    await adapter.aclose()


async def test_an_expired_session_is_renewed_once(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    ask = PageRequest(select=frozenset({"name"}), first=1)
    await customers.page(ask)
    sandbox.store.execute("UPDATE salesforce_session SET expires_at = 0")
    sandbox.front.log.clear()
    assert (await customers.page(ask)).rows
    assert [call["path"] for call in sandbox.front.log.calls] == [
        "/services/data/v66.0/query/",
        "/services/oauth2/token",
        "/services/data/v66.0/query/",
    ]
    await adapter.aclose()


async def test_the_daily_limit_is_throttling() -> None:
    with sandbox_of(api_limit=1) as sandbox:
        adapter = sandbox.adapter()
        customers = adapter.resources[RecordType.CUSTOMER]
        await customers.page(PageRequest(select=frozenset(), first=1))
        with pytest.raises(Throttled) as throttled:
            await customers.page(PageRequest(select=frozenset(), first=1))
        assert throttled.value.vendor_code == "REQUEST_LIMIT_EXCEEDED"
        assert throttled.value.retry_after_s is None
        await adapter.aclose()


@pytest.mark.parametrize("many", [1, 200])
async def test_a_column_that_is_not_there_is_named_and_no_value_is(sandbox: Sandbox, many: int) -> None:
    adapter = sandbox.adapter(segment_column="Tier__c")
    customers = adapter.resources[RecordType.CUSTOMER]
    emails = tuple(f"private.{number}@example.com" for number in range(many))
    with pytest.raises(Rejected) as refused:
        await customers.page(
            PageRequest(select=frozenset({"segment"}), where=(Condition("email", Op.IN, emails),))
        )
    assert refused.value.vendor_code == "INVALID_FIELD"
    assert "No such column 'Tier__c' on entity 'Account'" in refused.value.message
    assert "private" not in refused.value.message
    await adapter.aclose()


async def test_a_link_to_more_rows_elsewhere_is_not_followed(sandbox: Sandbox) -> None:
    client = SalesforceClient(
        sandbox.base_url, "v66.0", CLIENT_ID, CLIENT_SECRET, timeout_s=5, max_connections=1
    )
    for url in ("https://elsewhere.example/services/data/v66.0/query/1", "//elsewhere.example/", "/setup"):
        with pytest.raises(Malformed):
            await client.more(url)
    assert sandbox.front.log.calls == []
    await client.aclose()


async def test_addresses_are_read_by_line_and_country(sandbox: Sandbox) -> None:
    first, second = sandbox.world.customers[:2]
    for fact, street, country in ((first, "Hauptstr. 1\r\nHof 2\r\nTor 3", "Germany"), (second, None, None)):
        sandbox.store.execute(
            "UPDATE salesforce_account SET ShippingStreet = ?, ShippingCity = NULL, ShippingState = NULL, "
            "ShippingPostalCode = NULL, ShippingCountry = ? WHERE Id = ?",
            (street, country, fact.crm_id),
        )
    adapter = sandbox.adapter(country_column="ShippingCountry", country_codes={"Germany": "DE"})
    customers = adapter.resources[RecordType.CUSTOMER]
    found = await customers.read_many([first.crm_id, second.crm_id], frozenset({"shipping_address"}))
    assert customers.fields.read(found[first.crm_id], "shipping_address") == Address(
        line1="Hauptstr. 1", line2="Hof 2, Tor 3", country="DE"
    )
    assert customers.fields.read(found[second.crm_id], "shipping_address") is None
    await adapter.aclose()


async def test_a_check_up_says_what_to_do(sandbox: Sandbox) -> None:
    well = await sandbox.adapter().check()
    assert [(finding.check, finding.ok) for finding in well] == [
        ("credentials", True),
        ("api version", True),
        ("Account", True),
        ("Contract", True),
        ("writes", True),
        ("API calls", True),
    ]
    assert well[-1].detail.startswith("3 of 15000000 used")
    (refused,) = await sandbox.adapter(client_secret="wrong").check()
    assert not refused.ok
    assert "client_secret" in refused.detail
    old = {finding.check: finding for finding in await sandbox.adapter(api_version="v20.0").check()}
    assert not old["api version"].ok
    assert "v67.0" in old["api version"].detail
    odd = {finding.check: finding for finding in await sandbox.adapter(auto_renew_column="Renews__c").check()}
    assert odd["Account"].ok
    assert not odd["Contract"].ok
    assert "Renews__c" in odd["Contract"].detail
    unmarked = {finding.check: finding for finding in await sandbox.adapter(command_column="No__c").check()}
    assert unmarked["Account"].ok
    assert not unmarked["writes"].ok
    assert "No__c" in unmarked["writes"].detail
    sandbox.front.arm(Fault(kind="drop", times=9))
    assert [finding.ok for finding in await sandbox.adapter().check()] == [False]


async def test_credentials_are_refused_without_being_told(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(client_secret="s3cret-of-ours")
    with pytest.raises(Unauthorised) as refused:
        await adapter.resources[RecordType.CUSTOMER].page(PageRequest(select=frozenset()))
    assert "s3cret" not in refused.value.message
    await adapter.aclose()


@pytest.mark.parametrize("column", ["Id FROM User", "a.b", "1x", "x'", ""])
async def test_columns_in_settings_are_names(sandbox: Sandbox, column: str) -> None:
    with pytest.raises(ValueError, match="segment_column"):
        sandbox.adapter(segment_column=column)


async def test_the_composite_has_its_own_status(sandbox: Sandbox) -> None:
    """200 outside, an error inside: unknown text in a long query is the query's error."""
    adapter = sandbox.adapter(payments_column="Wrong__c")
    customers = adapter.resources[RecordType.CUSTOMER]
    sandbox.calls()
    with pytest.raises(SystemFault) as fault:
        await customers.related("customer_in_payments", [f"cus_{n:020}" for n in range(200)], frozenset())
    assert fault.value.vendor_code == "INVALID_FIELD"
    assert sandbox.calls() == [COMPOSITE]
    await adapter.aclose()


async def test_records_open_in_lightning(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(base_url="https://acme.my.salesforce.com/")
    assert (
        adapter.record_url(RecordType.CUSTOMER, "001D000000IqhSL")
        == "https://acme.my.salesforce.com/lightning/r/Account/001D000000IqhSLIAZ/view"
    )
    assert adapter.record_url(RecordType.CUSTOMER, "javascript:") is None
    assert adapter.record_url(RecordType.INVOICE, "001D000000IqhSL") is None
    await adapter.aclose()
