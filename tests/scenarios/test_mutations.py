"""Every mutation from the caller's side: what it writes, what it answers, and what it refuses unsent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.contracts.vocabulary import InvoiceStatus, PaymentStatus, SubscriptionStatus
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Sandbox, sandbox

COMMAND = "command { id kind status system idempotencyKey correlationId attempts { number outcome error } }"
ERRORS = "userErrors { field message code }"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: these scenarios write."""
    with sandbox(tmp_path_factory.mktemp("mutations") / "state") as running:
        running.data("{ customers(first: 1) { nodes { name legalName } } }")
        yield running


@pytest.fixture(autouse=True)
def quiet(company: Sandbox) -> Iterator[None]:
    company.emulators.disarm()
    company.emulators.clear()
    yield
    company.emulators.disarm()


def mutate(
    company: Sandbox, name: str, given: Mapping[str, Any], fields: str = "", input_type: str | None = None
) -> dict[str, Any]:
    kind = input_type or f"{name[0].upper()}{name[1:]}Input"
    document = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} {COMMAND} {ERRORS} }} }}"
    return company.data(document, {"input": given})[name]


def accepted(payload: dict[str, Any], status: str = "SUCCEEDED") -> dict[str, Any]:
    assert payload["userErrors"] == []
    assert payload["command"]["status"] == status, payload
    return payload["command"]


def refused(company: Sandbox, payload: dict[str, Any], code: str) -> None:
    """Refused before anything was accepted, and nothing was written anywhere."""
    assert [error["code"] for error in payload["userErrors"]] == [code], payload
    assert payload["command"] is None
    assert writes(company) == []


def writes(company: Sandbox) -> list[str]:
    """Calls that could have changed something."""
    return [
        f"{vendor}: {call['method']} {call['path']}"
        for vendor in company.emulators.urls
        for call in company.emulators.calls(vendor)
        if call["method"] in {"POST", "PATCH", "PUT", "DELETE"}
        and not call["path"].endswith(("/suiteql", "/composite", "/composite/"))
    ]


def settled(company: Sandbox, command_id: str, wanted: str = "SUCCEEDED") -> dict[str, Any]:
    """The command once it has come to its outcome; workers take it up within moments."""
    until = time.monotonic() + 20
    while True:
        command = company.data(
            f'{{ command(id: "{command_id}") {{ status attempts {{ outcome error }} }} }}'
        )["command"]
        if command["status"] == wanted or time.monotonic() > until:
            assert command["status"] == wanted, command
            return command


def subscription_in(company: Sandbox, status: SubscriptionStatus) -> Any:
    return next(each for each in company.world.subscriptions if each.status is status)


def test_a_customer_is_updated_in_the_crm_and_nowhere_else(company: Sandbox):
    customer = known_everywhere(company.world)
    payload = mutate(
        company,
        "updateCustomer",
        {"id": id_of(customer), "phone": "+1 555 0100", "industry": None},
        "customer { phone industry name }",
    )
    accepted(payload)
    assert payload["customer"] == {"phone": "+1 555 0100", "industry": None, "name": customer.name}
    assert [each.split(" ")[0:2] for each in writes(company)] == [["salesforce:", "PATCH"]]


def test_billing_is_updated_in_the_erp(company: Sandbox):
    customer = known_everywhere(company.world)
    payload = mutate(
        company,
        "updateCustomerBilling",
        {
            "id": id_of(customer),
            "legalName": "O'Brien & Söhne GmbH",
            "billingAddress": {"line1": "Weg 1", "city": "Köln", "postalCode": "50667", "country": "DE"},
        },
        "customer { legalName billingAddress { line1 city postalCode country } }",
    )
    accepted(payload)
    assert payload["customer"]["legalName"] == "O'Brien & Söhne GmbH"
    assert payload["customer"]["billingAddress"]["city"] == "Köln"
    assert all(each.startswith("netsuite: PATCH") for each in writes(company))


def test_a_subscription_goes_through_its_life(company: Sandbox):
    target = id_of(subscription_in(company, SubscriptionStatus.ACTIVE))

    def act(
        name: str, given: Mapping[str, Any], input_type: str = "SubscriptionActionInput"
    ) -> dict[str, Any]:
        payload = mutate(
            company, name, {"id": target, **given}, "subscription { status quantity }", input_type
        )
        accepted(payload)
        return payload["subscription"]

    assert act("amendSubscription", {"quantity": 42}, "AmendSubscriptionInput")["quantity"] == 42
    assert act("pauseSubscription", {})["status"] == "PAUSED"
    assert act("resumeSubscription", {})["status"] == "ACTIVE"
    assert act("cancelSubscription", {}, "CancelSubscriptionInput")["status"] == "NON_RENEWING"
    assert act("reactivateSubscription", {})["status"] == "ACTIVE"
    assert act("cancelSubscription", {"effective": "NOW"}, "CancelSubscriptionInput")["status"] == "CANCELLED"
    assert len(writes(company)) == 6


