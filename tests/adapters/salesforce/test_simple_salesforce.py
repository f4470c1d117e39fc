"""simple-salesforce drives the emulator: a client that nobody here wrote understands what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from adapters.emulation.faults import Fault
from adapters.salesforce.emulator.sessions import CLIENT_ID, CLIENT_SECRET
from tests.adapters.salesforce.conftest import Sandbox, sandbox_of


class _ToEmulator(HTTPAdapter):
    """The client speaks https to My Domain and to the instance it is told; both are the emulator."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        request.url = self._base_url + str(request.path_url)
        return super().send(request, *args, **kwargs)


def client_of(sandbox: Sandbox, secret: str = CLIENT_SECRET) -> Salesforce:
    session = requests.Session()
    session.mount("https://", _ToEmulator(sandbox.base_url))
    return Salesforce(
        consumer_key=CLIENT_ID, consumer_secret=secret, domain="acme.my", version="66.0", session=session
    )


@pytest.fixture
def small() -> Iterator[Sandbox]:
    with sandbox_of(page_size=6) as running:
        yield running


def test_it_signs_in(sandbox: Sandbox) -> None:
    assert client_of(sandbox).query("SELECT COUNT() FROM Account")["totalSize"] == len(
        sandbox.world.customers
    )
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        client_of(sandbox, secret="wrong")
    assert refused.value.code == "invalid_client"


def test_it_reads_every_batch(small: Sandbox) -> None:
    client = client_of(small)
    result = client.query_all(
        "SELECT Id, Name, Owner.Email, (SELECT Email FROM Contacts ORDER BY Id) FROM Account ORDER BY Id"
    )
    facts = sorted(small.world.customers, key=lambda fact: fact.crm_id)
    assert result["totalSize"] == len(facts)
    assert [record["Id"] for record in result["records"]] == [fact.crm_id for fact in facts]
    for record, fact in zip(result["records"], facts, strict=True):
        assert record["Name"] == fact.name
        assert record["Owner"]["Email"] == fact.account_manager.email
        assert [child["Email"] for child in (record["Contacts"] or {"records": []})["records"]] == [
            person.email for person in fact.contacts
        ]
        assert record["attributes"]["type"] == "Account"
        assert record["attributes"]["url"] == f"/services/data/v66.0/sobjects/Account/{fact.crm_id}"


def test_a_batch_keeps_the_result_as_it_was(small: Sandbox) -> None:
    client = client_of(small)
    first = client.query("SELECT Id FROM Account ORDER BY Name DESC NULLS LAST")
    assert (len(first["records"]), first["done"]) == (6, False)
    small.store.execute("UPDATE salesforce_account SET Name = 'Aa' || Name")
    seen = [record["Id"] for record in first["records"]]
    while not first["done"]:
        first = client.query_more(first["nextRecordsUrl"], identifier_is_url=True)
        seen += [record["Id"] for record in first["records"]]
    assert sorted(seen) == sorted(fact.crm_id for fact in small.world.customers)
    with pytest.raises(SalesforceMalformedRequest):
        client.query_more("01g000000000000AAA-2")


