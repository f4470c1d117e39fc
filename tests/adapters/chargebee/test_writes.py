"""What the adapter writes, as the vendor's own SDK sees it, and how it reads what Chargebee refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from chargebee import InvalidRequestError, OperationFailedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.emulator.idempotency import KEY
from adapters.chargebee.emulator.seed import item_price_id
from adapters.chargebee.manifest import MANIFEST
from adapters.contracts.errors import Conflict, NotFound, OutcomeUnknown, Rejected, Throttled, Unreachable
from adapters.contracts.vocabulary import SubscriptionStatus as S
from adapters.contracts.writes import Settlement, Verb, Write, Writer
from tests.adapters.chargebee.conftest import Fresh, Site, effects, other_plan
from tests.support.server import serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def writer(site: Site):
    adapter = site.adapter()
    yield adapter.writer
    await adapter.aclose()


def amendment(record_id: str, key: str, effective: str = "NOW", **changes: Any) -> Write:
    return Write(Verb.AMEND_SUBSCRIPTION, record_id, key, changes, {"effective": effective})


def posted(site: Site) -> list[str]:
    return [call["path"].rpartition("/")[2] for call in site.front.log.calls if call["method"] == "POST"]


async def test_the_sdk_sees_what_the_adapter_wrote(site: Site, fresh: Fresh, writer: Writer) -> None:
    record_id, fact = fresh(S.ACTIVE)
    client, code = site.sdk().Subscription, other_plan(site, fact, fact.plan.period_months)
    before = client.retrieve(record_id).subscription

    await writer.perform(amendment(record_id, "cmd_a", plan_code=code, quantity=33))
    amended = client.retrieve(record_id).subscription
    (item,) = amended.subscription_items
    assert (item.item_price_id, item.quantity, item.amount) == (code, 33, 33 * item.unit_price)
    assert amended.resource_version > before.resource_version
    assert amended.updated_at > before.updated_at
    assert amended.current_term_end == before.current_term_end

    await writer.perform(Write(Verb.PAUSE_SUBSCRIPTION, record_id, "cmd_b"))
    paused = client.retrieve(record_id).subscription
    assert (paused.status, paused.next_billing_at, paused.mrr) == ("paused", None, 0)
    await writer.perform(Write(Verb.RESUME_SUBSCRIPTION, record_id, "cmd_c"))
    resumed = client.retrieve(record_id).subscription
    assert (resumed.status, resumed.next_billing_at) == ("active", before.next_billing_at)

    options = {"effective": "END_OF_TERM", "reason": "Not used"}
    await writer.perform(Write(Verb.CANCEL_SUBSCRIPTION, record_id, "cmd_d", options=options))
    ending = client.retrieve(record_id).subscription
    assert (ending.status, ending.cancelled_at) == ("non_renewing", before.current_term_end + 1)
    assert ending.cancel_reason_code == "Not used"
    await writer.perform(Write(Verb.REACTIVATE_SUBSCRIPTION, record_id, "cmd_e"))
    kept = client.retrieve(record_id).subscription
    assert (kept.status, kept.cancelled_at, kept.cancel_reason_code) == ("active", None, None)

    now = {"effective": "NOW", "reason": "words of their own"}
    await writer.perform(Write(Verb.CANCEL_SUBSCRIPTION, record_id, "cmd_f", options=now))
    cancelled = client.retrieve(record_id).subscription
    assert (cancelled.status, cancelled.cancel_reason_code) == ("cancelled", None)
    await writer.perform(Write(Verb.REACTIVATE_SUBSCRIPTION, record_id, "cmd_g"))
    again = client.retrieve(record_id).subscription
    assert (again.status, again.next_billing_at) == ("active", again.current_term_end + 1)
    assert again.current_term_start >= cancelled.cancelled_at
    assert effects(site, record_id) == [
        ("update_for_items", "cmd_a"),
        ("pause", "cmd_b"),
        ("resume", "cmd_c"),
        ("cancel_for_items", "cmd_d"),
        ("remove_scheduled_cancellation", "cmd_e"),
        ("cancel_for_items", "cmd_f"),
        ("reactivate", "cmd_g"),
    ]


async def test_a_change_for_the_next_term_is_seen_with_scheduled_changes(
    site: Site, fresh: Fresh, writer: Writer
) -> None:
    record_id, fact = fresh(S.ACTIVE)
    client, code = site.sdk().Subscription, other_plan(site, fact, 12)
    await writer.perform(amendment(record_id, "cmd_s1", "END_OF_TERM", plan_code=code))
    assert client.retrieve(record_id).subscription.has_scheduled_changes is True
    # What is not named stays as it will be, not as it is.
    second = amendment(record_id, "cmd_s2", "END_OF_TERM", quantity=fact.quantity + 1)
    assert (await writer.settle(second)).settlement is Settlement.NOT_DONE
    await writer.perform(second)
    for write in (second, amendment(record_id, "cmd_s3", "END_OF_TERM", plan_code=code)):
        assert (await writer.settle(write)).settlement is Settlement.DONE
    planned = client.retrieve_with_scheduled_changes(record_id).subscription
    (item,) = planned.subscription_items
    assert (item.item_price_id, item.quantity) == (code, fact.quantity + 1)
    assert (planned.billing_period, planned.billing_period_unit) == (1, "year")
    (current,) = client.retrieve(record_id).subscription.subscription_items
    assert (current.item_price_id, current.quantity) == (
        item_price_id(fact.plan, fact.customer.currency),
        fact.quantity,
    )

    with pytest.raises(OperationFailedError) as refused:
        client.pause(record_id)
    assert refused.value.http_status_code == 409
    with pytest.raises(Conflict) as conflict:
        await writer.perform(Write(Verb.PAUSE_SUBSCRIPTION, record_id, "cmd_s4"))
    assert conflict.value.vendor_code == "wrong_state"
    assert client.remove_scheduled_changes(record_id).subscription.has_scheduled_changes is False
    with pytest.raises(InvalidRequestError) as none_left:
        client.remove_scheduled_changes(record_id)
    assert none_left.value.http_status_code == 409
    assert (await writer.settle(second)).settlement is Settlement.NOT_DONE


async def test_reads_before_a_write_only_where_the_api_needs_one(
    site: Site, fresh: Fresh, writer: Writer
) -> None:
    record_id, fact = fresh(S.ACTIVE)
    code = item_price_id(fact.plan, fact.customer.currency)
    now = {"effective": "NOW"}
    expected = [
        (amendment(record_id, "cmd_r1", plan_code=code, quantity=41), ["POST"]),
        (amendment(record_id, "cmd_r2", quantity=42), ["GET", "POST"]),
        (Write(Verb.PAUSE_SUBSCRIPTION, record_id, "cmd_r3"), ["POST"]),
        (Write(Verb.RESUME_SUBSCRIPTION, record_id, "cmd_r4"), ["POST"]),
        (Write(Verb.CANCEL_SUBSCRIPTION, record_id, "cmd_r5", options=now), ["POST"]),
        (Write(Verb.REACTIVATE_SUBSCRIPTION, record_id, "cmd_r6"), ["GET", "POST"]),
    ]
    for write, methods in expected:
        site.front.log.clear()
        await writer.perform(write)
        assert [call["method"] for call in site.front.log.calls] == methods, write.verb


async def test_an_earlier_attempt_in_another_form_is_found_in_the_record(
    site: Site, fresh: Fresh, writer: Writer
) -> None:
    """The first attempt removed the scheduled end; by now there is none, so the second is a reactivation."""
    record_id, _ = fresh(S.NON_RENEWING)
    write = Write(Verb.REACTIVATE_SUBSCRIPTION, record_id, "cmd_t1")
    site.front.log.clear()
    assert await writer.perform(write) == await writer.perform(write) == record_id
    assert posted(site) == ["remove_scheduled_cancellation", "reactivate"]
    assert effects(site, record_id) == [("remove_scheduled_cancellation", "cmd_t1")]
    # Where the record is not as wanted, it stays open.
    await writer.perform(
        amendment(record_id, "cmd_t2", plan_code=other_plan_of(site, record_id), quantity=50)
    )
    await writer.perform(amendment(record_id, "cmd_t3", quantity=51))
    reused = amendment(record_id, "cmd_t3", quantity=52)
    with pytest.raises(OutcomeUnknown):
        await writer.perform(reused)
    assert (await writer.settle(reused)).settlement is Settlement.NOT_DONE


def other_plan_of(site: Site, record_id: str) -> str:
    item = site.sdk().Subscription.retrieve(record_id).subscription.subscription_items[0]
    currency = item.item_price_id.split("-")[1]
    codes = [item_price_id(plan, currency) for plan in site.world.plans]
    return next(code for code in codes if code != item.item_price_id)


@pytest.mark.parametrize(
    "write",
    [
        amendment("AzAny", "cmd_x"),
        amendment("AzAny", "cmd_x", plan_code=None, quantity=3),
        amendment("AzAny", "cmd_x", quantity=True),
        amendment("AzAny", "cmd_x", quantity="3"),
        amendment("AzAny", "cmd_x", "LATER", quantity=3, plan_code="team-USD-Yearly"),
        Write(Verb.CANCEL_SUBSCRIPTION, "AzAny", "cmd_x"),
    ],
)
async def test_what_cannot_be_meant_is_rejected_before_anything_is_sent(
    site: Site, writer: Writer, write: Write
) -> None:
    site.front.log.clear()
    with pytest.raises(Rejected):
        await writer.perform(write)
    assert site.front.log.calls == []


@pytest.mark.parametrize("record_id", ["", ".", "..", "a\nb", "x" * 51])
async def test_an_id_that_chargebee_cannot_have_given_is_not_found(
    site: Site, writer: Writer, record_id: str
) -> None:
    write = Write(Verb.PAUSE_SUBSCRIPTION, record_id, "cmd_y")
    site.front.log.clear()
    with pytest.raises(NotFound):
        await writer.perform(write)
    assert (await writer.settle(write)).settlement is Settlement.NOT_DONE
    assert site.front.log.calls == []


@pytest.mark.parametrize("record_id", ["AzNoSuchSubscription", "../customers", "a/b?c=d#e"])
async def test_an_id_is_one_step_of_the_path(site: Site, writer: Writer, record_id: str) -> None:
    site.front.log.clear()
    for verb in (Verb.PAUSE_SUBSCRIPTION, Verb.REACTIVATE_SUBSCRIPTION):
        with pytest.raises(NotFound):
            await writer.perform(Write(verb, record_id, "cmd_z"))
    assert all(call["path"].startswith("/api/v2/subscriptions/") for call in site.front.log.calls)
    assert all(call["query"] == "" for call in site.front.log.calls)


class Answering:
    """A site that answers every write in one way, and keeps what it was sent."""

    def __init__(self, status: int, body: Any) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.keys: list[str | None] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])
        self._status, self._body = status, body

    async def _answer(self, request: Request) -> Response:
        if request.method == "POST":
            self.forms.append(parse_qs((await request.body()).decode()))
            self.keys.append(request.headers.get(KEY))
        return JSONResponse(self._body, self._status)


async def perform_at(base_url: str, write: Write) -> None:
    adapter = MANIFEST.connect("billing", MANIFEST.settings.model_validate(EMULATOR.settings(base_url)))
    try:
        assert adapter.writer is not None
        await adapter.writer.perform(write)
    finally:
        await adapter.aclose()


@pytest.mark.parametrize(
    ("status", "code", "message", "fault", "vendor_code"),
    [
        # Two requests with one key at the same time: the second is told so, in the words of a wrong state.
        (
            409,
            "invalid_state_for_request",
            "The previous request is still in progress. Please retry the request",
            OutcomeUnknown,
            "invalid_state_for_request",
        ),
        (409, "invalid_state_for_request", "Jane Roe's subscription is paused", Conflict, "wrong_state"),
        (409, "invalid_state_for_pause", "Jane Roe's subscription is paused", Conflict, "wrong_state"),
        (429, "lock_timeout", "locked", Throttled, "lock_timeout"),
        (400, "payment_processing_failed", "Jane Roe's card was declined", Rejected, None),
        (404, "resource_not_found", "Jane Roe not found", NotFound, None),
        (503, "site_not_ready", "wait", Unreachable, None),
        (500, "internal_error", "idempotency store", OutcomeUnknown, "internal_error"),
        (502, None, "", OutcomeUnknown, None),
    ],
)
async def test_a_refused_write_is_read_with_care(
    status: int, code: str | None, message: str, fault: type[Exception], vendor_code: str | None
) -> None:
    body = {} if code is None else {"api_error_code": code, "message": message}
    site = Answering(status, body)
    with serving(site.app) as base_url, pytest.raises(fault) as refused:
        await perform_at(base_url, Write(Verb.PAUSE_SUBSCRIPTION, "AzAny", "cmd_k"))
    assert site.keys == ["cmd_k"]
    assert "Jane" not in str(refused.value)
    if vendor_code is not None:
        assert getattr(refused.value, "vendor_code", None) == vendor_code


async def test_what_is_kept_is_sent_as_it_is_read() -> None:
    item = {
        "item_price_id": "seats-USD",
        "item_type": "plan",
        "quantity_in_decimal": "2.5",
        "unit_price": 100,
    }
    site = Answering(200, {"subscription": {"id": "AzAny", "subscription_items": [item]}})
    with serving(site.app) as base_url:
        await perform_at(base_url, amendment("AzAny", "cmd_m", plan_code="desks-USD"))
        await perform_at(base_url, amendment("AzAny", "cmd_n", quantity=4))
    price, quantity = "subscription_items[item_price_id][0]", "subscription_items[quantity][0]"
    common = {"end_of_term": ["false"], "reactivate": ["false"]}
    assert site.forms == [
        {price: ["desks-USD"], "subscription_items[quantity_in_decimal][0]": ["2.5"], **common},
        {price: ["seats-USD"], quantity: ["4"], **common},
    ]


async def test_a_site_that_cannot_be_reached_was_never_written_to() -> None:
    with pytest.raises(Unreachable):
        await perform_at("http://127.0.0.1:9", Write(Verb.PAUSE_SUBSCRIPTION, "AzAny", "cmd_u"))
