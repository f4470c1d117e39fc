"""One sandbox for all scenarios: they read it, and put back what they change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox import Emulators, Sandbox, sandbox


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The running sandbox, its tokens fetched."""
    with sandbox(tmp_path_factory.mktemp("scenarios") / "state") as running:
        running.data("{ customers(first: 1) { nodes { name legalName } } }")
        yield running


@pytest.fixture
def emulators(company: Sandbox) -> Iterator[Emulators]:
    """The systems, with an empty log of calls; well-behaved again afterwards."""
    company.emulators.clear()
    yield company.emulators
    company.emulators.disarm()
