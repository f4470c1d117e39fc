"""Stripe's events: Stripe's own library as the witness of signatures and lists, then each kind of event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe

from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.events import Notice, Unverified
from adapters.contracts.values import Money
from adapters.contracts.vocabulary import BusinessEventType, PaymentStatus, RecordType
from adapters.contracts.writes import Verb, Write
from adapters.emulation.faults import Fault
from adapters.emulation.life import Life
from adapters.stripe.emulator.events import WEBHOOK_SECRET
from adapters.stripe.emulator.life import LIFE
from tests.adapters.stripe.conftest import Sandbox, spec
from tests.adapters.stripe.test_sdk import connect
from tests.contract.writes_stripe import card_payer
from tests.support.receiver import Receiver
from tests.support.server import serving

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BODY = b'{"id": "evt_1", "object": "event", "amount": 1250}'


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    """The endpoint that the sandbox's webhooks go to."""
    app = Receiver()
    with serving(app) as url:
        httpx.put(
            f"{sandbox.base_url}/_emulator/webhooks", json={"url": f"{url}/hook"}, trust_env=False
        ).raise_for_status()
        yield app


async def collect(sandbox: Sandbox, *, delinquent: bool = False, key: str = "cmd_collect") -> str:
    customer = card_payer(sandbox.world, delinquent=delinquent)
    changes = {
        "amount": Money(Decimal("12.50"), customer.currency),
        "customer_in_payments": customer.payments_id,
        "customer_in_crm": customer.crm_id,
    }
    adapter = sandbox.adapter()
    try:
        return await adapter.writer.perform(Write(Verb.COLLECT_PAYMENT, "4711", key, changes))
    finally:
        await adapter.aclose()


def source(sandbox: Sandbox, **settings: Any) -> Any:
    return sandbox.adapter(**settings).events


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Headers as Stripe's own library signs them."""
    moment = int(at.timestamp())
    mac = stripe.WebhookSignature._compute_signature(f"{moment}.{body.decode()}", secret)
    return {"stripe-signature": f"t={moment},v1={mac},v0=anything"}


# Proof of origin


async def test_the_sdk_verifies_what_the_emulator_sends(sandbox: Sandbox, receiver: Receiver) -> None:
    await collect(sandbox)
    heard = receiver.wait_for(3)
    events = [
        stripe.Webhook.construct_event(each.body, each.headers["stripe-signature"], WEBHOOK_SECRET)
        for each in heard
    ]
    assert {event.type for event in events} == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    for each in heard:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(
                each.body.replace(b"1250", b"1251"), each.headers["stripe-signature"], WEBHOOK_SECRET
            )
        source(sandbox).verify(each.headers, each.body, datetime.now(UTC), None)


async def test_what_the_sdk_signs_is_accepted(sandbox: Sandbox) -> None:
    events = source(sandbox, webhook_secrets=["whsec_new", "whsec_old"])
    for secret in ("whsec_new", "whsec_old"):
        events.verify(signed(BODY, secret, NOW), BODY, NOW, None)
    both = signed(BODY, "whsec_foreign", NOW)["stripe-signature"]
    both += "," + signed(BODY, "whsec_old", NOW)["stripe-signature"].partition(",")[2]
    events.verify({"stripe-signature": both}, BODY, NOW, None)


@pytest.mark.parametrize("place", range(0, len(BODY), 7))
async def test_a_body_altered_by_one_byte_is_refused(sandbox: Sandbox, place: int) -> None:
    altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    with pytest.raises(Unverified):
        source(sandbox).verify(signed(BODY, WEBHOOK_SECRET, NOW), altered, NOW, None)


@pytest.mark.parametrize(("age_s", "accepted"), [(0, True), (300, True), (301, False), (-301, False)])
async def test_the_time_of_a_signature(sandbox: Sandbox, age_s: int, accepted: bool) -> None:
    headers = signed(BODY, WEBHOOK_SECRET, NOW - timedelta(seconds=age_s))
    if accepted:
        source(sandbox).verify(headers, BODY, NOW, None)
    else:
        with pytest.raises(Unverified):
            source(sandbox).verify(headers, BODY, NOW, None)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        "t=x,v1=00",
        "t=1,t=2,v1=00",
        "t=-1,v1=00",
        "t=1,v1=é",
        "t=1,v0=00",
        ",,,==",
        "t=١,v1=00",
    ],
)
async def test_headers_that_prove_nothing(sandbox: Sandbox, header: str) -> None:
    with pytest.raises(Unverified):
        source(sandbox).verify({"stripe-signature": header}, BODY, NOW, None)


async def test_a_foreign_secret_and_no_secret_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(Unverified):
        source(sandbox).verify(signed(BODY, "whsec_foreign", NOW), BODY, NOW, None)
    with pytest.raises(Unverified):
        source(sandbox).verify({}, BODY, NOW, None)
    with pytest.raises(Unverified):
        source(sandbox, webhook_secrets=[]).verify(signed(BODY, "", NOW), BODY, NOW, None)
    with pytest.raises(ValueError, match="empty"):
        source(sandbox, webhook_secrets=[""])


