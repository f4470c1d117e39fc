"""A key that is revoked is refused at once by every gateway on the database, be it SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.api_keys import ApiKeys
from gateway.auth.key_store import KeyStore, NewKey
from gateway.auth.revocations import AGAIN_S, PostgresqlRevocations, SqliteRevocations
from gateway.auth.session import REVOKED, Unauthenticated
from gateway.policy.engine import Policy
from gateway.store.database import Database, sqlite_url

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
async def databases(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[tuple[Database, Database, Any]]:
    """Two gateways' views of one database, and what tells the first of revocations."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "state.sqlite")
        one, other = await Database.open(url), await Database.open(url)
        yield one, other, SqliteRevocations(tmp_path / "state.sqlite")
        await one.aclose()
        await other.aclose()
        return
    url = request.getfixturevalue("postgresql_server").fresh()
    one, other = await Database.open(url), await Database.open(url)
    yield one, other, PostgresqlRevocations(one)
    await one.aclose()
    await other.aclose()


async def test_a_revocation_elsewhere_counts_here(databases: tuple[Database, Database, Any]) -> None:
    one, other, revocations = databases
    keys = ApiKeys(KeyStore(one), revocations, Policy())
    try:
        key = await KeyStore(other).create(NewKey("test", ("finance",)))
        session = await keys.verify(key)
        assert session.viewer.may("postInvoice")
        # PostgreSQL begins to be listened to by the first; what is remembered is remembered from then on.
        while revocations.revision() is None:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0)
        await keys.verify(key)
        assert await keys.verify(key) is session
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        session.on_end(ended.set_result)
        before = revocations.revision()
        assert await KeyStore(other).revoke(key.split("_")[1])
        while revocations.revision() == before:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0)
        with pytest.raises(Unauthenticated):
            await keys.verify(key)
        assert await ended == REVOKED
    finally:
        await keys.aclose()


async def test_a_key_is_revoked_once(databases: tuple[Database, Database, Any]) -> None:
    one, _, revocations = databases
    store = KeyStore(one)
    own_id = (await store.create(NewKey("test", ("finance",)))).split("_")[1]
    assert await store.revoke(own_id)
    assert not await store.revoke(own_id)
    assert not await store.revoke("nobody")
    (listed,) = await store.all()
    assert listed.revoked_at is not None
    await revocations.aclose()


class Slow(KeyStore):
    """A database whose answer takes its time."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.read, self.go_on = asyncio.Event(), asyncio.Event()

    async def find(self, presented: str) -> Any:
        found = await super().find(presented)
        self.read.set()
        await self.go_on.wait()
        return found


async def test_a_key_that_was_read_before_it_was_revoked_is_not_remembered(
    databases: tuple[Database, Database, Any],
) -> None:
    one, other, revocations = databases
    store = Slow(one)
    keys = ApiKeys(store, revocations, Policy())
    try:
        key = await KeyStore(other).create(NewKey("test", ("finance",)))
        while revocations.revision() is None:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0)
        before = revocations.revision()
        verifying = asyncio.create_task(keys.verify(key))
        await store.read.wait()
        assert await KeyStore(other).revoke(key.split("_")[1])
        while revocations.revision() == before:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0)
        # Another request learns of the revocation first.
        assert keys.known(b"another") is None
        store.go_on.set()
        await verifying
        assert keys.known(key.encode()) is None
        with pytest.raises(Unauthenticated):
            await keys.verify(key)
    finally:
        await keys.aclose()


# With SQLite


@pytest.fixture
async def file(tmp_path: Path) -> AsyncGenerator[tuple[Path, Database]]:
    """A database of its own, and where it is."""
    found = tmp_path / "state.sqlite"
    database = await Database.open(sqlite_url(found))
    yield found, database
    await database.aclose()


async def revoked(database: Database) -> str:
    """A key that was made and taken back."""
    store = KeyStore(database)
    own_id = (await store.create(NewKey("test", ("finance",)))).split("_")[1]
    assert await store.revoke(own_id)
    return own_id


async def test_each_revocation_is_seen_by_the_next_look(file: tuple[Path, Database]) -> None:
    path, database = file
    # A clock that stands still: nothing is seen for time having passed.
    revocations = SqliteRevocations(path, lambda: 0.0)
    for count in range(3):
        assert revocations.revision() == revocations.revision() == count
        await revoked(database)
    await revocations.aclose()


async def test_a_revocation_past_the_mark_is_seen_within_a_second(file: tuple[Path, Database]) -> None:
    path, database = file
    now = 0.0
    revocations = SqliteRevocations(path, lambda: now)
    await revoked(database)
    assert revocations.revision() == 1
    with sqlite3.connect(path) as by_hand:
        by_hand.execute("UPDATE api_key SET revoked_at = NULL")
    by_hand.close()
    now = AGAIN_S - 0.01
    assert revocations.revision() == 1
    now = AGAIN_S
    assert revocations.revision() == 0
    await revocations.aclose()


async def test_where_there_can_be_no_mark_the_database_is_asked_each_time(
    file: tuple[Path, Database],
) -> None:
    path, database = file
    path.with_name("state.sqlite-revoked").mkdir()
    revocations = SqliteRevocations(path, lambda: 0.0)
    assert revocations.revision() == 0
    await revoked(database)
    assert revocations.revision() == 1
    await revocations.aclose()
    assert revocations.revision() is None
