"""Stripe's own Python SDK reads the emulator: lists with auto-paging, expansion, typed errors."""

from __future__ import annotations

import pytest
import stripe

from adapters.contracts.vocabulary import PaymentStatus
from adapters.emulation.faults import Fault
from adapters.stripe.emulator.app import ACCOUNT, API_KEY
from tests.adapters.stripe.conftest import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> stripe.StripeClient:
    return connect(sandbox)


def connect(sandbox: Sandbox, key: str = API_KEY, **options: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key, base_addresses={"api": sandbox.base_url}, max_network_retries=0, **options
    )


def test_pages_by_itself_through_all_payments_newest_first(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    page = client.v1.payment_intents.list({"limit": 100})
    intents = list(page.auto_paging_iter())
    assert {intent.id for intent in intents} == {fact.id for fact in sandbox.world.payments}
    assert len(intents) == len(sandbox.world.payments)
    created = [intent.created for intent in intents]
    assert created == sorted(created, reverse=True)
    assert len(sandbox.calls()) == -(-len(intents) // 100)


def test_pages_backwards_with_ending_before(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    all_ids = [intent.id for intent in client.v1.payment_intents.list({"limit": 30}).data]
    page = client.v1.payment_intents.list({"limit": 10, "ending_before": all_ids[20]})
    assert [intent.id for intent in page.data] == all_ids[10:20]
    assert page.has_more
    assert [intent.id for intent in page.auto_paging_iter()] == list(reversed(all_ids[:20]))


def test_pages_of_a_short_list_follow_has_more(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    sandbox.front.arm(Fault("shrink", times=3))
    customers = list(client.v1.customers.list({"limit": 10}).auto_paging_iter())
    known = [fact for fact in sandbox.world.customers if fact.payments_id]
    assert len({customer.id for customer in customers}) == len(customers) == len(known)


def test_lists_by_customer_and_time(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    fact = sandbox.world.payments[len(sandbox.world.payments) // 2]
    customer, since = str(fact.customer.payments_id), int(fact.created_at.timestamp())
    page = client.v1.payment_intents.list({"customer": customer, "created": {"gte": since}, "limit": 100})
    assert {intent.id for intent in page.auto_paging_iter()} == {
        other.id
        for other in sandbox.world.payments
        if other.customer.payments_id == customer and other.created_at >= fact.created_at
    }


def test_unexpanded_is_an_id_and_expanded_an_object(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    fact = next(fact for fact in sandbox.world.payments if fact.status is PaymentStatus.PARTIALLY_REFUNDED)
    assert client.v1.payment_intents.retrieve(fact.id).latest_charge == fact.charge_id
    expand = ["customer", "latest_charge.refunds", "latest_charge.payment_intent.customer"]
    intent = client.v1.payment_intents.retrieve(fact.id, {"expand": expand})
    assert isinstance(intent.customer, stripe.Customer)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.refunds is not None
    assert [refund.amount for refund in intent.latest_charge.refunds.data] == [fact.refunded_minor]
    assert isinstance(intent.latest_charge.payment_intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge.payment_intent.customer, stripe.Customer)


def test_finds_customers_by_email_and_their_payment_methods(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    fact = next(fact for fact in sandbox.world.customers if fact.payment_method and fact.payments_id)
    found = client.v1.customers.list({"email": fact.email}).data
    assert fact.payments_id in [customer.id for customer in found]
    methods = client.v1.customers.payment_methods.list(str(fact.payments_id)).data
    assert [method.customer for method in methods] == [fact.payments_id]
    assert client.v1.payment_methods.retrieve(methods[0].id).id == methods[0].id
    other = client.v1.payment_methods.list({"customer": str(fact.payments_id), "type": "boleto"})
    assert other.data == []


def test_reads_charges_refunds_balance_and_events(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    fact = next(fact for fact in sandbox.world.payments if fact.status is PaymentStatus.REFUNDED)
    assert [charge.id for charge in client.v1.charges.list({"payment_intent": fact.id}).data] == [
        fact.charge_id
    ]
    assert [refund.amount for refund in client.v1.refunds.list({"charge": fact.charge_id}).data] == [
        fact.refunded_minor
    ]
    assert {funds.currency for funds in client.v1.balance.retrieve().available} == {"usd", "eur", "jpy"}
    charged = client.v1.events.list({"types": ["charge.succeeded"], "limit": 100}).data
    assert charged
    assert {event.type for event in charged} == {"charge.succeeded"}


def test_errors_are_the_sdks_own_exceptions(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        connect(sandbox, "sk_test_wrong").v1.customers.list()
    assert refused.value.http_status == 401
    assert refused.value.request_id is not None
    with pytest.raises(stripe.PermissionError):
        connect(sandbox, stripe_account="acct_other").v1.customers.list()
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.retrieve("pi_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    sandbox.front.arm(Fault("throttle"))
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()
    sandbox.front.arm(Fault("error", status=500))
    with pytest.raises(stripe.APIError):
        client.v1.customers.list()


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"expand": ["data.nonsense"]}, None, None),
        ({"expand": ["latest_charge"]}, None, None),
        ({"expand": ["data.latest_charge.payment_intent.customer.id"]}, None, "expand"),
        ({"limit": 0}, None, "limit"),
        ({"limit": 101}, None, "limit"),
        ({"status": "succeeded"}, "parameter_unknown", "status"),
        ({"created": {"after": 1}}, "parameter_unknown", "created[after]"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"starting_after": "pi_none"}, "resource_missing", "starting_after"),
    ],
)
def test_wrong_parameters_are_refused(
    client: stripe.StripeClient, params: stripe.params.PaymentIntentListParams, code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.list(params)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)


def test_the_account_may_be_named(sandbox: Sandbox) -> None:
    assert connect(sandbox, stripe_account=ACCOUNT).v1.customers.list({"limit": 1}).data


def test_a_deleted_customer_says_so(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    id = str(sandbox.world.customers[0].payments_id)
    sandbox.objects.replace({"id": id, "object": "customer", "deleted": True})
    assert client.v1.customers.retrieve(id).deleted is True
    assert id not in [customer.id for customer in client.v1.customers.list({"limit": 100}).data]
