"""Every test of events runs on the three logs: in SQLite, in PostgreSQL, and in JetStream."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from gateway.store.database import sqlite_url
from tests.events.world import gateway_on
from tests.support import nats
from tests.support.nats import NatsServer


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    try:
        server = NatsServer(tmp_path / "nats")
        server.start()
    except nats.CannotStart as error:
        pytest.skip(f"NATS cannot start here: {error}")
    yield server
    server.kill()


@dataclass
class Place:
    """Where the log is. ``gateway`` opens one gateway on it; call it again for another."""

    kind: str
    url: URL
    nats: NatsServer | None

    def gateway(self, **options: Any) -> Any:
        broker = None if self.nats is None else self.nats.url
        return functools.partial(gateway_on, self.url, nats=broker)(**options)


@pytest.fixture(params=["sqlite", "postgresql", "jetstream"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    kind: str = request.param
    if kind == "postgresql":
        return Place(kind, request.getfixturevalue("postgresql_server").fresh(), None)
    server = request.getfixturevalue("nats_server") if kind == "jetstream" else None
    return Place(kind, sqlite_url(tmp_path / "state.sqlite"), server)
