"""Tryton's events: polled from a real server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager

from adapters.contracts.vocabulary import RecordType
from adapters.tryton.client import TrytonClient
from adapters.tryton.manifest import MANIFEST
from adapters.tryton.settings import TrytonSettings
from tests.contract.event_case import EventCase
from tests.support.kept import Kept
from tests.support.tryton_front import TrytonFront, tryton_front


def changing() -> AbstractContextManager[TrytonFront]:
    """A server of its own: what changes here must not be read by the tests that only read."""
    return tryton_front()


@contextlib.asynccontextmanager
async def case(kept: Kept) -> AsyncIterator[EventCase]:
    front = await asyncio.to_thread(kept.of, changing)
    parties = [fact for fact in front.server.facts["customers"] if fact["active"]]
    clerk = TrytonClient(TrytonSettings(**front.with_password()))
    notes = itertools.count()

    async def change(number: int) -> tuple[RecordType, str]:
        party = parties[number]["id"]
        arguments = {"ids": [party], "values": {"name": f"Renamed {next(notes)}"}}
        await clerk._door.call(clerk._http, "party.party", "write", arguments, await clerk.context())
        return RecordType.CUSTOMER, str(party)

    settings = TrytonSettings(**front.with_key())
    unknown = b'{"type": "CalendarEvent", "id": "7", "version": 1}'
    yield EventCase(lambda: MANIFEST.connect("erp", settings), change, unknown)
    await clerk.aclose()
