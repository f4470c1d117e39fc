"""``ifUnmodifiedSince`` where the vendor does not look: the gateway reads just before each sending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import URL

from adapters.contracts.errors import OutcomeUnknown
from adapters.contracts.writes import Verb
from schema.enums import CommandStatus
from tests.commands.world import Fate, new, world_on

pytestmark = pytest.mark.anyio

POST = Verb.POST_INVOICE


async def test_what_changed_while_the_command_waited_is_a_conflict_and_nothing_is_sent(
    database_url: URL,
) -> None:
    async with world_on(database_url) as (world, engine):
        system, now = world.systems["erp"], world.clock.now()
        system.changed_at["7"] = now - timedelta(hours=1)
        system.fates.append(Fate.UNREACHABLE)
        command = await engine.submit(new(POST, "7", unmodified_since=now))
        await world.work(engine)
        system.changed_at["7"] = now + timedelta(seconds=1)
        await world.work(engine, 70)
        found = await engine.get(command.id)
        assert found is not None
        assert (found.status, found.fault) == (CommandStatus.REJECTED, "Conflict")
        assert (found.vendor_code, found.message) == ("stale", "the record was changed in the meantime")
        assert (len(system.sent), system.done.total()) == (1, 0)


async def test_what_did_not_change_is_sent_without_the_guard(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system, now = world.systems["erp"], world.clock.now()
        system.changed_at["7"] = now
        command = await engine.submit(new(POST, "7", unmodified_since=now))
        await world.work(engine)
        found = await engine.get(command.id)
        assert found is not None
        assert found.status is CommandStatus.SUCCEEDED
        assert [write.unmodified_since for write in system.sent] == [None]


async def test_a_reading_that_is_lost_leaves_no_doubt_about_the_write(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        system, now = world.systems["erp"], world.clock.now()
        system.changed_at["7"] = now
        system.looking_fails.append(OutcomeUnknown("no answer"))
        command = await engine.submit(new(POST, "7", unmodified_since=now))
        await world.work(engine)
        waiting = await engine.get(command.id)
        assert waiting is not None
        assert (waiting.status, waiting.fault, len(system.sent)) == (CommandStatus.WAITING, "Unreachable", 0)
        await world.work(engine, 70)
        assert system.done.total() == 1
        assert system.read == 0


async def test_a_record_that_is_not_there_is_not_written(database_url: URL) -> None:
    async with world_on(database_url) as (world, engine):
        command = await engine.submit(new(POST, "8", unmodified_since=world.clock.now()))
        await world.work(engine)
        found = await engine.get(command.id)
        assert found is not None
        assert (found.status, found.fault) == (CommandStatus.REJECTED, "NotFound")
        assert world.systems["erp"].sent == []
