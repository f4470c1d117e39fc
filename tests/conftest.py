"""Fixtures of the whole suite, and a last line that says what ran and what did not."""

from __future__ import annotations

import pytest

from tests.support import tryton_server


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the real ERP server, once for all runs: no test's time limit should have to cover that."""
    if not session.config.option.collectonly and any("tryton" in item.nodeid for item in session.items):
        tryton_server.build()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop implementation: aiodataloader is asyncio's."""
    return "asyncio"
