"""Salesforce's events: the emulator's Pub/Sub API."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator

import pytest

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.salesforce.emulator import EMULATOR
from adapters.salesforce.manifest import MANIFEST
from tests.contract.event_case import EventCase
from tests.support.kept import Kept
from tests.support.server import serving

UNKNOWN = {
    "ChangeEventHeader": {
        "entityName": "Calendar",
        "recordIds": ["02U5g000000000AAAA"],
        "changeType": "UPDATE",
        "transactionKey": "t",
        "sequenceNumber": 1,
        "commitTimestamp": 1,
    }
}


@contextlib.asynccontextmanager
async def case(_kept: Kept) -> AsyncIterator[EventCase]:
    pytest.importorskip("grpc", reason="the extra salesforce-events is not installed")
    world = generate(seed=7, customers=40)
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    assert EMULATOR.beside is not None
    notes = itertools.count()

    async def change(number: int) -> tuple[RecordType, str]:
        account = world.customers[number].crm_id
        sql = "UPDATE salesforce_account SET Industry = ? WHERE Id = ?"
        store.execute(sql, (f"Trade {next(notes)}", account))
        return RecordType.CUSTOMER, account

    with serving(EMULATOR.serve(store)) as url:
        async with EMULATOR.beside(store) as more:
            settings = MANIFEST.settings.model_validate({**EMULATOR.settings(url), **more})
            connect = lambda: MANIFEST.connect("crm", settings)  # noqa: E731
            yield EventCase(connect, change, json.dumps(UNKNOWN).encode())
    store.close()
