"""A field that the configuration gives to another system is read there, and written nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.emulation.world import CustomerFact
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Emulators, Gateway, Sandbox, serving_over

AT_THE_ERP = "+49 89 000 0000"
ASKED = "query ($id: ID!) { customer(id: $id) { phone } }"
CHANGE = """
mutation ($input: UpdateCustomerInput!) {
  updateCustomer(input: $input) { command { id } userErrors { field code message } }
}
"""


@pytest.fixture(scope="module")
def moved(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway where a customer's telephone number belongs to the ERP."""
    folder = tmp_path_factory.mktemp("moved")
    with serving_over(company.emulators.urls, folder, ownership={"Customer.phone": "ERP"}) as gateway:
        gateway.data("{ customers(first: 1) { nodes { name legalName } } }")
        yield gateway


@pytest.fixture
def customer(company: Sandbox) -> Iterator[CustomerFact]:
    """A customer whose number the ERP and the CRM do not agree on."""
    fact = known_everywhere(company.world)
    change = "UPDATE netsuite_customer SET phone = ? WHERE id = ?"
    with company.emulators.tables() as tables:
        tables.execute(change, (AT_THE_ERP, fact.erp_ids[0]))
        yield fact
        tables.execute(change, (fact.phone, fact.erp_ids[0]))


def test_it_is_read_from_its_new_owner(
    company: Sandbox, emulators: Emulators, moved: Gateway, customer: CustomerFact
) -> None:
    asked = {"id": id_of(customer)}
    assert company.data(ASKED, asked)["customer"]["phone"] == customer.phone
    assert emulators.counts() == {"salesforce": 1}
    emulators.clear()
    assert moved.data(ASKED, asked)["customer"]["phone"] == AT_THE_ERP
    assert emulators.counts() == {"salesforce": 1, "netsuite": 1}


def test_its_new_owner_is_who_it_is_lost_with(
    emulators: Emulators, moved: Gateway, customer: CustomerFact
) -> None:
    emulators.arm("netsuite", "error")
    answer = moved.query("query ($id: ID!) { customer(id: $id) { name phone } }", {"id": id_of(customer)})
    assert answer["data"]["customer"] == {"name": customer.name, "phone": None}
    (error,) = answer["errors"]
    assert error["path"] == ["customer", "phone"]
    assert (error["extensions"]["code"], error["extensions"]["system"]) == ("SYSTEM_UNAVAILABLE", "ERP")


def test_the_api_says_so(company: Sandbox, moved: Gateway) -> None:
    asked = "{ ownership { type field system adapter writable } }"

    def of(gateway: Gateway) -> dict[tuple[str, str], tuple[str, str, bool]]:
        return {
            (each["type"], each["field"]): (each["system"], each["adapter"], each["writable"])
            for each in gateway.data(asked)["ownership"]
        }

    usual, here = of(company.gateway), of(moved)
    assert usual["Customer", "phone"] == ("CRM", "salesforce", True)
    assert here["Customer", "phone"] == ("ERP", "netsuite", False)
    assert {key: value for key, value in here.items() if usual[key] != value}.keys() == {
        ("Customer", "phone")
    }


def test_the_mutation_of_its_old_owner_writes_it_no_more(
    emulators: Emulators, moved: Gateway, customer: CustomerFact
) -> None:
    """Neither alone, nor beside a field that the mutation may write."""
    for changes in ({"phone": "+1 312 555 0100"}, {"phone": None, "segment": "SMB"}):
        payload = moved.data(CHANGE, {"input": {"id": id_of(customer), **changes}})["updateCustomer"]
        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == ("NOT_OWNED", ["phone"])
        assert "ERP" in error["message"]
        assert payload["command"] is None
    assert emulators.counts() == {}