# What events say


def notices(sandbox: Sandbox, receiver: Receiver, deliveries: int) -> list[Notice]:
    """What is told, in the order of the notices' versions; events of no concern tell nothing."""
    events = source(sandbox)
    told = [notice for each in receiver.wait_for(deliveries) for notice in events.parse(each.body)]
    return sorted(told, key=lambda notice: notice.version or 0)


async def test_a_payment_and_its_refund(sandbox: Sandbox, receiver: Receiver) -> None:
    id = await collect(sandbox)
    adapter = sandbox.adapter()
    await adapter.writer.perform(Write(Verb.REFUND_PAYMENT, id, "cmd_refund", {}, {}))
    found = notices(sandbox, receiver, 5)
    assert [(each.event, each.status, each.command_key) for each in found] == [
        (BusinessEventType.PAYMENT_CREATED, PaymentStatus.PENDING, "cmd_collect"),
        (BusinessEventType.PAYMENT_SUCCEEDED, PaymentStatus.SUCCEEDED, "cmd_collect"),
        (BusinessEventType.PAYMENT_REFUNDED, PaymentStatus.REFUNDED, "cmd_refund"),
    ]
    customer = card_payer(sandbox.world, delinquent=False)
    assert {(each.type, each.record_id, each.customer_in_crm) for each in found} == {
        (RecordType.PAYMENT, id, customer.crm_id)
    }
    resource = adapter.resources[RecordType.PAYMENT]
    row = (await resource.read_many([id], frozenset({"status"})))[id]
    assert resource.fields.read(row, "status") == found[-1].status
    await adapter.aclose()


async def test_a_payment_that_fails(sandbox: Sandbox, receiver: Receiver) -> None:
    id = await collect(sandbox, delinquent=True)
    (_, failed) = notices(sandbox, receiver, 3)
    assert (failed.event, failed.status, failed.record_id) == (
        BusinessEventType.PAYMENT_FAILED,
        PaymentStatus.FAILED,
        id,
    )
    assert failed.summary == f"{id} failed"


async def test_everything_that_happens_by_itself_is_understood(sandbox: Sandbox, receiver: Receiver) -> None:
    """After each, what the last notice says is what a reader reads."""
    life = Life(sandbox.store, [("stripe", happening) for happening in LIFE], seed=7)
    for _ in range(60):
        life.step()
    assert sandbox.front.webhooks is not None
    events = source(sandbox)
    told = [
        notice
        for each in receiver.wait_for(sandbox.front.webhooks.counts()["events"])
        for notice in events.parse(each.body)
    ]
    assert {notice.event for notice in told if notice.event} == events.gives
    last: dict[str, set[Any]] = {}
    for id in {notice.record_id for notice in told if notice.type is RecordType.PAYMENT}:
        newest = max(notice.version or 0 for notice in told if notice.record_id == id)
        last[id] = {notice.status for notice in told if notice.record_id == id and notice.version == newest}
    adapter = sandbox.adapter()
    resource = adapter.resources[RecordType.PAYMENT]
    rows = await resource.read_many(list(last), frozenset({"status"}))
    read = {id: resource.fields.read(row, "status") for id, row in rows.items()}
    # A tie is settled by reading; there are few, though all of it happens within a second or two.
    assert all(read[id] in statuses for id, statuses in last.items())
    assert sum(len(statuses) > 1 for statuses in last.values()) < len(last) / 10
    await adapter.aclose()


def event(type: str, about: dict[str, Any], **more: Any) -> bytes:
    envelope = {"id": "evt_1", "object": "event", "type": type, "created": 1_790_000_000, **more}
    return json.dumps({**envelope, "data": {"object": about}}).encode()


@pytest.mark.parametrize(
    "type", ["charge.dispute.closed", "charge.dispute.funds_reinstated", "refund.failed"]
)
async def test_what_does_not_tell_the_status_is_read_again(sandbox: Sandbox, type: str) -> None:
    (notice,) = source(sandbox).parse(event(type, {"object": "dispute", "payment_intent": "pi_1"}))
    assert (notice.record_id, notice.status, notice.version) == ("pi_1", None, None)


@pytest.mark.parametrize(
    "type", ["charge.refunded", "charge.dispute.created", "invoice.paid", "customer.tax_id.created"]
)
async def test_what_concerns_no_payment_of_the_graph_tells_nothing(sandbox: Sandbox, type: str) -> None:
    assert source(sandbox).parse(event(type, {"payment_intent": None})) == ()


