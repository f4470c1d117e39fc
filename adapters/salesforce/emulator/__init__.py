"""A local org that speaks the REST API: OAuth, SOQL, composite, describe, changes of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator
from adapters.salesforce.emulator.app import app
from adapters.salesforce.emulator.errors import error_form
from adapters.salesforce.emulator.seed import seed
from adapters.salesforce.emulator.sessions import CLIENT_ID, CLIENT_SECRET


def settings(base_url: str) -> Mapping[str, Any]:
    """The adapter's settings for an emulator; its columns are the default ones."""
    return {"base_url": base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


EMULATOR = Emulator(
    vendor="salesforce",
    system=System.CRM,
    seed=seed,
    app=app,
    errors=error_form,
    settings=settings,
)
