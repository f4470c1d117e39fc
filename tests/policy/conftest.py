"""One sandbox for the tests of policy: its development identity plays every role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox import Sandbox, sandbox


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("policy") / "state", customers=40) as running:
        running.data("{ customers(first: 1) { nodes { name legalName } } }")
        yield running
