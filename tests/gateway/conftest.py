"""One running sandbox for the tests of the front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.command import connection
from tests.support.sandbox import Emulators, Sandbox, sandbox


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """`fieldgate sandbox` as a process, with 40 customers."""
    with sandbox(tmp_path_factory.mktemp("front") / "state", customers=40) as running:
        yield running


@pytest.fixture(scope="package")
def url(company: Sandbox) -> str:
    """Where GraphQL is asked."""
    return f"{company.gateway.url}/graphql"


@pytest.fixture
def emulators(company: Sandbox) -> Iterator[Emulators]:
    """The running systems, well-behaved again afterwards."""
    company.emulators.clear()
    yield company.emulators
    company.emulators.disarm()


@pytest.fixture
def all_connections(emulators: Emulators) -> list[dict[str, Any]]:
    return [connection(vendor, url) for vendor, url in emulators.urls.items()]
