"""The emulator over a generated world, served for the tests of this folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.emulation.world import World
from adapters.stripe.emulator import EMULATOR
from adapters.stripe.emulator.objects import Objects
from adapters.stripe.manifest import MANIFEST
from tests.support.server import serving

SPECS = Path(__file__).parents[3].parent / "shared" / "vendors" / "specs" / "stripe"


@dataclass
class Sandbox:
    """One running emulator and what it was seeded from."""

    world: World
    store: sqlite3.Connection
    front: Misbehaving
    base_url: str

    @property
    def objects(self) -> Objects:
        return Objects(self.store)

    def adapter(self, **settings: Any) -> Any:
        chosen = {**EMULATOR.settings(self.base_url), **settings}
        return MANIFEST.connect("payments", MANIFEST.settings.model_validate(chosen))

    def calls(self) -> list[str]:
        """What was sent since the last time, as ``path?query``."""
        calls = [f"{call['path']}?{call['query']}".rstrip("?") for call in self.front.log.calls]
        self.front.log.clear()
        return calls


@pytest.fixture(scope="session")
def world() -> World:
    return generate(seed=7, customers=40, today=date(2026, 11, 20))


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    front = EMULATOR.serve(store)
    with serving(front) as base_url:
        yield Sandbox(world, store, front, base_url)
    store.close()


def spec(name: str) -> Any:
    """One of Stripe's own descriptions of its API."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"Stripe's description is not here: {name} under shared/vendors/specs/stripe")
    return json.loads(path.read_text())
