"""Hearing of changes: from now on, once under one key, without loss over a restart, in order per record."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.events import EventSource, Notice, Unverified
from adapters.contracts.vocabulary import RecordType
from tests.contract.event_case import EventCase
from tests.support.kept import Kept

pytestmark = pytest.mark.anyio
NAMES = sorted(path.stem.removeprefix("events_") for path in Path(__file__).parent.glob("events_*.py"))
GARBAGE = [b"", b"\xff\xfe\x00", b"[]", b"7", b"{}", b'{"type": 7}', b"{" * 3000]


@pytest.fixture(params=NAMES)
async def case(request: pytest.FixtureRequest, kept: Kept) -> AsyncIterator[EventCase]:
    async with importlib.import_module(f"tests.contract.events_{request.param}").case(kept) as found:
        yield found


@pytest.fixture
async def connect(case: EventCase) -> AsyncIterator[Callable[[], EventSource]]:
    async with AsyncExitStack() as closing:

        def connected() -> EventSource:
            adapter: Adapter = case.connect()
            closing.push_async_callback(adapter.aclose)
            assert adapter.events is not None
            return adapter.events

        yield connected


async def heard(
    source: EventSource, mark: str, wanted: set[tuple[RecordType, str]]
) -> tuple[list[Notice], str]:
    """Notices behind the mark until each wanted record was told of."""
    found = list[Notice]()
    async with asyncio.timeout(30):
        while not wanted <= {(notice.type, notice.record_id) for notice in found}:
            batch = await source.fetch(mark)
            assert batch is not None
            for key, body in batch.messages:
                assert source.key(body) == key
                found += source.parse(body)
            mark = batch.mark
    return found, mark


async def begun(source: EventSource) -> str:
    batch = await source.fetch(None)
    assert batch is not None
    assert list(batch.messages) == []
    assert not batch.more
    return batch.mark


async def test_it_begins_now_and_hears_of_what_changes(case: EventCase, connect: Callable[[], EventSource]):
    source = connect()
    mark = await begun(source)
    changed = await case.change(0)
    notices, _ = await heard(source, mark, {changed})
    assert {(notice.type, notice.record_id) for notice in notices} == {changed}
    for notice in notices:
        assert notice.event is None or notice.event in source.gives
        assert abs((datetime.now(UTC) - notice.occurred_at).total_seconds()) < 60
        assert notice.occurred_at.tzinfo is not None


async def test_what_is_found_again_has_the_same_key(case: EventCase, connect: Callable[[], EventSource]):
    source = connect()
    mark = await begun(source)
    changed = await case.change(0)
    first, _ = await heard(source, mark, {changed})
    again, _ = await heard(source, mark, {changed})
    assert {notice.key for notice in again} == {notice.key for notice in first}


async def test_a_restart_continues_at_the_mark_without_loss(
    case: EventCase, connect: Callable[[], EventSource]
):
    source = connect()
    mark = await begun(source)
    before = await case.change(0)
    known, mark = await heard(source, mark, {before})
    meanwhile = {await case.change(1), await case.change(2)}
    found, _ = await heard(connect(), mark, meanwhile)
    # A poll may find again what it knows; under no other key.
    known_keys = {notice.key for notice in known}
    assert {(notice.type, notice.record_id) for notice in found if notice.key not in known_keys} == meanwhile


async def test_a_mark_kept_before_anything_was_heard_is_good_after_a_restart(
    case: EventCase, connect: Callable[[], EventSource]
):
    mark = await begun(connect())
    changed = {await case.change(0), await case.change(1)}
    found, _ = await heard(connect(), mark, changed)
    assert {(notice.type, notice.record_id) for notice in found} == changed


async def test_a_later_change_of_a_record_has_a_greater_version_and_another_key(
    case: EventCase, connect: Callable[[], EventSource]
):
    source = connect()
    mark = await begun(source)
    changed = await case.change(0)
    (earlier, *_), mark = await heard(source, mark, {changed})
    await case.change(0)
    found = list[Notice]()
    async with asyncio.timeout(30):
        while not found:
            notices, mark = await heard(source, mark, {changed})
            found = [notice for notice in notices if notice.key != earlier.key]
    assert earlier.version is not None
    assert found[0].version is not None
    assert found[0].version > earlier.version


async def test_parsing_the_same_message_gives_the_same_notices(
    case: EventCase, connect: Callable[[], EventSource]
):
    source = connect()
    mark = await begun(source)
    await case.change(0)
    async with asyncio.timeout(30):
        while not (batch := await source.fetch(mark)).messages:
            mark = batch.mark
    for _, body in batch.messages:
        assert list(source.parse(body)) == list(connect().parse(body))


async def test_a_message_of_another_kind_gives_nothing(case: EventCase, connect: Callable[[], EventSource]):
    source = connect()
    assert list(source.parse(case.unknown)) == []
    assert source.key(case.unknown)


async def test_garbage_is_malformed(connect: Callable[[], EventSource]):
    source = connect()
    for body in GARBAGE:
        with pytest.raises(Malformed):
            source.parse(body)
        with pytest.raises(Malformed):
            source.key(body)


async def test_a_foreign_mark_is_rejected(connect: Callable[[], EventSource]):
    for mark in ("", "nonsense", "7"):
        with pytest.raises(Rejected):
            await connect().fetch(mark)


async def test_without_webhooks_everything_is_refused(case: EventCase, connect: Callable[[], EventSource]):
    source = connect()
    if source.webhooks:
        pytest.skip("the vendor pushes")
    for body in (case.unknown, b"", b"{}"):
        with pytest.raises(Unverified):
            source.verify({"authorization": "Bearer x"}, body, datetime.now(UTC), "secret")
