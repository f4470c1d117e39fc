"""What a configuration makes impossible is refused with its reason, and no system hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from adapters.contracts.vocabulary import InvoiceStatus
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Gateway, Sandbox, serving_over


@pytest.fixture(scope="module")
def gateway(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An ERP without the script that voids, and owner of the customers' phones."""
    urls = {vendor: company.emulators.urls[vendor] for vendor in ("salesforce", "netsuite")}
    with serving_over(
        urls,
        tmp_path_factory.mktemp("refused"),
        own_settings={"netsuite": {"void_restlet": None}},
        ownership={"Customer.phone": "ERP"},
    ) as running:
        yield running


def refused(gateway: Gateway, company: Sandbox, mutation: str, kind: str, given: Mapping[str, Any]) -> Any:
    """The only error of a mutation, of which no system has heard and no command was made."""
    company.emulators.clear()
    document = (
        f"mutation ($input: {kind}!) {{ {mutation}(input: $input) "
        "{ command { id } userErrors { code message field } } }"
    )
    payload = gateway.data(document, {"input": given})[mutation]
    assert payload["command"] is None
    assert company.emulators.counts() == {}
    assert gateway.data("{ commands(first: 1) { nodes { id } } }")["commands"]["nodes"] == []
    [error] = payload["userErrors"]
    return error


def test_what_the_connected_vendor_cannot_do_is_unsupported_and_names_it(gateway: Gateway, company: Sandbox):
    invoice = next(each for each in company.world.invoices if each.status is InvoiceStatus.OPEN)
    error = refused(gateway, company, "voidInvoice", "InvoiceActionInput", {"id": id_of(invoice)})
    assert (error["code"], error["message"]) == ("UNSUPPORTED", "voidInvoice: netsuite cannot do it")


def test_a_field_of_another_system_is_not_written_through_this_one(gateway: Gateway, company: Sandbox):
    given = {"id": id_of(known_everywhere(company.world)), "phone": "+1 555 0100", "industry": "Mining"}
    error = refused(gateway, company, "updateCustomer", "UpdateCustomerInput", given)
    assert (error["code"], error["field"]) == ("NOT_OWNED", ["phone"])
    assert "belongs to ERP here" in error["message"]


@pytest.mark.parametrize("value", [None, "+1 555 0100"])
def test_clearing_it_is_writing_it(gateway: Gateway, company: Sandbox, value: str | None):
    given = {"id": id_of(known_everywhere(company.world)), "phone": value}
    assert refused(gateway, company, "updateCustomer", "UpdateCustomerInput", given)["code"] == "NOT_OWNED"


def test_a_system_that_is_not_connected_is_told(gateway: Gateway, company: Sandbox):
    subscription = company.world.subscriptions[0]
    given = {"id": id_of(subscription)}
    error = refused(gateway, company, "pauseSubscription", "SubscriptionActionInput", given)
    assert error["code"] == "NOT_FOUND"