def test_an_invoice_is_posted_by_a_worker(company: Sandbox):
    invoice = next(each for each in company.world.invoices if each.status is InvoiceStatus.PENDING_APPROVAL)
    payload = mutate(company, "postInvoice", {"id": id_of(invoice)}, "invoice { id }", "InvoiceActionInput")
    assert payload["userErrors"] == []
    assert payload["command"]["status"] in {"ACCEPTED", "RUNNING", "SUCCEEDED"}
    settled(company, payload["command"]["id"])
    status = company.data(f'{{ invoice(id: "{id_of(invoice)}") {{ status }} }}')["invoice"]["status"]
    assert status in {"OPEN", "OVERDUE"}


def test_an_open_invoice_is_voided_and_changed(company: Sandbox):
    invoice = next(each for each in company.world.invoices if each.status is InvoiceStatus.OPEN)
    due = invoice.due_on + timedelta(days=14)
    payload = mutate(
        company,
        "updateInvoice",
        {"id": id_of(invoice), "dueOn": due.isoformat(), "memo": "by agreement"},
        "invoice { dueOn memo }",
    )
    accepted(payload)
    assert payload["invoice"] == {"dueOn": due.isoformat(), "memo": "by agreement"}
    payload = mutate(company, "voidInvoice", {"id": id_of(invoice)}, "", "InvoiceActionInput")
    settled(company, payload["command"]["id"])
    assert company.data(f'{{ invoice(id: "{id_of(invoice)}") {{ status }} }}')["invoice"]["status"] == "VOID"


def test_what_is_due_is_collected_once_and_given_back(company: Sandbox):
    invoice = next(
        each
        for each in company.world.invoices
        if each.status is InvoiceStatus.OVERDUE
        and each.customer.payments_id
        and each.customer.payment_method
        and not each.customer.delinquent
        and not each.paid_minor
    )
    given = {"invoiceId": id_of(invoice), "idempotencyKey": "collect-1"}
    payload = mutate(company, "collectPayment", given, "payment { id status amount { amount currency } }")
    accepted(payload)
    payment = payload["payment"]
    assert payment["status"] in {"SUCCEEDED", "PROCESSING"}
    again = mutate(company, "collectPayment", given, "payment { id }")
    assert again["command"]["id"] == payload["command"]["id"]
    assert again["payment"]["id"] == payment["id"]
    assert len(writes(company)) == 1
    if payment["status"] != "SUCCEEDED":
        return
    refund = mutate(company, "refundPayment", {"id": payment["id"]}, "payment { status }")
    accepted(refund)
    assert refund["payment"]["status"] == "REFUNDED"


def test_a_failed_payment_is_tried_again(company: Sandbox):
    payment = next(each for each in company.world.payments if each.status is PaymentStatus.FAILED)
    payload = mutate(
        company, "retryPayment", {"id": id_of(payment)}, "payment { status }", "PaymentActionInput"
    )
    accepted(payload)
    assert payload["payment"]["status"] in {"SUCCEEDED", "FAILED", "PROCESSING"}


def test_the_same_key_with_another_input_is_refused(company: Sandbox):
    target = id_of(known_everywhere(company.world))
    accepted(mutate(company, "updateCustomer", {"id": target, "phone": "+1 555 1", "idempotencyKey": "k1"}))
    company.emulators.clear()
    payload = mutate(company, "updateCustomer", {"id": target, "phone": "+1 555 2", "idempotencyKey": "k1"})
    refused(company, payload, "IDEMPOTENCY_KEY_REUSED")


def test_a_stale_write_is_a_conflict_and_changes_nothing(company: Sandbox):
    target = id_of(known_everywhere(company.world))
    old = "2001-01-01T00:00:00Z"
    payload = mutate(company, "updateCustomer", {"id": target, "phone": "+1", "ifUnmodifiedSince": old})
    assert [error["code"] for error in payload["userErrors"]] == ["CONFLICT"]
    subscription = id_of(subscription_in(company, SubscriptionStatus.TRIAL))
    company.emulators.clear()
    payload = mutate(
        company, "amendSubscription", {"id": subscription, "quantity": 2, "ifUnmodifiedSince": old}
    )
    refused(company, payload, "CONFLICT")


