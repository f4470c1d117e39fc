"""The NetSuite emulator: SuiteTalk REST as an integration meets it, over tables of one SQLite file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator
from adapters.emulation.limits import Limits
from adapters.netsuite.emulator.access import CERTIFICATE_ID, CLIENT_ID, private_key_pem
from adapters.netsuite.emulator.app import app
from adapters.netsuite.emulator.life import LIFE
from adapters.netsuite.emulator.problems import error_form
from adapters.netsuite.emulator.restlet import DEPLOY, SCRIPT
from adapters.netsuite.emulator.seed import seed


def settings(base_url: str) -> Mapping[str, Any]:
    """The settings of an adapter that is connected to the emulator at ``base_url``."""
    return {
        "base_url": base_url,
        "account": "FIELDGATE_SB1",
        "client_id": CLIENT_ID,
        "certificate_id": CERTIFICATE_ID,
        "private_key": private_key_pem(),
        "draft_column": "custbody_draft",
        "void_restlet": {"script": SCRIPT, "deploy": DEPLOY},
    }


EMULATOR = Emulator(
    vendor="netsuite",
    system=System.ERP,
    seed=seed,
    app=app,
    errors=error_form,
    settings=settings,
    # The base tier's (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1500275531.html);
    # NetSuite has no limit per second.
    limits=Limits(concurrency=15),
    life=LIFE,
)
