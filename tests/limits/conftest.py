"""Gateways to attack: one as it comes, and one with limits so low that they are quickly reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import Gateway, Sandbox, sandbox, serving_over

FOREIGN = "https://crm.example.com"
MAX_MEMORY_MB = 500
LOW = {
    "head_bytes": 4_000,
    "head_s": 0.3,
    "body_s": 0.3,
    "stalled_s": 0.3,
    "message_bytes": 2_000,
    "messages_per_s": 2,
    "subscriptions_per_socket": 2,
    "subscriptions_per_caller": 3,
    "objects": 30,
}


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox(tmp_path_factory.mktemp("limits") / "state", customers=40) as running:
        yield running


@pytest.fixture(scope="package")
def plain(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Over the same systems, with the limits as they come, and pages of one other origin allowed."""
    sections = {"server": {"drain_s": 0, "origins": [FOREIGN]}}
    with serving_over(company.emulators.urls, tmp_path_factory.mktemp("plain"), sections=sections) as gateway:
        yield gateway


@pytest.fixture(scope="package")
def strict(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Over the same systems, with ``LOW`` limits, and pages of one other origin allowed."""
    sections = {"limits": LOW, "server": {"drain_s": 0, "origins": [FOREIGN]}}
    with serving_over(
        company.emulators.urls, tmp_path_factory.mktemp("strict"), sections=sections
    ) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def unharmed(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each attack the gateway that was attacked answers others, and has not grown."""
    attacked: list[Gateway] = [
        request.getfixturevalue(name) for name in ("plain", "strict") if name in request.fixturenames
    ]
    yield
    for gateway in attacked:
        assert gateway.data("{ __typename }") == {"__typename": "Query"}
        assert _peak_mb(gateway) < MAX_MEMORY_MB


def _peak_mb(gateway: Gateway) -> float:
    """The most memory that the process ever had, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc: the memory of the gateway cannot be read")
    (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
