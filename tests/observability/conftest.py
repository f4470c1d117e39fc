"""A gateway over the emulators of a sandbox; its log, metrics and traces are read as operators read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Emulators, Gateway, Sandbox, sandbox

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A company at rest."""
    with sandbox(tmp_path_factory.mktemp("observed") / "state", customers=40) as running:
        yield running


@pytest.fixture
def emulators(company: Sandbox) -> Iterator[Emulators]:
    company.emulators.clear()
    yield company.emulators
    company.emulators.disarm()


def access_lines(gateway: Gateway) -> list[dict[str, Any]]:
    """The lines that operations left in the log so far."""
    lines = [json.loads(line) for line in gateway.errors.read_text().splitlines()]
    return [line for line in lines if line["event"] == "operation"]


def until(condition: Callable[[], bool]) -> None:
    """Asks again and again; the test's own time limit is the end of it."""
    while not condition():
        pass
