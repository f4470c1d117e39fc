"""What is particular to Chargebee: values, positions within one second, credentials, refusals unsent."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.emulator.catalogue import CUSTOMERS, SUBSCRIPTIONS
from adapters.chargebee.emulator.seed import customer_document, insert, seed, subscription_document
from adapters.chargebee.subscription import subscription_fields
from adapters.contracts.errors import Malformed, Rejected, Throttled, Unauthorised, Unreachable, Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.values import Money, Period, Plan
from adapters.contracts.vocabulary import RecordType, SubscriptionStatus
from adapters.emulation.faults import Fault
from adapters.emulation.store import open_store
from tests.adapters.chargebee.conftest import Site
from tests.support.server import serving

FIELDS = subscription_fields("cf_crm_id")
ANY = frozenset({"id"})


def row(items: list[dict[str, Any]] | None = None, **attributes: Any) -> dict[str, Any]:
    usual = {"id": "s1", "created_at": 1, "status": "paused", "currency_code": "USD", "mrr": 0}
    return {
        "subscription": {
            **usual,
            "billing_period": 1,
            "billing_period_unit": "month",
            "subscription_items": items or [{"item_price_id": "p", "item_type": "plan"}],
            **attributes,
        }
    }


def plan(**attributes: Any) -> dict[str, Any]:
    return {"item_price_id": "p", "item_type": "plan", "unit_price": 1000, "quantity": 3, **attributes}


@pytest.mark.parametrize(
    ("source", "monthly"),
    [
        (row([plan()]), Money(Decimal("30.00"), "USD")),
        (row([plan()], billing_period=3), Money(Decimal("10.00"), "USD")),
        (row([plan()], billing_period_unit="year"), Money(Decimal("2.50"), "USD")),
        (row([plan()], billing_period_unit="week"), Money(Decimal("130.00"), "USD")),
        (row([plan()], billing_period=30, billing_period_unit="day"), Money(Decimal("30.42"), "USD")),
        (row([plan(amount=2500)]), Money(Decimal("25.00"), "USD")),
        (row([plan(unit_price=1, quantity=6)], billing_period_unit="year"), Money(Decimal("0.00"), "USD")),
        (row([plan(unit_price=1, quantity=18)], billing_period_unit="year"), Money(Decimal("0.02"), "USD")),
        (row([plan(unit_price_in_decimal="10.125")]), Money(Decimal("30.38"), "USD")),
        (row([plan()], currency_code="JPY"), Money(Decimal("3000"), "JPY")),
        (row([plan()], status="active", mrr=1234), Money(Decimal("12.34"), "USD")),
        (row([plan()], status="active", mrr=None), Money(Decimal("30.00"), "USD")),
        (row([plan()], status="cancelled", mrr=0), Money(Decimal("30.00"), "USD")),
        (
            row(
                [
                    plan(),
                    {"item_price_id": "a", "item_type": "addon", "unit_price": 500, "billing_period": 2},
                    {"item_price_id": "c", "item_type": "charge", "unit_price": 9900},
                ]
            ),
            Money(Decimal("32.50"), "USD"),
        ),
        (row(), None),
    ],
)
def test_recurring_revenue_is_normalised_to_one_month(source: dict[str, Any], monthly: Money | None) -> None:
    assert FIELDS.read(source, "recurring_revenue") == monthly


@pytest.mark.parametrize(
    ("field", "source", "value"),
    [
        ("plan", row(billing_period_unit="year"), Plan("p", None, 12)),
        ("plan", row(billing_period_unit="week"), Plan("p", None, None)),
        ("plan", row([{"item_price_id": "a", "item_type": "addon"}]), None),
        ("quantity", row([plan(quantity_in_decimal="2.0")]), 2),
        ("quantity", row([plan(quantity_in_decimal="2.5")]), None),
        ("unit_price", row([plan(unit_price_in_decimal="0.00125")]), Money(Decimal("0.00125"), "USD")),
        ("unit_price", row(), None),
        ("status", row(status="transferred"), SubscriptionStatus.UNKNOWN),
        ("status", row(status="dreaming"), SubscriptionStatus.UNKNOWN),
        ("current_term", row(), None),
        (
            "current_term",
            row(current_term_start=1767225600, current_term_end=1769903999),
            Period(date(2026, 1, 1), date(2026, 1, 31)),
        ),
        ("customer_in_crm", row(), None),
    ],
)
def test_values_that_chargebee_has_in_several_forms(
    field: str, source: dict[str, Any], value: object
) -> None:
    assert FIELDS.read(source, field) == value


def test_a_row_against_the_contract_is_malformed() -> None:
    with pytest.raises(Malformed):
        FIELDS.read(row([plan(unit_price_in_decimal="ten")]), "unit_price")


@pytest.mark.anyio
async def test_what_chargebee_cannot_do_is_refused_unsent(site: Site) -> None:
    adapter = site.adapter()
    subscriptions, customers = (adapter.resources[t] for t in (RecordType.SUBSCRIPTION, RecordType.CUSTOMER))
    site.front.log.clear()
    for status in (SubscriptionStatus.SUSPENDED, SubscriptionStatus.EXPIRED, SubscriptionStatus.UNKNOWN):
        wanted = Condition("status", Op.IN, (SubscriptionStatus.ACTIVE, status))
        with pytest.raises(Unsupported):
            await subscriptions.page(PageRequest(ANY, (wanted,)))
    with pytest.raises(Unsupported):
        await customers.page(PageRequest(ANY, (Condition("customer_in_crm", Op.IN, ("001",)),)))
    twice = (Condition("id", Op.IN, ("a",)), Condition("id", Op.IN, ("b",)))
    with pytest.raises(Unsupported):
        await subscriptions.page(PageRequest(ANY, twice))
    for position in ("", "x", "12", "12.", "-1.a", "1.a\n", "٣.a", "9" * 40 + ".a"):
        with pytest.raises(Rejected) as refused:
            await subscriptions.page(PageRequest(ANY, after=position))
        assert refused.value.vendor_code == "bad_position"
    with pytest.raises(Rejected):
        await subscriptions.page(PageRequest(ANY, (Condition("id", Op.IN, (7,)),)))
    nothing = await subscriptions.page(PageRequest(ANY, (Condition("id", Op.IN, ()),)))
    assert (list(nothing.rows), nothing.has_more) == ([], False)
    assert site.front.log.calls == []
    await adapter.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("nasty", ['a"]', "a','b", "a&limit=1", "%22]", "\\", "ü]", "a]&id[not_in]=[]"])
async def test_a_value_cannot_leave_its_quotes(site: Site, nasty: str) -> None:
    adapter = site.adapter()
    subscriptions = adapter.resources[RecordType.SUBSCRIPTION]
    known = site.world.subscriptions[0].id
    assert list(await subscriptions.read_many([nasty, known], ANY)) == [known]
    await adapter.aclose()


@pytest.mark.anyio
async def test_the_key_is_the_user_of_basic_authentication(site: Site) -> None:
    adapter = site.adapter(api_key="test_another_key")
    with pytest.raises(Unauthorised) as refused:
        await adapter.resources[RecordType.CUSTOMER].page(PageRequest(ANY))
    assert refused.value.vendor_code == "api_authentication_failed"
    findings = await adapter.check()
    assert [finding.ok for finding in findings] == [False, False]
    shown = repr([findings, refused.value, adapter._settings])
    assert "test_another_key" not in shown
    assert base64.b64encode(b"test_another_key:").decode() not in shown
    await adapter.aclose()


@pytest.mark.anyio
async def test_a_check_says_what_is_wrong_with_the_link(site: Site) -> None:
    good, bad = site.adapter(), site.adapter(customer_in_crm="cf_salesforce")
    assert all(finding.ok for finding in await good.check())
    findings = await bad.check()
    assert [finding.ok for finding in findings] == [True, True, False]
    assert "cf_salesforce" in findings[-1].detail
    await good.aclose()
    await bad.aclose()


@pytest.mark.anyio
async def test_a_gone_server_and_a_throttle(site: Site) -> None:
    gone = site.adapter(base_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        await gone.resources[RecordType.CUSTOMER].page(PageRequest(ANY))
    assert not any(finding.ok for finding in await gone.check())
    await gone.aclose()
    adapter = site.adapter()
    site.front.arm(Fault("throttle", retry_after_s=7))
    with pytest.raises(Throttled) as slow:
        await adapter.resources[RecordType.CUSTOMER].page(PageRequest(ANY))
    assert (slow.value.retry_after_s, slow.value.vendor_code) == (7.0, "api_request_limit_exceeded")
    await adapter.aclose()


def test_a_record_opens_in_chargebee() -> None:
    from adapters.chargebee.adapter import ChargebeeAdapter
    from adapters.chargebee.settings import ChargebeeSettings

    adapter = ChargebeeAdapter(
        ChargebeeSettings.model_validate({"base_url": "https://acme.chargebee.com/", "api_key": "k"})
    )
    opened = adapter.record_url(RecordType.SUBSCRIPTION, "a/b")
    assert opened == "https://acme.chargebee.com/d/subscriptions/a%2Fb"
    assert adapter.record_url(RecordType.INVOICE, "1") is None


@pytest.mark.anyio
@pytest.mark.parametrize("first", [1, 2, 3, 5])
async def test_positions_hold_where_many_rows_share_a_second(site: Site, first: int) -> None:
    """Seven rows of one second between two others; meanwhile rows come and go."""
    fact = site.world.subscriptions[0]
    moments = [100, *[200] * 7, 300]
    world = replace(site.world, subscriptions=())
    store = open_store(":memory:")
    seed(store, world)

    def add(name: str, second: int) -> None:
        when = datetime.fromtimestamp(second, UTC)
        insert(store, SUBSCRIPTIONS, [subscription_document(replace(fact, id=name, created_at=when))])

    # Ids against the order of creation: nothing may depend on their order.
    names = [f"s{9 - place}" for place in range(len(moments))]
    for name, second in zip(names, moments, strict=True):
        add(name, second)
    with serving(EMULATOR.serve(store)) as base_url:
        adapter = replace(site, base_url=base_url).adapter()
        subscriptions = adapter.resources[RecordType.SUBSCRIPTION]
        seen, after = list[str](), None
        while True:
            page = await subscriptions.page(PageRequest(ANY, first=first, after=after))
            seen += [row["subscription"]["id"] for row in page.rows]
            assert len(page.rows) <= first
            if not page.has_more:
                break
            after = page.positions[-1]
            if len(seen) == first:
                add("new", 400)
        assert seen == [*names, "new"]

        every = await subscriptions.page(PageRequest(ANY, first=100))
        for place, position in enumerate(every.positions):
            behind = await subscriptions.page(PageRequest(ANY, first=100, after=position))
            assert [row["subscription"]["id"] for row in behind.rows] == seen[place + 1 :]

        # The row of the position is gone: its second is given again, nothing is lost.
        store.execute("DELETE FROM chargebee_subscription WHERE id = ?", (names[3],))
        behind = await subscriptions.page(PageRequest(ANY, first=100, after=every.positions[3]))
        got = [row["subscription"]["id"] for row in behind.rows]
        assert got == [name for name in seen[1:] if name != names[3]]
        await adapter.aclose()
    store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("first", [1, 3])
async def test_a_short_page_is_not_the_end(site: Site, first: int) -> None:
    adapter = site.adapter()
    customers = adapter.resources[RecordType.CUSTOMER]
    site.front.arm(Fault("shrink"))
    seen, after = list[str](), None
    while True:
        page = await customers.page(PageRequest(ANY, first=first, after=after))
        assert page.rows
        seen += [row["customer"]["id"] for row in page.rows]
        if not page.has_more:
            break
        after = page.positions[-1]
    known = sorted(
        (customer.created_at, customer.billing_id) for customer in site.world.customers if customer.billing_id
    )
    assert sorted(seen) == sorted(str(billing_id) for _, billing_id in known)
    await adapter.aclose()


@pytest.mark.anyio
async def test_reading_many_is_one_call(site: Site) -> None:
    adapter = site.adapter()
    site.front.log.clear()
    ids = [fact.id for fact in site.world.subscriptions[:100]]
    assert set(await adapter.resources[RecordType.SUBSCRIPTION].read_many(ids, ANY)) == set(ids)
    assert len(site.front.log.calls) == 1
    await adapter.aclose()


def test_documents_leave_out_what_has_no_value(site: Site) -> None:
    assert "cf_crm_id" in customer_document(site.world.customers[0])
    for catalogue in (CUSTOMERS, SUBSCRIPTIONS):
        count = site.store.execute(
            f"SELECT count(*) FROM {catalogue.table}, json_each(document) WHERE json_each.type = 'null'"
        ).fetchone()[0]
        assert count == 0
