"""What the writer sends, what it makes of Stripe's refusals, and how sure it is of a lost answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
)
from adapters.contracts.values import Money
from adapters.contracts.vocabulary import PaymentStatus, RecordType
from adapters.contracts.writes import Settlement, Verb, Write
from adapters.emulation.faults import ErrorBody, Fault, Misbehaving
from adapters.stripe.client import StripeClient
from adapters.stripe.emulator.app import API_KEY
from adapters.stripe.manifest import MANIFEST
from adapters.stripe.writer import StripeWriter
from tests.adapters.stripe.conftest import Sandbox, spec
from tests.contract.writes_stripe import Account, card_payer
from tests.support.server import serving

pytestmark = pytest.mark.anyio


def collect(sandbox: Sandbox, key: str = "cmd_1", **changes: Any) -> Write:
    customer = card_payer(sandbox.world, delinquent=False)
    known = {
        "amount": Money(Decimal("12.50"), customer.currency),
        "customer_in_payments": customer.payments_id,
        "customer_in_crm": customer.crm_id,
    }
    return Write(Verb.COLLECT_PAYMENT, "4711", key, {**known, **changes})


def posts(sandbox: Sandbox) -> list[str]:
    return [call["path"] for call in sandbox.front.log.calls if call["method"] == "POST"]


async def test_each_write_is_one_read_and_one_post(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    account = Account(sandbox.base_url, sandbox.world)
    customer = card_payer(sandbox.world, delinquent=False)
    waiting, paid = account.payment(customer, description="later"), account.payment(customer)
    sandbox.front.log.clear()
    await adapter.writer.perform(collect(sandbox))
    assert sandbox.calls() == [
        f"/v1/customers/{customer.payments_id}/payment_methods?limit=100&expand%5B%5D=data.customer",
        "/v1/payment_intents",
    ]
    await adapter.writer.perform(Write(Verb.RETRY_PAYMENT, waiting, "cmd_2"))
    expand = "expand%5B%5D=customer.invoice_settings.default_payment_method"
    assert sandbox.calls() == [
        f"/v1/payment_intents/{waiting}?{expand}",
        f"/v1/payment_intents/{waiting}/confirm",
    ]
    await adapter.writer.perform(Write(Verb.REFUND_PAYMENT, paid, "cmd_3"))
    assert sandbox.calls() == [
        f"/v1/payment_intents/{paid}?expand%5B%5D=latest_charge",
        "/v1/refunds",
    ]
    await adapter.aclose()


async def test_stripes_description_knows_every_write(sandbox: Sandbox) -> None:
    described = spec("spec3-2022-04-12.json")["paths"]
    heard: list[tuple[str, str, bytes]] = []

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        async def recorded() -> Any:
            message = await receive()
            if message["type"] == "http.request" and scope["method"] == "POST":
                headers = dict(scope["headers"])
                heard.append((scope["path"], headers[b"idempotency-key"].decode(), message["body"]))
            return message

        await sandbox.front(scope, recorded, send)

    account = Account(sandbox.base_url, sandbox.world)
    customer = card_payer(sandbox.world, delinquent=False)
    waiting, paid = account.payment(customer, description="later"), account.payment(customer)
    with serving(listening) as base_url:
        adapter = sandbox.adapter(base_url=base_url)
        amount = {"amount": Money(Decimal(1), customer.currency)}
        for write in (
            collect(sandbox),
            Write(Verb.RETRY_PAYMENT, waiting, "cmd_2"),
            Write(Verb.REFUND_PAYMENT, paid, "cmd_3", amount, {"reason": "fraudulent"}),
            Write(Verb.REFUND_PAYMENT, paid, "cmd_4", {}, {"reason": "A word of ours"}),
        ):
            await adapter.writer.perform(write)
        await adapter.aclose()
    assert [key for _, key, _ in heard] == ["cmd_1", "cmd_2", "cmd_3", "cmd_4"]
    for path, _, body in heard:
        known = form_fields(described, path)
        for name, value in parse_qsl(body.decode()):
            name, _, _ = name.partition("[")
            assert name in known, (path, name)
            kinds = {kind.get("type") for kind in known[name].get("anyOf", [known[name]])}
            assert kinds & {"string", "object", "array"} or value.isdigit() or value == "true", (name, value)


def form_fields(described: Any, path: str) -> dict[str, Any]:
    for template, operations in described.items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path) and "post" in operations:
            content = operations["post"]["requestBody"]["content"]
            return content["application/x-www-form-urlencoded"]["schema"]["properties"]
    raise AssertionError(f"{path} is not described")


@pytest.mark.parametrize(
    ("changes", "fault", "code"),
    [
        ({"customer_in_payments": None}, Rejected, "no_customer"),
        ({"customer_in_payments": "cus_1/../x"}, Rejected, "no_customer"),
        ({"customer_in_payments": "cus_none"}, NotFound, "resource_missing"),
        ({"amount": Money(Decimal("1.001"), "USD")}, Rejected, None),
        ({"amount": None}, Rejected, None),
        ({"status": PaymentStatus.SUCCEEDED}, Rejected, None),
    ],
)
async def test_what_cannot_be_collected_is_refused_before_anything_is_posted(
    sandbox: Sandbox, changes: dict[str, Any], fault: type[SystemFault], code: str | None
) -> None:
    adapter = sandbox.adapter()
    with pytest.raises(fault) as refused:
        await adapter.writer.perform(collect(sandbox, **changes))
    assert refused.value.vendor_code == code
    assert posts(sandbox) == []
    await adapter.aclose()


async def test_a_customer_without_a_payment_method_cannot_be_charged(sandbox: Sandbox) -> None:
    customer = next(
        fact for fact in sandbox.world.customers if fact.payments_id and fact.payment_method is None
    )
    adapter = sandbox.adapter()
    with pytest.raises(Rejected) as refused:
        await adapter.writer.perform(collect(sandbox, customer_in_payments=customer.payments_id))
    assert refused.value.vendor_code == "no_payment_method"
    assert posts(sandbox) == []
    await adapter.aclose()


async def test_the_customers_default_is_charged_though_a_newer_method_is_there(sandbox: Sandbox) -> None:
    customer = card_payer(sandbox.world, delinquent=False)
    (default,) = sandbox.objects.newest(
        "payment_method", where={"customer": str(customer.payments_id)}, rows=5
    )
    sandbox.objects.put([{**default, "id": "pm_newer"}])
    adapter = sandbox.adapter()
    id = await adapter.writer.perform(collect(sandbox))
    intent = sandbox.objects.get("payment_intent", id)
    assert intent is not None
    assert intent["payment_method"] == default["id"]
    await adapter.aclose()


@pytest.mark.parametrize("id", ["pi_1/confirm", "", "ch_1", "pi_none"])
@pytest.mark.parametrize("verb", [Verb.RETRY_PAYMENT, Verb.REFUND_PAYMENT])
async def test_a_payment_stripe_does_not_have_is_not_found(sandbox: Sandbox, verb: Verb, id: str) -> None:
    adapter = sandbox.adapter()
    with pytest.raises(NotFound):
        await adapter.writer.perform(Write(verb, id, "cmd_1"))
    assert posts(sandbox) == []
    await adapter.aclose()


async def test_a_refund_in_another_currency_is_refused_before_it_is_sent(sandbox: Sandbox) -> None:
    fact = next(fact for fact in sandbox.world.payments if fact.status is PaymentStatus.SUCCEEDED)
    other = "EUR" if fact.customer.currency == "USD" else "USD"
    adapter = sandbox.adapter()
    amount = {"amount": Money(Decimal(1), other)}
    with pytest.raises(Rejected) as refused:
        await adapter.writer.perform(Write(Verb.REFUND_PAYMENT, fact.id, "cmd_1", amount))
    assert refused.value.vendor_code == "currency_mismatch"
    assert posts(sandbox) == []
    await adapter.aclose()


@pytest.mark.parametrize("status", [PaymentStatus.REFUNDED, PaymentStatus.DISPUTED, PaymentStatus.FAILED])
async def test_what_cannot_be_given_back_is_in_the_wrong_state(
    sandbox: Sandbox, status: PaymentStatus
) -> None:
    fact = next(fact for fact in sandbox.world.payments if fact.status is status)
    adapter = sandbox.adapter()
    with pytest.raises(Conflict) as refused:
        await adapter.writer.perform(Write(Verb.REFUND_PAYMENT, fact.id, "cmd_1"))
    assert refused.value.vendor_code == "wrong_state"
    await adapter.aclose()


async def test_a_seeded_failure_is_retried_with_the_customers_method(sandbox: Sandbox) -> None:
    fact = next(
        fact
        for fact in sandbox.world.payments
        if fact.status is PaymentStatus.FAILED and fact.customer == card_payer_of(fact)
    )
    adapter = sandbox.adapter()
    assert await adapter.writer.perform(Write(Verb.RETRY_PAYMENT, fact.id, "cmd_1")) == fact.id
    payments = adapter.resources[RecordType.PAYMENT]
    rows = await payments.read_many([fact.id], frozenset({"status", "failure"}))
    assert payments.fields.read(rows[fact.id], "status") is PaymentStatus.SUCCEEDED
    assert payments.fields.read(rows[fact.id], "failure") is None
    await adapter.aclose()


def card_payer_of(fact: Any) -> Any:
    """The customer, where a charge of them would succeed."""
    customer = fact.customer
    paying = customer.payment_method is not None and customer.payment_method.kind.name == "CARD"
    return customer if paying and not customer.delinquent else None


async def test_a_charge_of_somebody_elses_is_not_taken_for_ours(sandbox: Sandbox) -> None:
    account = Account(sandbox.base_url, sandbox.world)
    customer = card_payer(sandbox.world, delinquent=True)
    write = Write(Verb.RETRY_PAYMENT, account.payment(customer), "cmd_1")
    adapter = sandbox.adapter()
    assert (await adapter.writer.settle(write)).settlement is Settlement.NOT_DONE
    async with httpx.AsyncClient(base_url=sandbox.base_url, auth=(API_KEY, "")) as http:
        answer = await http.post(
            f"/v1/payment_intents/{write.record_id}/confirm",
            data={"payment_method": default_method(sandbox, str(customer.payments_id))},
            headers={"idempotency-key": "theirs"},
        )
    assert answer.status_code == 402
    assert (await adapter.writer.settle(write)).settlement is Settlement.NOT_DONE
    await adapter.writer.perform(write)
    assert (await adapter.writer.settle(write)).settlement is Settlement.DONE
    await adapter.aclose()


def default_method(sandbox: Sandbox, customer: str) -> str:
    document = sandbox.objects.get("customer", customer)
    assert document is not None
    return document["invoice_settings"]["default_payment_method"]


async def test_a_charge_whose_event_is_not_listed_yet_leaves_it_undecided(sandbox: Sandbox) -> None:
    account = Account(sandbox.base_url, sandbox.world)
    waiting = account.payment(card_payer(sandbox.world, delinquent=False), description="later")
    write = Write(Verb.RETRY_PAYMENT, waiting, "cmd_1")
    adapter = sandbox.adapter()
    await adapter.writer.perform(write)
    sandbox.store.execute("UPDATE stripe_object SET deleted = 1 WHERE object = 'event'")
    assert (await adapter.writer.settle(write)).settlement is Settlement.UNDECIDED
    sandbox.store.execute("UPDATE stripe_object SET deleted = 0 WHERE object = 'event'")
    settled = await adapter.writer.settle(write)
    assert (settled.settlement, settled.record_id) == (Settlement.DONE, waiting)
    await adapter.aclose()


async def test_seeded_charges_have_the_events_that_settling_needs(sandbox: Sandbox) -> None:
    now = datetime.combine(sandbox.world.today, time(), UTC).timestamp()
    settings: Any = MANIFEST.settings.model_validate({"base_url": sandbox.base_url, "api_key": API_KEY})
    client = StripeClient(settings)
    writer = StripeWriter(client, sandbox.adapter().resources[RecordType.PAYMENT].fields, lambda: now)
    failed = [fact for fact in sandbox.world.payments if fact.status is PaymentStatus.FAILED]
    for fact in failed[-20:]:
        settled = await writer.settle(Write(Verb.RETRY_PAYMENT, fact.id, "cmd_1"))
        assert settled.settlement is Settlement.NOT_DONE
    await client.aclose()


async def test_a_marker_is_found_behind_a_hundred_newer_payments(sandbox: Sandbox) -> None:
    adapter, write = sandbox.adapter(), collect(sandbox)
    id = await adapter.writer.perform(write)
    intent = sandbox.objects.get("payment_intent", id)
    assert intent is not None
    sandbox.objects.put({**intent, "id": f"pi_newer{number}", "metadata": {}} for number in range(120))
    sandbox.front.log.clear()
    settled = await adapter.writer.settle(write)
    assert (settled.settlement, settled.record_id) == (Settlement.DONE, id)
    assert len(sandbox.calls()) == 2
    await adapter.aclose()


async def test_a_key_in_use_is_settled_and_not_done_twice(sandbox: Sandbox) -> None:
    """The first caller is gone, but Stripe does not know it yet."""
    adapter, write = sandbox.adapter(deadline_s=30), collect(sandbox)
    sandbox.front.arm(Fault("hold", method="POST", seconds=60))
    first = asyncio.create_task(adapter.writer.perform(write))
    assert sandbox.front.effects is not None
    while not sandbox.front.effects():
        assert (await adapter.resources[RecordType.PAYMENT].read_many(["pi_none"], frozenset({"id"}))) == {}
    with pytest.raises(OutcomeUnknown) as in_use:
        await adapter.writer.perform(write)
    assert in_use.value.vendor_code == "idempotency_key_in_use"
    settled = await adapter.writer.settle(write)
    assert settled.settlement is Settlement.DONE
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    assert len(sandbox.front.effects()) == 1
    await adapter.aclose()


async def test_a_key_with_other_parameters_is_news_of_an_earlier_attempt(sandbox: Sandbox) -> None:
    """As when the customer's default payment method changed between two attempts."""
    adapter, write = sandbox.adapter(), collect(sandbox)
    id = await adapter.writer.perform(write)
    customer = sandbox.objects.get("customer", write.changes["customer_in_payments"])
    assert customer is not None
    method = sandbox.objects.get("payment_method", customer["invoice_settings"]["default_payment_method"])
    sandbox.objects.put([{**(method or {}), "id": "pm_newer"}])
    customer["invoice_settings"]["default_payment_method"] = "pm_newer"
    sandbox.objects.replace(customer)
    with pytest.raises(OutcomeUnknown) as other:
        await adapter.writer.perform(write)
    assert other.value.vendor_code == "idempotency_error"
    settled = await adapter.writer.settle(write)
    assert (settled.settlement, settled.record_id) == (Settlement.DONE, id)
    await adapter.aclose()