def test_the_batch_size_can_be_asked_for(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    contacts = sum(len(fact.contacts) for fact in sandbox.world.customers)
    headers = {"Sforce-Query-Options": "batchSize=1"}
    result = client.query("SELECT Id FROM Contact", headers={**client.headers, **headers})
    assert len(result["records"]) == min(contacts, 200), "200 is the least"


def test_it_gets_records(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    fact = next(fact for fact in sandbox.world.customers if fact.billing_id)
    record = client.Account.get(fact.crm_id)
    assert (record["Name"], record["Phone"]) == (fact.name, fact.phone)
    assert client.Account.get(fact.crm_id[:15])["Id"] == fact.crm_id
    assert client.Account.get_by_custom_id("Chargebee_Customer_Id__c", fact.billing_id)["Id"] == fact.crm_id
    with pytest.raises(SalesforceResourceNotFound) as absent:
        client.Account.get("001D000000IqhSLIAZ")
    assert absent.value.content[0]["errorCode"] == "NOT_FOUND"


def test_it_retrieves_many_in_place(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    first, second = sandbox.world.customers[:2]
    records = client.restful(
        "composite/sobjects/Account",
        method="POST",
        json={"ids": [first.crm_id, "001D000000IqhSLIAZ", second.crm_id], "fields": ["Name", "Owner.Name"]},
    )
    assert [record and record["Name"] for record in records] == [first.name, None, second.name]


def test_a_composite_answers_each_part(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    root = "/services/data/v66.0"
    answers = client.restful(
        "composite",
        method="POST",
        json={
            "compositeRequest": [
                {"method": "GET", "url": f"{root}/query/?q=SELECT+Nope+FROM+Account", "referenceId": "bad"},
                {
                    "method": "GET",
                    "url": f"{root}/query/?q=SELECT+Id+FROM+User+LIMIT+1",
                    "referenceId": "good",
                },
            ]
        },
    )["compositeResponse"]
    assert [(part["referenceId"], part["httpStatusCode"]) for part in answers] == [
        ("bad", 400),
        ("good", 200),
    ]
    assert answers[0]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert answers[1]["body"]["totalSize"] == 1


def test_it_describes(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    listed = client.describe()
    assert listed is not None
    assert {entry["name"] for entry in listed["sobjects"]} == {"Account", "Contact", "Contract", "User"}
    fields = {entry["name"]: entry for entry in client.Account.describe()["fields"]}
    assert fields["OwnerId"]["referenceTo"] == ["User"]
    assert fields["Stripe_Customer_Id__c"]["custom"]
    assert client.limits()["DailyApiRequests"]["Max"] == 15_000_000
    assert client.api_usage["api-usage"].total == 15_000_000


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY"),
        ("SELECT * FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a\\_'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a\\q'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name IN ()", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name > 1", "INVALID_FIELD"),
        ("SELECT Id FROM Account; DROP TABLE salesforce_account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("SELECT Id, (SELECT Id FROM Cats) FROM Account", "MALFORMED_QUERY"),
    ],
)
def test_what_is_wrong_is_refused_as_salesforce_does(sandbox: Sandbox, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client_of(sandbox).query(soql)
    assert refused.value.content[0]["errorCode"] == code


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ACME gmbh'", {"Acme GmbH"}),
        ("Name LIKE 'acme%'", {"Acme GmbH", "Acme_1 % \\ Ltd"}),
        ("Name LIKE '%\\_1%'", {"Acme_1 % \\ Ltd"}),
        ("Name LIKE '%\\%%'", {"Acme_1 % \\ Ltd"}),
        ("Name LIKE '%\\\\%'", {"Acme_1 % \\ Ltd"}),
        ("Name LIKE 'O_Neil'", {"O'Neil"}),
        ("Name = 'O\\'Neil'", {"O'Neil"}),
        ("Name IN ('O\\u0027Neil', 'nobody')", {"O'Neil"}),
        ("Segment__c = null", {"O'Neil"}),
        ("Segment__c != null AND Name LIKE 'ac%'", {"Acme GmbH", "Acme_1 % \\ Ltd"}),
        ("Name LIKE 'O_Neil' AND (NOT Segment__c LIKE 'x%')", {"O'Neil"}),
        ("(Name = 'Acme GmbH' OR Name = 'O\\'Neil') AND Segment__c != 'x'", {"O'Neil", "Acme GmbH"}),
        ("SystemModstamp >= 2030-01-01T00:00:00Z", {"Acme GmbH"}),
        ("SystemModstamp > 2030-01-01T01:00:00+01:00", set()),
        ("Owner.Name = 'Ann'", {"Acme GmbH"}),
    ],
)
def test_conditions_mean_what_they_mean_there(sandbox: Sandbox, where: str, found: set[str]) -> None:
    first, second, third = (fact.crm_id for fact in sandbox.world.customers[:3])
    store = sandbox.store
    for name, record_id in (("Acme GmbH", first), ("Acme_1 % \\ Ltd", second), ("O'Neil", third)):
        store.execute("UPDATE salesforce_account SET Name = ? WHERE Id = ?", (name, record_id))
    store.execute("UPDATE salesforce_account SET Segment__c = NULL WHERE Id = ?", (third,))
    store.execute(
        "UPDATE salesforce_account SET SystemModstamp = '2030-01-01T00:00:00.000+0000', "
        "OwnerId = '005D000000AnnAnEAA' WHERE Id = ?",
        (first,),
    )
    store.execute("INSERT INTO salesforce_user (Id, Name) VALUES ('005D000000AnnAnEAA', 'Ann')")
    records = client_of(sandbox).query(f"SELECT Name FROM Account WHERE {where}")["records"]
    assert {record["Name"] for record in records} == found


def test_a_uri_can_be_too_long(sandbox: Sandbox) -> None:
    with pytest.raises(SalesforceGeneralError) as refused:
        client_of(sandbox).query(f"SELECT Id FROM Account WHERE Name = '{'x' * 17_000}'")
    assert refused.value.status == 414


def test_an_ended_session_and_a_spent_limit_are_told_apart(sandbox: Sandbox) -> None:
    client = client_of(sandbox)
    sandbox.front.arm(Fault(kind="expire_token"))
    # The client signs in again by itself, as it does at the real service.
    assert client.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    sandbox.store.execute("DELETE FROM salesforce_session")
    client._salesforce_login_partial = None
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Account LIMIT 1")
    with sandbox_of(api_limit=0) as spent, pytest.raises(SalesforceRefusedRequest) as refused:
        client_of(spent).query("SELECT Id FROM Account LIMIT 1")
    assert refused.value.content[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
