"""The operations on a subscription in the emulator, driven by the vendor's own SDK."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from chargebee import InvalidRequestError, Subscription
from chargebee.models.enums import PauseOption

from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.emulator.app import create_app
from adapters.chargebee.emulator.idempotency import KEY, REPLAYED, WINDOW_S
from adapters.chargebee.emulator.operations import OPERATIONS
from adapters.chargebee.emulator.seed import item_price_id
from adapters.contracts.vocabulary import SubscriptionStatus as S
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from tests.adapters.chargebee.conftest import Fresh, Site, effects, other_plan
from tests.support.server import serving

PARAMS = {
    "update_for_items": "UpdateForItemsParams",
    "pause": "PauseParams",
    "resume": "ResumeParams",
    "cancel_for_items": "CancelForItemsParams",
    "reactivate": "ReactivateParams",
    "remove_scheduled_cancellation": "RemoveScheduledCancellationParams",
    "remove_scheduled_changes": None,
}


def test_the_sdk_s_own_keys_are_replayed(site: Site, fresh: Fresh) -> None:
    record_id, _ = fresh(S.ACTIVE)
    client = site.sdk().Subscription
    params = {"pause_option": PauseOption.IMMEDIATELY}
    first = client.pause(record_id, params, headers={KEY: "sdk-1"})
    again = client.pause(record_id, params, headers={KEY: "sdk-1"})
    assert (first.is_idempotency_replayed, again.is_idempotency_replayed) == (False, True)
    assert first.subscription.raw_data == again.subscription.raw_data
    assert effects(site, record_id) == [("pause", "sdk-1")]
    for call in (
        lambda: client.resume(record_id, headers={KEY: "sdk-1"}),
        lambda: client.cancel_for_items(record_id, {"end_of_term": False}, headers={KEY: "sdk-1"}),
        lambda: client.pause(record_id, headers={KEY: "k" * 101}),
    ):
        with pytest.raises(InvalidRequestError) as refused:
            call()
        assert refused.value.http_status_code == 400
    # Without a key, and with another one, the state decides.
    for headers in (None, {KEY: "sdk-2"}):
        with pytest.raises(InvalidRequestError) as state:
            client.pause(record_id, params, headers=headers)
        assert (state.value.http_status_code, state.value.api_error_code) == (
            409,
            "invalid_state_for_request",
        )
    # A refusal is not remembered: the key does its work once the state allows it.
    client.resume(record_id)
    assert client.pause(record_id, params, headers={KEY: "sdk-2"}).is_idempotency_replayed is False
    assert len(effects(site, record_id)) == 3


def test_a_key_is_remembered_for_half_an_hour() -> None:
    world, store, clock = generate(seed=7, customers=10), open_store(":memory:"), [1_900_000_000.0]
    EMULATOR.seed(store, world)
    active = next(fact for fact in world.subscriptions if fact.status is S.ACTIVE)
    with serving(create_app(store, lambda: clock[0])) as base_url:
        url = f"{base_url}/api/v2/subscriptions/{active.id}/cancel_for_items"
        auth = (EMULATOR.settings(base_url)["api_key"], "")

        def cancel() -> httpx.Response:
            return httpx.post(url, auth=auth, data={"end_of_term": "false"}, headers={KEY: "k1"})

        first = cancel()
        clock[0] += WINDOW_S - 1
        second = cancel()
        clock[0] += 1
        third = cancel()
    store.close()
    assert (first.status_code, REPLAYED in first.headers) == (200, False)
    assert (second.status_code, second.headers[REPLAYED], second.content) == (200, "true", first.content)
    assert (third.status_code, third.json()["api_error_code"]) == (409, "invalid_state_for_request")


def test_refusals_reach_the_sdk_with_code_and_parameter(site: Site, fresh: Fresh) -> None:
    client = site.sdk().Subscription
    active, fact = fresh(S.ACTIVE)
    foreign = "USD" if fact.customer.currency != "USD" else "EUR"
    price = "subscription_items[item_price_id][0]"

    def items(**item: Any) -> dict[str, Any]:
        return {"subscription_items": [item]}

    refusals = [
        (active, items(item_price_id="nothing"), (404, "resource_not_found", price)),
        (active, items(item_price_id=f"team-{foreign}-Monthly"), (400, "param_wrong_value", price)),
        (active, items(quantity=3), (400, "param_wrong_value", price)),
        (
            active,
            items(item_price_id=item_price_id(fact.plan, fact.customer.currency), quantity=0),
            (400, "param_wrong_value", "subscription_items[quantity][0]"),
        ),
        (active, {"colour": "red"}, (400, "invalid_request", "colour")),
        ("AzNoSuchSubscription", {}, (404, "resource_not_found", "subscription_id")),
    ]
    for record_id, params, expected in refusals:
        with pytest.raises(InvalidRequestError) as refused:
            client.update_for_items(record_id, params)
        value = refused.value
        assert (value.http_status_code, value.api_error_code, value.param) == expected
    with pytest.raises(InvalidRequestError) as reason:
        client.cancel_for_items(active, {"cancel_reason_code": "because"})
    assert reason.value.param == "cancel_reason_code"
    assert effects(site, active) == []


@pytest.mark.parametrize(
    ("operation", "allowed"),
    [
        ("pause", {"active", "non_renewing"}),
        ("resume", {"paused"}),
        ("reactivate", {"cancelled"}),
        ("remove_scheduled_cancellation", {"non_renewing"}),
        ("cancel_for_items", {"future", "in_trial", "active", "non_renewing", "paused"}),
    ],
)
def test_each_operation_takes_the_statuses_it_names(
    site: Site, fresh: Fresh, operation: str, allowed: set[str]
) -> None:
    client = site.sdk().Subscription
    for status in (S.FUTURE, S.TRIAL, S.ACTIVE, S.NON_RENEWING, S.PAUSED, S.CANCELLED):
        record_id, _ = fresh(status)
        before = client.retrieve(record_id).subscription
        if before.status in allowed:
            getattr(client, operation)(record_id)
            assert effects(site, record_id) == [(operation, None)]
            continue
        with pytest.raises(InvalidRequestError) as refused:
            getattr(client, operation)(record_id)
        assert refused.value.http_status_code == 409
        assert client.retrieve(record_id).subscription.raw_data == before.raw_data
        assert effects(site, record_id) == []


def test_a_plan_with_another_period_begins_a_new_term(site: Site, fresh: Fresh) -> None:
    client = site.sdk().Subscription
    record_id, fact = fresh(S.ACTIVE)
    code = other_plan(site, fact, 3 if fact.plan.period_months == 12 else 12)
    before = client.retrieve(record_id).subscription
    after = client.update_for_items(
        record_id, {"subscription_items": [{"item_price_id": code, "quantity": 2}]}
    ).subscription
    assert after.current_term_start > before.current_term_start
    assert after.next_billing_at == after.current_term_end + 1
    # The same once more is no change.
    client.update_for_items(record_id, {"subscription_items": [{"item_price_id": code, "quantity": 2}]})
    assert effects(site, record_id) == [("update_for_items", None)]


def test_a_cancelled_subscription_starts_again_unless_told_not_to(site: Site, fresh: Fresh) -> None:
    client = site.sdk().Subscription
    for reactivate, status in (({}, "active"), ({"reactivate": False}, "cancelled")):
        record_id, fact = fresh(S.CANCELLED)
        item = {
            "item_price_id": item_price_id(fact.plan, fact.customer.currency),
            "quantity": fact.quantity + 2,
        }
        answer = client.update_for_items(record_id, {"subscription_items": [item], **reactivate})
        assert (answer.subscription.status, answer.subscription.subscription_items[0].quantity) == (
            status,
            fact.quantity + 2,
        )


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_emulator_takes_no_parameter_that_the_sdk_does_not_know(name: str) -> None:
    form, kind = OPERATIONS[name].form, PARAMS[name]
    known = set() if kind is None else set(getattr(Subscription, kind).__annotations__)
    assert form.single.keys() | form.lists.keys() <= known
    for columns in form.lists.values():
        assert columns.keys() <= Subscription.UpdateForItemsSubscriptionItemParams.__annotations__.keys()


def test_documents_keep_to_the_attributes_that_the_sdk_knows(site: Site) -> None:
    from chargebee.models.subscription.responses import SubscriptionResponse

    known = {*SubscriptionResponse.__annotations__, "object"}
    for (document,) in site.store.execute(
        "SELECT document FROM chargebee_subscription WHERE id LIKE 'AzCopy%'"
    ).fetchall():
        read = json.loads(document)
        assert read.keys() <= known
        assert None not in read.values()