async def test_nobody_there_is_unreachable(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(base_url="http://127.0.0.1:9")
    for write in (collect(sandbox), Write(Verb.RETRY_PAYMENT, "pi_1", "cmd_1")):
        with pytest.raises(Unreachable):
            await adapter.writer.perform(write)
    await adapter.aclose()


@pytest.mark.parametrize(
    ("status", "error", "headers", "expected"),
    [
        (400, {"type": "invalid_request_error", "param": "amount"}, {}, Rejected),
        (400, {"type": "invalid_request_error", "code": "rate_limit"}, {}, Throttled),
        (400, {}, {}, Malformed),
        (401, {"type": "invalid_request_error"}, {}, Unauthorised),
        (402, {"type": "card_error", "code": "card_declined"}, {}, Rejected),
        (402, {}, {}, Malformed),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, {}, NotFound),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, {}, OutcomeUnknown),
        (
            409,
            {"type": "idempotency_error", "code": "idempotency_key_in_use"},
            {"stripe-should-retry": "true"},
            OutcomeUnknown,
        ),
        (409, {"type": "invalid_request_error"}, {"stripe-should-retry": "true"}, Throttled),
        (424, {"type": "api_error"}, {}, OutcomeUnknown),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, {}, Throttled),
        (500, {"type": "api_error"}, {"stripe-should-retry": "false"}, OutcomeUnknown),
    ],
)
async def test_errors_of_writes_become_faults(
    sandbox: Sandbox, status: int, error: Any, headers: dict[str, str], expected: type[SystemFault]
) -> None:
    body: Any = {"error": {"message": "quotes secret@example.com", **error}}
    front = Misbehaving(sandbox.front, lambda *_: ErrorBody(body, headers=(*headers.items(),)))
    front.arm(Fault("error", status=status, method="POST"))
    with serving(front) as base_url:
        adapter = sandbox.adapter(base_url=base_url)
        with pytest.raises(expected) as raised:
            await adapter.writer.perform(collect(sandbox))
        await adapter.aclose()
    assert type(raised.value) is expected
    assert "secret@example.com" not in str(raised.value)
