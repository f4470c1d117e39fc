"""simple-salesforce writes to the emulator and sees what our adapter wrote there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from adapters.contracts.values import Address
from adapters.contracts.vocabulary import CustomerStatus, RecordType
from adapters.contracts.writes import Verb, Write
from tests.adapters.salesforce.conftest import Sandbox
from tests.adapters.salesforce.test_simple_salesforce import client_of

ROOT = "/services/data/v66.0"


@pytest.mark.anyio
async def test_it_sees_what_the_adapter_wrote(sandbox: Sandbox) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    before = client.Account.get(fact.crm_id)
    adapter = sandbox.adapter()
    assert adapter.writer is not None
    changes: dict[str, Any] = {
        "name": "Möbel & Söhne GmbH",
        "status": CustomerStatus.SUSPENDED,
        "website": None,
        "shipping_address": Address("Gartenstr. 5", "2. Hof", "Berlin", None, "10115", "DE"),
    }
    await adapter.writer.perform(Write(Verb.UPDATE_CUSTOMER, fact.crm_id, "cmd_7", changes))
    await adapter.aclose()
    after = client.Account.get(fact.crm_id)
    wanted = {
        "Name": "Möbel & Söhne GmbH",
        "Customer_Status__c": "Suspended",
        "Website": None,
        "ShippingStreet": "Gartenstr. 5\n2. Hof",
        "ShippingCity": "Berlin",
        "ShippingState": None,
        "ShippingPostalCode": "10115",
        "ShippingCountry": "DE",
        "ShippingCountryCode": "DE",
        "Fieldgate_Command__c": "cmd_7",
    }
    dates = {name: after[name] for name in ("LastModifiedDate", "SystemModstamp")}
    assert after == {**before, **wanted, **dates}
    assert after["SystemModstamp"] > before["SystemModstamp"]
    found = client.query("SELECT Id FROM Account WHERE Fieldgate_Command__c = 'cmd_7'")
    assert [record["Id"] for record in found["records"]] == [fact.crm_id]


@pytest.mark.anyio
async def test_the_adapter_sees_what_it_wrote(sandbox: Sandbox) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    assert client.Account.update(fact.crm_id, {"Phone": " +1 555 010 2030 ", "Industry": ""}) == 204
    adapter = sandbox.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    names = frozenset({"phone", "industry", "updated_at"})
    row = (await customers.read_many([fact.crm_id], names))[fact.crm_id]
    assert customers.fields.read(row, "phone") == "+1 555 010 2030"
    assert customers.fields.read(row, "industry") is None
    assert customers.fields.read(row, "updated_at") > fact.updated_at
    await adapter.aclose()
    assert [(effect.action, effect.key) for effect in sandbox.effects()] == [("update Account", None)]


def test_what_changes_nothing_is_no_effect(sandbox: Sandbox) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    before = client.Account.get(fact.crm_id)["SystemModstamp"]
    client.Account.update(fact.crm_id, {"Phone": fact.phone})
    assert client.Account.get(fact.crm_id)["SystemModstamp"] > before
    assert sandbox.effects() == []


def test_it_creates_upserts_and_deletes(sandbox: Sandbox) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    made = client.Account.create({"Name": "New & Co", "Chargebee_Customer_Id__c": "ext/1"})
    assert made["success"]
    assert made["errors"] == []
    record = client.query(f"SELECT Name, Owner.Name FROM Account WHERE Id = '{made['id']}'")["records"][0]
    assert (record["Name"], record["Owner"]["Name"]) == ("New & Co", "Integration User")
    assert client.Account.upsert("Stripe_Customer_Id__c/cus_new", {"Name": "Second"}) == 201
    answer = client.Account.upsert("Stripe_Customer_Id__c/cus_new", {"Name": "2nd"}, raw_response=True)
    assert answer.status_code == 200
    assert answer.json()["created"] is False
    assert client.Account.get(answer.json()["id"])["Name"] == "2nd"
    assert client.Account.delete(fact.crm_id) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        client.Account.update(fact.crm_id, {"Name": "Back"})
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert client.query(f"SELECT Id FROM Contact WHERE AccountId = '{fact.crm_id}'")["totalSize"] == 0
    assert [effect.action for effect in sandbox.effects()] == [
        "create Account",
        "create Account",
        "update Account",
        "delete Account",
    ]


def test_an_external_id_that_two_records_have_is_refused(sandbox: Sandbox) -> None:
    first, second = sandbox.world.customers[:2]
    for fact in (first, second):
        sandbox.store.execute(
            "UPDATE salesforce_account SET Stripe_Customer_Id__c = 'cus_two' WHERE Id = ?", (fact.crm_id,)
        )
    with pytest.raises(SalesforceMoreThanOneRecord):
        client_of(sandbox).Account.upsert("Stripe_Customer_Id__c/cus_two", {"Name": "Which"})
    assert sandbox.effects() == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Nope__c": "x"}, "INVALID_FIELD"),
        ({"Id": "001D000000IqhSLIAZ"}, "INVALID_FIELD"),
        ({"CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": ""}, "REQUIRED_FIELD_MISSING"),
        ({"Name": 5}, "JSON_PARSER_ERROR"),
        ({"Phone": "1" * 41}, "STRING_TOO_LONG"),
        ({"Email__c": "a@b"}, "INVALID_EMAIL_ADDRESS"),
        ({"Customer_Status__c": "Dormant"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"ShippingCountryCode": "Germany"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"OwnerId": "005D000000IqhSLIAZ"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID"),
    ],
)
def test_what_is_wrong_is_refused(sandbox: Sandbox, values: dict[str, Any], code: str) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    before = client.Account.get(fact.crm_id)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Account.update(fact.crm_id, {"Industry": "Mining", **values})
    assert refused.value.content[0]["errorCode"] == code
    assert client.Account.get(fact.crm_id) == before
    assert sandbox.effects() == []


def test_only_accounts_can_be_changed(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    contact = client.query("SELECT Id FROM Contact LIMIT 1")["records"][0]["Id"]
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Contact.update(contact, {"Title": "x"})
    assert refused.value.content[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert client.Account.describe()["updateable"]
    assert not client.Contact.describe()["updateable"]


def test_conditions_are_kept(sandbox: Sandbox) -> None:
    client, fact = client_of(sandbox), sandbox.world.customers[0]
    url = f"{client.base_url}sobjects/Account/{fact.crm_id}"
    answer = client._call_salesforce("GET", url)
    tag, changed = answer.headers["etag"], answer.headers["last-modified"]
    early = format_datetime(fact.updated_at.astimezone(UTC) - timedelta(seconds=1), usegmt=True)
    for headers in ({"If-None-Match": tag}, {"If-Modified-Since": changed}):
        with pytest.raises(SalesforceGeneralError) as known:
            client._call_salesforce("GET", url, headers=headers)
        assert known.value.status == 304
    assert client._call_salesforce("GET", url, headers={"If-Modified-Since": early}).status_code == 200
    for headers in (
        {"If-Match": '"other"'},
        {"If-None-Match": tag},
        {"If-Unmodified-Since": early},
    ):
        with pytest.raises(SalesforceGeneralError) as stale:
            client.Account.update(fact.crm_id, {"Name": "Stale"}, headers=headers)
        assert stale.value.status == 412
    for headers in ({"If-Unmodified-Since": "yesterday"}, {"If-Match": "unquoted"}):
        with pytest.raises(SalesforceMalformedRequest):
            client.Account.update(fact.crm_id, {"Name": "Stale"}, headers=headers)
    assert sandbox.effects() == []
    client.Account.update(fact.crm_id, {"Name": "A"}, headers={"If-Match": f'"other", {tag}'})
    with pytest.raises(SalesforceGeneralError):
        client.Account.update(fact.crm_id, {"Name": "B"}, headers={"If-Match": tag})
    now = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    client.Account.update(fact.crm_id, {"Name": "C"}, headers={"If-Unmodified-Since": now})
    assert client.Account.get(fact.crm_id)["Name"] == "C"


def test_a_duplicate_is_saved_for_who_insists(sandbox: Sandbox) -> None:
    client, (first, second) = client_of(sandbox), sandbox.world.customers[:2]
    same = {"Name": second.name, "Website": second.website}
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Account.update(first.crm_id, same)
    assert refused.value.content[0]["duplicateResult"]["matchResults"][0]["size"] == 1
    insist = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert client.Account.update(first.crm_id, same, headers=insist) == 204


def test_a_composite_is_whole_or_nothing_where_that_is_asked(sandbox: Sandbox) -> None:
    client, (first, second) = client_of(sandbox), sandbox.world.customers[:2]
    parts = [
        {
            "method": "PATCH",
            "url": f"{ROOT}/sobjects/Account/{fact.crm_id}",
            "referenceId": f"part{number}",
            "body": body,
        }
        for number, (fact, body) in enumerate([(first, {"Name": "One"}), (second, {"Name": ""})])
    ]
    for all_or_none, statuses, name in ((True, [400, 400], first.name), (False, [204, 400], "One")):
        answers = client.restful(
            "composite", method="POST", json={"allOrNone": all_or_none, "compositeRequest": parts}
        )["compositeResponse"]
        assert [answer["httpStatusCode"] for answer in answers] == statuses
        assert client.Account.get(first.crm_id)["Name"] == name
    assert len(sandbox.effects()) == 1
