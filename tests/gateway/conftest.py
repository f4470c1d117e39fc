"""One running sandbox for the tests of the front."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox import Sandbox, sandbox


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """`fieldgate sandbox` as a process, with 40 customers."""
    with sandbox(tmp_path_factory.mktemp("front") / "state", customers=40) as running:
        yield running


@pytest.fixture(scope="package")
def url(company: Sandbox) -> str:
    """Where GraphQL is asked."""
    return f"{company.gateway.url}/graphql"