def test_a_write_that_became_stale_while_it_waited_is_not_sent(company: Sandbox):
    invoice = next(each for each in company.world.invoices if each.status is InvoiceStatus.OVERDUE)
    target = id_of(invoice)
    now = company.data(f'{{ invoice(id: "{target}") {{ updatedAt }} }}')["invoice"]["updatedAt"]
    # Longer than a caller waits, so that the command is answered as waiting.
    company.emulators.arm("netsuite", "throttle", times=1, method="PATCH", retry_after_s=7)
    payload = mutate(company, "updateInvoice", {"id": target, "memo": "late", "ifUnmodifiedSince": now})
    assert payload["userErrors"] == []
    with company.emulators.tables() as store:
        changed = "UPDATE netsuite_transaction SET memo = 'theirs', lastmodifieddate = ? WHERE id = ?"
        store.execute(changed, (f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}", invoice.id))
    company.emulators.clear()
    settled(company, payload["command"]["id"], "REJECTED")
    assert writes(company) == []
    assert company.data(f'{{ invoice(id: "{target}") {{ memo }} }}')["invoice"]["memo"] == "theirs"


def test_a_write_that_is_not_stale_goes_through(company: Sandbox):
    target = id_of(known_everywhere(company.world))
    now = company.data(f'{{ customer(id: "{target}") {{ updatedAt }} }}')["customer"]["updatedAt"]
    accepted(mutate(company, "updateCustomer", {"id": target, "phone": "+1 555 3", "ifUnmodifiedSince": now}))


def test_a_wrong_state_is_told_as_such(company: Sandbox):
    cancelled = id_of(subscription_in(company, SubscriptionStatus.CANCELLED))
    payload = mutate(company, "pauseSubscription", {"id": cancelled}, "", "SubscriptionActionInput")
    assert [error["code"] for error in payload["userErrors"]] == ["WRONG_STATE"]
    assert payload["command"]["status"] == "REJECTED"


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("updateCustomer", {"id": "nonsense", "phone": "+1"}, "INVALID"),
        ("updateCustomer", {"phone": "   "}, "INVALID"),
        ("updateCustomer", {}, "INVALID"),
        ("amendSubscription", {"quantity": 0}, "INVALID"),
        ("updateCustomer", {"phone": "+1", "idempotencyKey": ""}, "INVALID"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_sent(
    company: Sandbox, name: str, given: dict[str, Any], code: str
):
    customer = known_everywhere(company.world)
    own = customer if name == "updateCustomer" else subscription_in(company, SubscriptionStatus.ACTIVE)
    refused(company, mutate(company, name, {"id": id_of(own), **given}), code)
    assert company.emulators.counts() == {}


def test_an_id_of_another_type_is_refused(company: Sandbox):
    payment = id_of(company.world.payments[0])
    refused(company, mutate(company, "updateCustomer", {"id": payment, "phone": "+1"}), "INVALID")
    payload = mutate(company, "postInvoice", {"id": payment}, "", "InvoiceActionInput")
    assert payload["userErrors"][0]["message"] == "id: the id of a Payment, not of an Invoice"
    read = company.refusal(f'{{ invoice(id: "{payment}") {{ id }} }}')
    assert read["message"] == "id: the id of a Payment, not of an Invoice"


def test_a_system_that_is_down_leaves_the_write_waiting_and_then_done(company: Sandbox):
    customer = known_everywhere(company.world)
    company.emulators.arm("salesforce", "throttle", times=1)
    payload = mutate(company, "updateCustomer", {"id": id_of(customer), "phone": "+1 555 77"})
    assert payload["userErrors"] == []
    settled(company, payload["command"]["id"])
    read = company.data(f'{{ customer(id: "{id_of(customer)}") {{ phone }} }}')["customer"]
    assert read["phone"] == "+1 555 77"


def test_a_lost_answer_is_settled_and_the_write_done_once(company: Sandbox):
    customer = known_everywhere(company.world)
    company.emulators.arm("salesforce", "fail_after", times=1, path="/sobjects/Account/")
    payload = mutate(company, "updateCustomer", {"id": id_of(customer), "phone": "+1 555 88"})
    settled(company, payload["command"]["id"])
    assert len(writes(company)) == 1


def test_commands_are_listed_and_found(company: Sandbox):
    target = id_of(known_everywhere(company.world))
    made = accepted(mutate(company, "updateCustomer", {"id": target, "phone": "+1 555 9"}))
    assert made["kind"] == "updateCustomer"
    assert made["system"] == "CRM"
    assert [attempt["outcome"] for attempt in made["attempts"]] == ["SUCCEEDED"]
    found = company.data(
        "query ($target: ID!) { commands(first: 1, filter: {target: $target}) "
        "{ nodes { id target { id } } pageInfo { hasNextPage } } }",
        {"target": target},
    )["commands"]
    assert found["nodes"][0] == {"id": made["id"], "target": {"id": target}}
    assert (
        company.data(f'{{ node(id: "{made["id"]}") {{ id __typename }} }}')["node"]["__typename"] == "Command"
    )


def test_a_finished_command_can_be_neither_cancelled_nor_replayed(company: Sandbox):
    target = id_of(known_everywhere(company.world))
    made = accepted(mutate(company, "updateCustomer", {"id": target, "phone": "+1 555 10"}))
    for name in ("cancelCommand", "replayCommand"):
        payload = company.data(f'mutation {{ {name}(id: "{made["id"]}") {{ {COMMAND} {ERRORS} }} }}')[name]
        assert [error["code"] for error in payload["userErrors"]] == ["WRONG_STATE"]
