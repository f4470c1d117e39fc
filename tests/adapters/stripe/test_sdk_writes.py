"""Stripe's own Python SDK sees what the adapter wrote, and writes itself: keys, declines, refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe

from adapters.contracts.values import Money
from adapters.contracts.vocabulary import PaymentStatus, RecordType
from adapters.contracts.writes import Verb, Write
from adapters.stripe.emulator.idempotency import KEPT_S
from tests.adapters.stripe.conftest import Sandbox
from tests.adapters.stripe.test_sdk import connect
from tests.contract.writes_stripe import card_payer

pytestmark = pytest.mark.anyio


@pytest.fixture
def client(sandbox: Sandbox) -> stripe.StripeClient:
    return connect(sandbox)


def wanted(sandbox: Sandbox, client: stripe.StripeClient, *, delinquent: bool = False) -> Any:
    """Parameters of a payment of 12.50."""
    customer = card_payer(sandbox.world, delinquent=delinquent)
    methods = client.v1.customers.payment_methods.list(str(customer.payments_id)).data
    return {
        "amount": 1250,
        "currency": customer.currency.lower(),
        "customer": str(customer.payments_id),
        "payment_method": methods[0].id,
        "confirm": True,
        "off_session": True,
        "metadata": {"crm_id": customer.crm_id},
    }


def effects(sandbox: Sandbox) -> list[tuple[str, str | None]]:
    assert sandbox.front.effects is not None
    return [(effect.action, effect.key) for effect in sandbox.front.effects()]


async def test_the_sdk_sees_what_the_adapter_wrote(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    customer = card_payer(sandbox.world, delinquent=False)
    adapter = sandbox.adapter()
    amount = Money(Decimal("12.50"), customer.currency)
    changes = {
        "amount": amount,
        "customer_in_payments": customer.payments_id,
        "customer_in_crm": customer.crm_id,
    }
    id = await adapter.writer.perform(Write(Verb.COLLECT_PAYMENT, "4711", "cmd_collect", changes))
    part = {"amount": Money(Decimal("2.50"), customer.currency)}
    options = {"reason": "duplicate"}
    assert await adapter.writer.perform(Write(Verb.REFUND_PAYMENT, id, "cmd_refund", part, options)) == id
    await adapter.aclose()

    intent = client.v1.payment_intents.retrieve(id, {"expand": ["latest_charge.refunds"]})
    assert (intent.status, intent.amount_received, intent.currency) == (
        "succeeded",
        1250,
        customer.currency.lower(),
    )
    assert intent.metadata.to_dict() == {
        "erp_invoice_id": "4711",
        "crm_id": customer.crm_id,
        "fieldgate_command": "cmd_collect",
    }
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.refunds is not None
    (refund,) = intent.latest_charge.refunds.data
    assert (refund.amount, refund.reason) == (250, "duplicate")
    assert refund.metadata is not None
    assert refund.metadata.to_dict() == {"fieldgate_command": "cmd_refund"}
    events = client.v1.events.list({"types": ["charge.succeeded", "charge.refunded"], "limit": 2}).data
    assert [(event.type, event.request and event.request.idempotency_key) for event in events] == [
        ("charge.refunded", "cmd_refund"),
        ("charge.succeeded", "cmd_collect"),
    ]
    assert effects(sandbox) == [
        ("payment_intent.create", "cmd_collect"),
        ("refund.create", "cmd_refund"),
    ]


async def test_the_adapter_reads_what_the_sdk_wrote(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(wanted(sandbox, client))
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 50})
    adapter = sandbox.adapter()
    payments = adapter.resources[RecordType.PAYMENT]
    rows = await payments.read_many([intent.id], payments.fields.supplies())
    assert payments.fields.read(rows[intent.id], "status") is PaymentStatus.PARTIALLY_REFUNDED
    assert payments.fields.read(rows[intent.id], "amount_refunded").amount == Decimal("0.50")
    await adapter.aclose()


def test_a_key_gives_its_first_answer_again(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    params, options = wanted(sandbox, client), {"idempotency_key": "mine"}
    first = client.v1.payment_intents.create(params, options)
    again = client.v1.payment_intents.create(dict(reversed(params.items())), options)
    assert again.id == first.id
    assert again.last_response is not None
    assert first.last_response is not None
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.request_id
    assert effects(sandbox) == [("payment_intent.create", "mine")]
    with pytest.raises(stripe.IdempotencyError) as other:
        client.v1.payment_intents.create({**params, "amount": 1300}, options)
    assert other.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.refunds.create({"payment_intent": first.id}, options)
    assert effects(sandbox) == [("payment_intent.create", "mine")]


def test_a_key_is_forgotten_after_a_day(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    params, options = wanted(sandbox, client), {"idempotency_key": "mine"}
    first = client.v1.payment_intents.create(params, options)
    sandbox.store.execute("UPDATE stripe_idempotency_key SET created = created - ?", (KEPT_S - 60,))
    assert client.v1.payment_intents.create(params, options).id == first.id
    sandbox.store.execute("UPDATE stripe_idempotency_key SET created = created - 120")
    assert client.v1.payment_intents.create(params, options).id != first.id
    assert len(effects(sandbox)) == 2


def test_wrong_parameters_leave_a_key_unused_and_a_refusal_is_kept(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    params, options = wanted(sandbox, client), {"idempotency_key": "mine"}
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.create({"currency": "usd"}, options)  # type: ignore[arg-type]
    assert (missing.value.code, missing.value.param) == ("parameter_missing", "amount")
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.payment_intents.create({**params, "nonsense": 1}, options)
    assert unknown.value.code == "parameter_unknown"
    intent = client.v1.payment_intents.create(params, options)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.confirm(intent.id, options={"idempotency_key": "second"})
        assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.headers is not None
    assert refused.value.headers["idempotent-replayed"] == "true"
    assert effects(sandbox) == [("payment_intent.create", "mine")]


def test_a_declined_payment_is_there_and_its_answer_is_kept(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    params = wanted(sandbox, client, delinquent=True)
    ids: set[str] = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_intents.create(params, {"idempotency_key": "mine"})
        error = declined.value.error
        assert error is not None
        assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
        assert error.payment_intent is not None
        ids.add(error.payment_intent.id)
    intent = client.v1.payment_intents.retrieve(ids.pop())
    assert not ids
    assert intent.status == "requires_payment_method"
    assert intent.payment_method is None
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.payment_method is not None
    assert effects(sandbox) == [("payment_intent.create", "mine")]


@pytest.mark.parametrize(
    ("last4", "code", "decline_code"),
    [("0341", "card_declined", "generic_decline"), ("0069", "expired_card", None)],
)
def test_test_cards_are_declined_as_stripes_are(
    sandbox: Sandbox, client: stripe.StripeClient, last4: str, code: str, decline_code: str | None
) -> None:
    params = wanted(sandbox, client)
    method = sandbox.objects.get("payment_method", params["payment_method"])
    assert method is not None
    method["card"] |= {"brand": "visa", "last4": last4}
    sandbox.objects.replace(method)
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(params)
    assert declined.value.error is not None
    assert (declined.value.error.code, declined.value.error.decline_code) == (code, decline_code)


def test_refunds_are_refused_as_stripe_refuses_them(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(wanted(sandbox, client))
    before = len(effects(sandbox))
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1251})
    assert too_much.value.param == "amount"
    assert len(effects(sandbox)) == before
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 250})
    rest = client.v1.refunds.create({"payment_intent": intent.id})
    assert rest.amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert again.value.code == "charge_already_refunded"
    assert {refund.amount for refund in client.v1.refunds.list({"payment_intent": intent.id}).data} == {
        250,
        1000,
    }
    disputed = next(fact for fact in sandbox.world.payments if fact.status is PaymentStatus.DISPUTED)
    with pytest.raises(stripe.InvalidRequestError) as charged_back:
        client.v1.refunds.create({"payment_intent": disputed.id})
    assert charged_back.value.code == "charge_disputed"
    failed = next(fact for fact in sandbox.world.payments if fact.status is PaymentStatus.FAILED)
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.v1.refunds.create({"payment_intent": failed.id})


def test_funds_follow_charges_and_refunds(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    def funds(currency: str) -> int:
        return next(
            entry.amount for entry in client.v1.balance.retrieve().available if entry.currency == currency
        )

    params = wanted(sandbox, client)
    before = funds(params["currency"])
    intent = client.v1.payment_intents.create(params)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 250})
    assert funds(params["currency"]) == before + 1000


def test_an_intent_that_waits_is_confirmed_once(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    params = wanted(sandbox, client)
    waiting = {name: params[name] for name in ("amount", "currency", "customer")}
    intent = client.v1.payment_intents.create(waiting)  # type: ignore[arg-type]
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError) as without:
        client.v1.payment_intents.confirm(intent.id)
    assert without.value.code == "payment_intent_unexpected_state"
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": params["payment_method"]})
    assert paid.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.payment_intents.confirm(intent.id)
    assert twice.value.code == "payment_intent_unexpected_state"
