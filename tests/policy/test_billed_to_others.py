"""An invoice that somebody else pays is that customer's, also where it is found by the subscription."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.emulation.world import CustomerFact, InvoiceFact
from gateway.auth.development import CUSTOMER, ROLE
from tests.policy.test_rows import ask
from tests.scenarios.people import id_of
from tests.support.sandbox import Sandbox, sandbox

BOTH_WAYS = """query ($subscription: ID!, $invoice: ID!) {
  invoice(id: $invoice) { id payments { nodes { id } } }
  subscription(id: $subscription) {
    invoices(first: 100) { nodes { id payments { nodes { id } } } pageInfo { hasNextPage } }
  }
}"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: an invoice changes hands."""
    with sandbox(tmp_path_factory.mktemp("billed") / "state", customers=40) as running:
        running.data("{ customers(first: 1) { nodes { name } } }")
        yield running


@pytest.fixture(scope="module")
def billed(company: Sandbox) -> tuple[InvoiceFact, CustomerFact]:
    """An invoice of a customer's subscription that another customer is billed for, and that other."""
    whole = [each for each in company.world.customers if len(each.erp_ids) == 1]
    invoice = next(
        each
        for each in company.world.invoices
        if each.customer in whole and each.subscription is not None and each.subscription.customer in whole
    )
    payer = next(each for each in whole if each != invoice.customer)
    with company.emulators.tables() as tables, tables:
        tables.execute(
            "UPDATE netsuite_transaction SET entity = ? WHERE id = ?", (payer.erp_ids[0], invoice.id)
        )
    return invoice, payer


def seen_by(company: Sandbox, customer: CustomerFact, invoice: InvoiceFact) -> Any:
    assert invoice.subscription is not None
    asked = {"subscription": id_of(invoice.subscription), "invoice": id_of(invoice)}
    answer = ask(company, BOTH_WAYS, asked, **{ROLE: "admin", CUSTOMER: id_of(customer)})
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def test_the_subscription_s_customer_does_not_see_it(
    company: Sandbox, billed: tuple[InvoiceFact, CustomerFact]
) -> None:
    invoice, _ = billed
    siblings = [
        id_of(each)
        for each in company.world.invoices
        if each.subscription == invoice.subscription and each != invoice
    ]
    data = seen_by(company, invoice.customer, invoice)
    assert data["invoice"] is None
    assert {each["id"] for each in data["subscription"]["invoices"]["nodes"]} == set(siblings)
    assert siblings, "there were to be others"
    assert data["subscription"]["invoices"]["pageInfo"] == {"hasNextPage": False}


def test_who_is_billed_sees_the_invoice_and_not_the_subscription(
    company: Sandbox, billed: tuple[InvoiceFact, CustomerFact]
) -> None:
    invoice, payer = billed
    data = seen_by(company, payer, invoice)
    assert data["invoice"]["id"] == id_of(invoice)
    assert data["subscription"] is None
