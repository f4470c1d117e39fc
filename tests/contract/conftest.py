"""Runs the suite once per harness: every ``harness_<name>.py`` of this folder."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.contracts.adapter import Adapter
from tests.contract.harness import Harness
from tests.support.kept import Kept

NAMES = sorted(path.stem.removeprefix("harness_") for path in Path(__file__).parent.glob("harness_*.py"))


@pytest.fixture(scope="session")
def kept() -> Iterator[Kept]:
    """Servers for all files: the tests of one leave them as they found them."""
    with ExitStack() as closing:
        yield Kept(closing)


@pytest.fixture(scope="package", params=NAMES)
def harness(request: pytest.FixtureRequest, kept: Kept) -> Harness:
    return kept.of(importlib.import_module(f"tests.contract.harness_{request.param}").harness)


@pytest.fixture
async def adapter(harness: Harness) -> AsyncIterator[Adapter]:
    """A newly connected adapter, before a server that behaves and has heard nothing yet."""
    harness.front.disarm()
    connected = harness.connect()
    # Log in now, so that the calls a test counts are calls for data.
    for resource in connected.resources.values():
        await resource.read_many([next(iter(harness.samples[resource.type])).id], frozenset({"id"}))
        break
    harness.front.log.clear()
    yield connected
    harness.front.disarm()
    await connected.aclose()
