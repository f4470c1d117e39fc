"""The emulator, seeded and served, with a connected adapter and the official SDK."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from chargebee import Chargebee

from adapters.chargebee.adapter import ChargebeeAdapter
from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.settings import ChargebeeSettings
from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import World
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
def anyio_backend() -> str:
    return "asyncio"
