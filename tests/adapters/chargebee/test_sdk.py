"""The vendor's own SDK reads the emulator: what it understands is Chargebee's wire format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from chargebee import APIError, InvalidRequestError

from adapters.chargebee.emulator.catalogue import CATALOGUES, Kind
from adapters.chargebee.emulator.seed import STATUSES, item_price_id
from adapters.contracts.vocabulary import SubscriptionStatus
from tests.adapters.chargebee.conftest import Site

SDK_FILTERS = {
    Kind.TEXT: "StringFilter",
    Kind.CHOICE: "EnumFilter",
    Kind.NUMBER: "NumberFilter",
    Kind.TIME: "TimestampFilter",
    Kind.FLAG: "BooleanFilter",
}


def test_typed_fields_of_a_subscription_hold_the_seeded_values(site: Site) -> None:
    for fact in site.world.subscriptions[:20]:
        answer = site.sdk().Subscription.retrieve(fact.id)
        read, item = answer.subscription, answer.subscription.subscription_items[0]
        assert (read.id, read.customer_id) == (fact.id, fact.customer.billing_id)
        assert read.status == STATUSES[fact.status]
        assert read.currency_code == fact.customer.currency
        assert datetime.fromtimestamp(read.created_at, UTC) == fact.created_at
        assert datetime.fromtimestamp(read.updated_at, UTC) == fact.updated_at
        assert item.item_price_id == item_price_id(fact.plan, fact.customer.currency)
        assert (item.item_type, item.quantity) == ("plan", fact.quantity)
        assert item.unit_price == fact.plan.unit_price_minor[fact.customer.currency]
        if fact.status is not SubscriptionStatus.FUTURE:
            assert datetime.fromtimestamp(read.current_term_start, UTC) == fact.term_start
            assert datetime.fromtimestamp(read.current_term_end + 1, UTC) == fact.term_end
        assert answer.customer.id == fact.customer.billing_id


def test_typed_fields_of_a_customer_hold_the_seeded_values(site: Site) -> None:
    fact = next(customer for customer in site.world.customers if customer.billing_id)
    read = site.sdk().Customer.retrieve(fact.billing_id).customer
    assert (read.company, read.email, read.phone) == (fact.name, fact.email, fact.phone)
    assert read.billing_address.city == fact.billing.city
    assert read.raw_data["cf_crm_id"] == fact.crm_id


def test_pages_to_the_end_without_a_gap_or_a_repeat(site: Site) -> None:
    params, seen = {"limit": 7, "sort_by": {"asc": "created_at"}}, []
    while True:
        page = site.sdk().Subscription.list(params)
        seen += [entry.subscription.id for entry in page.list]
        if page.next_offset is None:
            break
        params["offset"] = page.next_offset
    assert seen == [fact.id for fact in site.world.subscriptions]


def test_filters_of_every_kind(site: Site) -> None:
    facts, client = site.world.subscriptions, site.sdk()

    def ids(**filters: object) -> set[str]:
        page = client.Subscription.list({"limit": 100, **filters})
        assert page.next_offset is None
        return {entry.subscription.id for entry in page.list}

    some = [fact.id for fact in facts[:5]]
    customer = facts[0].customer.billing_id
    code = item_price_id(facts[0].plan, facts[0].customer.currency)
    moment = int(facts[30].created_at.timestamp())
    day = moment - moment % 86_400
    assert ids(id={"in": some}) == set(some)
    assert ids(id={"is": some[0]}) == {some[0]}
    assert ids(id={"starts_with": some[0][:6]}) == {some[0]}
    assert ids(id={"not_in": some}, created_at={"before": moment}) == {fact.id for fact in facts[5:30]}
    assert ids(customer_id={"in": [customer]}) == {f.id for f in facts if f.customer.billing_id == customer}
    assert ids(status={"in": ["in_trial", "future"]}) == {
        f.id for f in facts if f.status in (SubscriptionStatus.TRIAL, SubscriptionStatus.FUTURE)
    }
    assert ids(item_price_id={"is": code}) == {
        f.id for f in facts if item_price_id(f.plan, f.customer.currency) == code
    }
    assert ids(item_id={"is": "team"}) == {f.id for f in facts if f.plan.code.startswith("team-")}
    assert ids(created_at={"between": [moment, moment]}) == {facts[30].id}
    assert ids(created_at={"on": day}) == {
        f.id for f in facts if f.created_at.date() == facts[30].created_at.date()
    }
    assert ids(cancelled_at={"is_present": True}) == {
        f.id
        for f in facts
        if f.cancelled_at or f.status in (SubscriptionStatus.CANCELLED, SubscriptionStatus.EXPIRED)
    }
    soon = int((datetime.now(UTC) + timedelta(days=9)).timestamp())
    assert ids(next_billing_at={"before": soon}) == {
        f.id for f in facts if f.next_billing_at and f.next_billing_at.timestamp() < soon
    }


def test_items_prices_and_events(site: Site) -> None:
    client = site.sdk()
    prices = client.ItemPrice.list({"limit": 100, "item_type": {"is": "plan"}}).list
    assert {entry.item_price.id for entry in prices} == {
        item_price_id(plan, currency) for plan in site.world.plans for currency in plan.unit_price_minor
    }
    price = client.ItemPrice.retrieve("team-USD-Yearly").item_price
    assert (price.item_id, price.period, price.period_unit) == ("team", 1, "year")
    assert price.price == next(p for p in site.world.plans if p.code == "team-annual").unit_price_minor["USD"]
    assert client.Item.retrieve("team").item.name == "Team"
    assert client.Event.list({"sort_by": {"asc": "occurred_at"}}).list == []


def test_errors_become_the_sdk_s_own(site: Site) -> None:
    with pytest.raises(InvalidRequestError) as missing:
        site.sdk().Subscription.retrieve("AzNoSuchSubscription")
    assert (missing.value.http_status_code, missing.value.api_error_code) == (404, "resource_not_found")
    with pytest.raises(APIError) as refused:
        site.sdk(api_key="test_another").Customer.list()
    assert (refused.value.http_status_code, refused.value.api_error_code) == (
        401,
        "api_authentication_failed",
    )
    for params in ({"limit": 101}, {"limit": 0}, {"offset": "x"}, {"status": {"is": "asleep"}}):
        with pytest.raises(InvalidRequestError) as wrong:
            site.sdk().Subscription.list(params)
        assert (wrong.value.http_status_code, wrong.value.api_error_code) == (400, "param_wrong_value")
    with pytest.raises(InvalidRequestError) as unknown:
        site.sdk().Subscription.list({"colour": {"is": "red"}})
    assert (unknown.value.api_error_code, unknown.value.param) == ("invalid_request", "colour[is]")


@pytest.mark.parametrize("path", sorted(CATALOGUES))
def test_the_emulator_knows_no_filter_that_the_sdk_does_not(path: str) -> None:
    import chargebee

    catalogue = CATALOGUES[path]
    name = "".join(part.title() for part in catalogue.resource.split("_"))
    known = getattr(chargebee, name).ListParams.__annotations__
    for parameter, entry in catalogue.filters.items():
        declared = str(known[parameter])
        allowed = {SDK_FILTERS[entry.kind]} | ({"EnumFilter"} if parameter == "event_type" else set())
        assert any(kind in declared for kind in allowed), (parameter, declared)
