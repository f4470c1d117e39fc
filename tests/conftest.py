"""Fixtures of the whole suite, and a last line that says what ran and what did not."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop implementation: aiodataloader is asyncio's."""
    return "asyncio"