async def test_a_method_that_was_detached_names_its_customer(sandbox: Sandbox) -> None:
    body = json.loads(event("payment_method.detached", {"id": "pm_1", "customer": None}))
    body["data"]["previous_attributes"] = {"customer": "cus_1"}
    (notice,) = source(sandbox).parse(json.dumps(body).encode())
    assert (notice.type, notice.record_id) == (RecordType.CUSTOMER, "cus_1")


async def test_an_unknown_status_is_no_exception(sandbox: Sandbox) -> None:
    intent = {"id": "pi_1", "status": "requires_review", "metadata": {}, "last_payment_error": None}
    (notice,) = source(sandbox).parse(event("payment_intent.processing", intent))
    assert (notice.status, notice.version) == (PaymentStatus.UNKNOWN, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"id": ""}',
        event("payment_intent.succeeded", {}),
        event("customer.updated", {"id": "cus_1", "metadata": 7}),
        event("x", {}, created="soon"),
        event("x", {}, object="charge"),
        b"[" * 100_000,
    ],
)
async def test_rubbish_is_malformed(sandbox: Sandbox, body: bytes) -> None:
    with pytest.raises(Malformed):
        source(sandbox).parse(body)


async def test_stripes_own_objects_are_understood(sandbox: Sandbox) -> None:
    fixtures = spec("fixtures3-2026-08-21.json")["resources"]
    fixtures["charge"]["payment_intent"] = fixtures["dispute"]["payment_intent"] = "pi_1"
    for type, name in (
        ("payment_intent.succeeded", "payment_intent"),
        ("charge.refunded", "charge"),
        ("charge.dispute.created", "dispute"),
        ("customer.updated", "customer"),
        ("payment_method.attached", "payment_method"),
    ):
        fixtures["payment_method"]["customer"] = "cus_1"
        assert len(source(sandbox).parse(event(type, fixtures[name]))) == 1
    dispute = sandbox.objects.newest("dispute", where={}, rows=1)
    life = Life(sandbox.store, [("stripe", each) for each in LIFE if "disputed" in each.name], seed=1)
    while not dispute:
        life.step()
        dispute = sandbox.objects.newest("dispute", where={}, rows=1)
    assert dispute[0].keys() == fixtures["dispute"].keys()


# The list


async def test_the_sdk_lists_what_the_emulator_sent(sandbox: Sandbox, receiver: Receiver) -> None:
    await collect(sandbox)
    heard = {json.loads(each.body)["id"] for each in receiver.wait_for(3)}
    listed = connect(sandbox).v1.events.list({"limit": 3}).data
    assert {each.id for each in listed} == heard
    assert connect(sandbox).v1.events.retrieve(listed[0].id).type == listed[0].type


@pytest.mark.parametrize("shrink", [False, True])
async def test_catching_up_gives_every_event_once_and_in_order(sandbox: Sandbox, shrink: bool) -> None:
    events = source(sandbox)
    begun = await events.fetch(None)
    assert (list(begun.messages), begun.more) == ([], False)
    life = Life(sandbox.store, [("stripe", happening) for happening in LIFE], seed=7)
    for _ in range(150):
        life.step()
    if shrink:
        sandbox.front.arm(Fault("shrink", path="/v1/events", times=2))
    messages, mark, more = [], begun.mark, True
    while more:
        batch = await events.fetch(mark)
        messages += batch.messages
        mark, more = batch.mark, batch.more
    keys = [key for key, _ in messages]
    assert len(keys) > 200
    assert len(set(keys)) == len(keys)
    wanted = [
        each["id"]
        for each in reversed(sandbox.objects.newest("event", where={}, rows=1000))
        if each["request"]["id"] is None and events.parse(json.dumps(each).encode())
    ]
    assert [key for key, body in messages if events.parse(body)] == wanted
    assert all(events.key(body) == key for key, body in messages)


async def test_a_mark_older_than_the_list_begins_at_its_end(sandbox: Sandbox) -> None:
    events = source(sandbox)
    life = Life(sandbox.store, [("stripe", happening) for happening in LIFE], seed=7)
    for _ in range(150):
        life.step()
    batch = await events.fetch("1.evt_forgotten")
    assert batch.more
    following = await events.fetch(batch.mark)
    kept = sandbox.objects.newest("event", where={}, rows=5000)
    oldest = [each["id"] for each in reversed(kept) if events.parse(json.dumps(each).encode())]
    read = [key for part in (batch, following) for key, _ in part.messages]
    assert read == oldest[: len(read)]
    with pytest.raises(Rejected):
        await events.fetch("nonsense")


async def test_a_fetch_at_the_head_repeats_only_what_is_new(sandbox: Sandbox) -> None:
    """Events of the last minute are read again: others could still slip in before them."""
    events = source(sandbox)
    mark = (await events.fetch(None)).mark
    await collect(sandbox)
    first = await events.fetch(mark)
    second = await events.fetch(first.mark)
    assert [key for key, _ in second.messages] == [key for key, _ in first.messages]
    assert (first.more, second.more) == (False, False)
