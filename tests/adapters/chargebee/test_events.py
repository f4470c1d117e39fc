"""Chargebee's events: what the site sends and lists, read by the vendor's SDK and by the adapter."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from chargebee.models.enums import EventType
from pydantic import ValidationError

from adapters.chargebee.emulator.events import WEBHOOK_PASSWORD, WEBHOOK_USERNAME
from adapters.chargebee.emulator.life import LIFE
from adapters.chargebee.events import _KINDS
from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.events import Notice, Unverified
from adapters.contracts.vocabulary import BusinessEventType, RecordType, SubscriptionStatus
from adapters.contracts.writes import Verb, Write
from adapters.emulation.faults import Fault
from adapters.emulation.life import Life
from tests.adapters.chargebee.conftest import Fresh, Site
from tests.support.receiver import Receiver
from tests.support.server import serving

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
B, S = BusinessEventType, SubscriptionStatus
SECRET = "0123456789abcdef"


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    """The endpoint that the site's webhooks go to."""
    app = Receiver()
    with serving(app) as url:
        hooks = f"{site.base_url}/_emulator/webhooks"
        httpx.put(hooks, json={"url": f"{url}/hook"}, trust_env=False).raise_for_status()
        yield app
        httpx.delete(hooks, trust_env=False).raise_for_status()


def source(site: Site, **settings: Any) -> Any:
    return site.adapter(**settings).events


def basic(pair: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


PAIR = f"{WEBHOOK_USERNAME}:{WEBHOOK_PASSWORD}"
NO_PAIR = {"webhook_username": None, "webhook_password": None}


# Proof of origin


@pytest.mark.parametrize(
    ("settings", "headers", "path_secret", "accepted"),
    [
        ({}, basic(PAIR), None, True),
        ({}, basic(PAIR), "whatever", True),
        ({}, basic(f"{PAIR}x"), None, False),
        ({}, basic(WEBHOOK_USERNAME), None, False),
        ({}, {"authorization": "Basic ~"}, None, False),
        ({}, {"authorization": f"Bearer {PAIR}"}, None, False),
        ({}, {}, None, False),
        (NO_PAIR, basic(PAIR), None, False),
        (NO_PAIR, basic(":"), "", False),
        ({**NO_PAIR, "webhook_path_secret": SECRET}, {}, SECRET, True),
        ({**NO_PAIR, "webhook_path_secret": SECRET}, {}, SECRET[:-1], False),
        ({**NO_PAIR, "webhook_path_secret": SECRET}, basic(PAIR), None, False),
        ({"webhook_path_secret": SECRET}, basic(PAIR), SECRET, True),
        ({"webhook_path_secret": SECRET}, basic(PAIR), "é", False),
        ({"webhook_path_secret": SECRET}, {}, SECRET, False),
    ],
)
async def test_proof_of_origin(
    site: Site, settings: Any, headers: dict[str, str], path_secret: str | None, accepted: bool
) -> None:
    events = source(site, **settings)
    if accepted:
        events.verify(headers, b"{}", NOW, path_secret)
    else:
        with pytest.raises(Unverified):
            events.verify(headers, b"{}", NOW, path_secret)


async def test_half_a_pair_is_a_mistake(site: Site) -> None:
    with pytest.raises(ValidationError, match="go together"):
        source(site, webhook_password=None)


async def test_what_the_emulator_sends_is_accepted_until_the_password_is_another(
    site: Site, receiver: Receiver, fresh: Fresh
) -> None:
    id, _ = fresh(S.ACTIVE)
    adapter = site.adapter()
    await adapter.writer.perform(Write(Verb.PAUSE_SUBSCRIPTION, id, "cmd_pause_1"))
    (heard,) = receiver.wait_for(1)
    adapter.events.verify(heard.headers, heard.body, NOW, None)
    with pytest.raises(Unverified):
        source(site, webhook_password="another").verify(heard.headers, heard.body, NOW, None)
    await adapter.aclose()


# What events say


CASES: list[tuple[Verb, dict[str, Any], dict[str, Any], S, B | None, S]] = [
    (Verb.PAUSE_SUBSCRIPTION, {}, {}, S.ACTIVE, B.SUBSCRIPTION_PAUSED, S.PAUSED),
    (Verb.RESUME_SUBSCRIPTION, {}, {}, S.PAUSED, B.SUBSCRIPTION_RESUMED, S.ACTIVE),
    (Verb.CANCEL_SUBSCRIPTION, {}, {"effective": "NOW"}, S.ACTIVE, B.SUBSCRIPTION_CANCELLED, S.CANCELLED),
    (Verb.CANCEL_SUBSCRIPTION, {}, {"effective": "END_OF_TERM"}, S.ACTIVE, None, S.NON_RENEWING),
    (Verb.REACTIVATE_SUBSCRIPTION, {}, {}, S.CANCELLED, B.SUBSCRIPTION_REACTIVATED, S.ACTIVE),
    (Verb.REACTIVATE_SUBSCRIPTION, {}, {}, S.NON_RENEWING, B.SUBSCRIPTION_REACTIVATED, S.ACTIVE),
    (
        Verb.AMEND_SUBSCRIPTION,
        {"quantity": 3571},
        {"effective": "NOW"},
        S.ACTIVE,
        B.SUBSCRIPTION_AMENDED,
        S.ACTIVE,
    ),
    (
        Verb.AMEND_SUBSCRIPTION,
        {"quantity": 3571},
        {"effective": "END_OF_TERM"},
        S.ACTIVE,
        B.SUBSCRIPTION_AMENDED,
        S.ACTIVE,
    ),
]


@pytest.mark.parametrize(("verb", "changes", "options", "before", "event", "after"), CASES)
async def test_every_operation_tells_of_itself(
    site: Site,
    receiver: Receiver,
    fresh: Fresh,
    verb: Verb,
    changes: dict[str, Any],
    options: dict[str, Any],
    before: S,
    event: B | None,
    after: S,
) -> None:
    id, fact = fresh(before)
    adapter = site.adapter()
    await adapter.writer.perform(Write(verb, id, f"cmd_{Fresh.count}", changes, options))
    (heard,) = receiver.wait_for(1)
    (notice,) = adapter.events.parse(heard.body)
    assert (notice.type, notice.record_id, notice.event, notice.status) == (
        RecordType.SUBSCRIPTION,
        id,
        event,
        after,
    )
    assert (notice.customer_in_crm, notice.key) == (fact.customer.crm_id, adapter.events.key(heard.body))
    read = site.sdk().Subscription.retrieve(id).subscription
    assert notice.version == read.resource_version
    await adapter.aclose()


async def test_everything_that_happens_by_itself_is_understood(site: Site, receiver: Receiver) -> None:
    life = Life(site.store, [("chargebee", happening) for happening in LIFE], seed=7)
    for _ in range(60):
        life.step()
    told: list[Notice] = [
        notice
        for row in site.store.execute("SELECT document FROM chargebee_event ORDER BY sequence")
        for notice in source(site).parse(row["document"].encode())
    ]
    assert {notice.event for notice in told if notice.event} == source(site).gives
    for id in {notice.record_id for notice in told if notice.type is RecordType.SUBSCRIPTION}:
        last = max((each for each in told if each.record_id == id), key=lambda each: each.version or 0)
        found = site.store.execute(
            "SELECT document FROM chargebee_subscription WHERE id = ?", (id,)
        ).fetchone()
        document = json.loads(found["document"])
        assert (last.version, last.status) == (
            document["resource_version"],
            {"in_trial": S.TRIAL}.get(document["status"]) or S[document["status"].upper()],
        )


async def test_the_types_are_the_vendors() -> None:
    assert set(_KINDS) <= {each.value for each in EventType}


def event(type: str, content: Any, **more: Any) -> bytes:
    envelope = {"id": "ev_1", "object": "event", "event_type": type, "occurred_at": 1_790_000_000}
    return json.dumps({**envelope, "content": content, **more}).encode()


async def test_a_status_without_a_name_here_is_unknown(site: Site) -> None:
    body = event("subscription_changed", {"subscription": {"id": "x", "status": "transferred"}})
    (notice,) = source(site).parse(body)
    assert (notice.status, notice.version, notice.customer_in_crm) == (S.UNKNOWN, None, None)
    (gone,) = source(site).parse(event("subscription_deleted", {"subscription": {"id": "x"}}))
    assert gone.deleted


@pytest.mark.parametrize("type", ["mrr_updated", "invoice_generated", "card_added", "something_new"])
async def test_what_concerns_nothing_of_the_graph_tells_nothing(site: Site, type: str) -> None:
    assert source(site).parse(event(type, {})) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        event("subscription_changed", {}),
        event("subscription_changed", {"subscription": 7}),
        event("customer_changed", {"customer": None}),
        event("x", {}, id=""),
        event("x", {}, object="customer"),
        event("x", {}, occurred_at=None),
    ],
)
async def test_rubbish_is_malformed(site: Site, body: bytes) -> None:
    with pytest.raises(Malformed):
        source(site).parse(body)


