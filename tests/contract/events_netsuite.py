"""NetSuite's events: polled from the emulator."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator

from adapters.contracts.vocabulary import InvoiceStatus, RecordType
from adapters.emulation.generate import generate
from adapters.emulation.store import open_store
from adapters.netsuite.emulator import EMULATOR
from adapters.netsuite.emulator.changes import change_record
from adapters.netsuite.manifest import MANIFEST
from tests.contract.event_case import EventCase
from tests.support.kept import Kept
from tests.support.server import serving


@contextlib.asynccontextmanager
async def case(_kept: Kept) -> AsyncIterator[EventCase]:
    world = generate(seed=7, customers=40)
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    waiting = [fact for fact in world.invoices if fact.status is InvoiceStatus.PENDING_APPROVAL]
    notes = itertools.count()

    async def change(number: int) -> tuple[RecordType, str]:
        fact = waiting[number]
        change_record(store, "invoice", fact.id, {"memo": f"note {next(notes)}"}, strict=True)
        return RecordType.INVOICE, str(fact.id)

    with serving(EMULATOR.serve(store)) as url:
        settings = MANIFEST.settings.model_validate(EMULATOR.settings(url))
        unknown = b'{"type": "CalendarEvent", "id": "7", "version": 1}'
        yield EventCase(lambda: MANIFEST.connect("erp", settings), change, unknown)
    store.close()
