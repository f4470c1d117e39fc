"""Nothing lost, scaled down: gateways die and the broker restarts while webhooks pour in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.events import Load, run_events
from tests.support.nats import CannotStart, NatsServer

LOAD = Load(webhooks=600, kills=2, restarts=1, late_s=0.5)


@pytest.mark.parametrize("kind", ["SQLite", "JetStream"])
def test_every_webhook_is_logged_once_and_seen_once_in_order(kind: str, tmp_path: Path):
    server = None
    if kind == "JetStream":
        try:
            server = NatsServer(tmp_path / "nats")
            server.start()
        except CannotStart as error:
            pytest.skip(f"NATS cannot start here: {error}")
    try:
        outcome = asyncio.run(run_events(tmp_path, kind, LOAD, server))
    finally:
        if server is not None:
            server.kill()
    assert outcome.well, outcome
    assert outcome.sent >= LOAD.webhooks
    assert outcome.duplicated > 0 < outcome.reordered
    assert outcome.reconnections >= LOAD.kills
    assert outcome.delivered == outcome.logged