# The list


async def test_the_sdk_lists_what_the_emulator_sent(site: Site, receiver: Receiver, fresh: Fresh) -> None:
    id, _ = fresh(S.ACTIVE)
    site.sdk().Subscription.pause(id, {"pause_option": "immediately"})
    (heard,) = receiver.wait_for(1)
    sent = json.loads(heard.body)
    params = {"sort_by": {"desc": "occurred_at"}, "limit": 1, "event_type": {"is": "subscription_paused"}}
    (entry,) = site.sdk().Event.list(params).list
    assert (entry.event.id, str(entry.event.event_type)) == (sent["id"], "subscription_paused")
    assert entry.event.content["subscription"]["status"] == "paused"
    assert site.sdk().Event.retrieve(sent["id"]).event.occurred_at == sent["occurred_at"]


@pytest.mark.parametrize("shrink", [False, True])
async def test_catching_up_gives_every_event_once_and_in_order(site: Site, shrink: bool) -> None:
    site.store.execute("DELETE FROM chargebee_event")
    events = source(site)
    begun = await events.fetch(None)
    assert (list(begun.messages), begun.more) == ([], False)
    life = Life(site.store, [("chargebee", happening) for happening in LIFE], seed=11)
    for _ in range(250):
        life.step()
    if shrink:
        site.front.arm(Fault("shrink", path="/events", times=2))
    messages: list[tuple[str, bytes]] = []
    mark, more = begun.mark, True
    while more:
        batch = await events.fetch(mark)
        messages += batch.messages
        mark, more = batch.mark, batch.more
    rows = site.store.execute("SELECT id FROM chargebee_event ORDER BY sequence").fetchall()
    assert len(rows) > 200
    assert [key for key, _ in messages] == [row["id"] for row in rows]
    assert all(events.key(body) == key for key, body in messages)
    again = await events.fetch(mark)
    assert not set(again.messages) - set(messages)


async def test_a_mark_with_an_offset_that_is_no_longer_known(site: Site) -> None:
    life = Life(site.store, [("chargebee", happening) for happening in LIFE], seed=12)
    life.step()
    batch = await source(site).fetch('{"after": 1, "offset": "rubbish"}')
    assert batch.messages
    with pytest.raises(Rejected):
        await source(site).fetch("nonsense")
