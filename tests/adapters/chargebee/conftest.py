"""The emulator, seeded and served, with a connected adapter and the official SDK."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from chargebee import Chargebee

from adapters.chargebee.adapter import ChargebeeAdapter
from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.emulator.seed import item_price_id
from adapters.chargebee.settings import ChargebeeSettings
from adapters.contracts.vocabulary import SubscriptionStatus
from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import SubscriptionFact, World
from tests.support.server import serving


@dataclass
class Site:
    """A Chargebee site of its own for one module."""

    base_url: str
    world: World
    store: sqlite3.Connection
    front: Misbehaving

    def adapter(self, **changes: object) -> ChargebeeAdapter:
        return ChargebeeAdapter(
            ChargebeeSettings.model_validate({**EMULATOR.settings(self.base_url), **changes})
        )

    def sdk(self, api_key: str | None = None) -> Chargebee:
        """The vendor's client, which builds its host from a site and a domain."""
        host = self.base_url.removeprefix("http://")
        site, _, domain = host.partition(".")
        Chargebee.verify_ca_certs = False
        return Chargebee(
            api_key or EMULATOR.settings(self.base_url)["api_key"],
            site=site,
            chargebee_domain=domain,
            protocol="http",
        )


class Fresh:
    """Copies of seeded subscriptions, in the status that is asked for."""

    count = 0

    def __init__(self, site: Site) -> None:
        self._site = site

    def __call__(self, status: SubscriptionStatus) -> tuple[str, SubscriptionFact]:
        fact = next(fact for fact in self._site.world.subscriptions if fact.status is status)
        Fresh.count += 1
        record_id = f"AzCopy{Fresh.count}"
        self._site.store.execute(
            "INSERT INTO chargebee_subscription (id, document)"
            " SELECT ?, json_set(document, '$.id', ?) FROM chargebee_subscription WHERE id = ?",
            (record_id, record_id, fact.id),
        )
        return record_id, fact


def effects(site: Site, record_id: str) -> list[tuple[str, str | None]]:
    assert site.front.effects is not None
    return [(each.action, each.key) for each in site.front.effects() if each.record_id == record_id]


def other_plan(site: Site, fact: SubscriptionFact, months: int) -> str:
    return next(
        item_price_id(plan, fact.customer.currency)
        for plan in site.world.plans
        if plan is not fact.plan and plan.period_months == months
    )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    world = generate(seed=7, customers=40)
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    front = EMULATOR.serve(store)
    with serving(front) as base_url:
        yield Site(base_url, world, store, front)
    store.close()


@pytest.fixture
def fresh(site: Site) -> Iterator[Fresh]:
    """Each test takes subscriptions that no other test has written."""
    site.front.disarm()
    yield Fresh(site)
    site.front.disarm()
