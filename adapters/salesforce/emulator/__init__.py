"""A local org: the REST API (OAuth, SOQL, composite, describe, changes of records), and the Pub/Sub API."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator
from adapters.salesforce.emulator.app import app
from adapters.salesforce.emulator.errors import error_form
from adapters.salesforce.emulator.life import LIFE
from adapters.salesforce.emulator.seed import seed
from adapters.salesforce.emulator.sessions import CLIENT_ID, CLIENT_SECRET, ORGANIZATION_ID


def settings(base_url: str) -> Mapping[str, Any]:
    """The adapter's settings for an emulator; its columns are the default ones."""
    return {"base_url": base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


@contextlib.asynccontextmanager
async def beside(store: sqlite3.Connection) -> AsyncGenerator[Mapping[str, Any]]:
    """The Pub/Sub API over a seeded store; nothing where the extra ``salesforce-events`` is not installed."""
    try:
        from adapters.salesforce.emulator.pubsub import serve
    except ImportError:
        yield {}
        return
    async with serve(store) as endpoint:
        yield {"organization_id": ORGANIZATION_ID, "pubsub_endpoint": endpoint, "pubsub_tls": False}


EMULATOR = Emulator(
    vendor="salesforce",
    system=System.CRM,
    seed=seed,
    app=app,
    errors=error_form,
    settings=settings,
    beside=beside,
    life=LIFE,
)
