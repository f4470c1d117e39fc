"""Writing: once whatever gets lost on the way, settled by reading, refused without a trace."""

from __future__ import annotations

import contextlib
import importlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Conflict, Malformed, OutcomeUnknown, Rejected, Throttled, Unsupported
from adapters.contracts.writes import WRITINGS, Settlement, Verb, Write, Writer
from adapters.emulation.faults import Fault
from tests.contract.conftest import NAMES
from tests.contract.harness import Harness, WriteCase

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=NAMES)
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A server of its own: what is written here must not be counted by the tests that only read."""
    with importlib.import_module(f"tests.contract.harness_{request.param}").harness() as found:
        yield found


@pytest.fixture
def writer(harness: Harness, adapter: Adapter) -> Writer:
    if adapter.writer is None:
        pytest.skip("the vendor is only read")
    return adapter.writer


def new_key() -> str:
    return f"cmd_{secrets.token_hex(12)}"


def strike(harness: Harness, case: WriteCase, kind: str, **fault: object) -> None:
    """Arms a fault for the request that writes."""
    harness.front.arm(Fault(kind, path=case.path, method=case.method, **fault))  # type: ignore[arg-type]


async def assert_done(adapter: Adapter, case: WriteCase, write: Write, record_id: str | None) -> None:
    assert record_id is not None, case.name
    resource = adapter.resources[WRITINGS[write.verb].result]
    expected = case.expected(write)
    rows = await resource.read_many([record_id], frozenset(expected))
    assert record_id in rows, case.name
    read = {name: resource.fields.read(rows[record_id], name) for name in expected}
    assert read == dict(expected), case.name


async def test_every_verb_has_a_case_and_no_other_is_offered(
    harness: Harness, adapter: Adapter, writer: Writer
):
    assert {case.write(new_key()).verb for case in harness.writes} == writer.verbs
    assert writer.enforces_unmodified_since <= writer.verbs
    write = harness.writes[0].write(new_key())
    before = harness.effects()
    harness.front.log.clear()
    for verb in set(Verb) - writer.verbs:
        with pytest.raises(Unsupported):
            await writer.perform(replace(write, verb=verb))
    assert harness.front.log.calls == []
    assert harness.effects() == before


async def test_a_write_is_done_once_and_read_back(harness: Harness, adapter: Adapter, writer: Writer):
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        settled = await writer.settle(write)
        assert settled.settlement is Settlement.NOT_DONE, case.name
        record_id = await writer.perform(write)
        await assert_done(adapter, case, write, record_id)
        assert harness.effects() == before + 1, case.name
        settled = await writer.settle(write)
        assert (settled.settlement, settled.record_id) == (Settlement.DONE, record_id), case.name


async def test_one_request_writes(harness: Harness, writer: Writer):
    for case in harness.writes:
        write = case.write(new_key())
        harness.front.log.clear()
        await writer.perform(write)
        calls = [
            call
            for call in harness.front.log.calls
            if call["method"] == case.method and case.path in call["path"]
        ]
        assert len(calls) == 1, (case.name, calls)


async def test_the_same_key_again_does_nothing_more(harness: Harness, adapter: Adapter, writer: Writer):
    """By the vendor's memory of the key, or because the state no longer allows it."""
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        record_id = await writer.perform(write)
        again: str | None = record_id
        with contextlib.suppress(Conflict):
            again = await writer.perform(write)
        assert again == record_id, case.name
        await assert_done(adapter, case, write, record_id)
        assert harness.effects() == before + 1, case.name


@pytest.mark.parametrize("kind", ["fail_after", "drop_after", "truncate"])
async def test_a_write_whose_answer_was_lost_is_settled_as_done(
    harness: Harness, adapter: Adapter, writer: Writer, kind: str
):
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        strike(harness, case, kind)
        try:
            await writer.perform(write)
        except (OutcomeUnknown, Malformed):
            pass
        else:
            # An answer without a body cannot be cut.
            assert kind == "truncate", case.name
        harness.front.disarm()
        settled = await writer.settle(write)
        assert settled.settlement is Settlement.DONE, case.name
        await assert_done(adapter, case, write, settled.record_id)
        assert harness.effects() == before + 1, case.name


@pytest.mark.parametrize("kind", ["error", "drop", "content_type", "throttle"])
async def test_a_write_that_was_not_done_is_settled_so_and_can_be_tried_again(
    harness: Harness, adapter: Adapter, writer: Writer, kind: str
):
    faults = {"content_type": Malformed, "throttle": Throttled}
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        strike(harness, case, kind)
        with pytest.raises(faults.get(kind, OutcomeUnknown)):
            await writer.perform(write)
        settled = await writer.settle(write)
        assert settled.settlement is Settlement.NOT_DONE, case.name
        assert harness.effects() == before, case.name
        await assert_done(adapter, case, write, await writer.perform(write))
        assert harness.effects() == before + 1, case.name


async def test_settling_only_reads(harness: Harness, writer: Writer):
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        harness.front.log.clear()
        await writer.settle(write)
        calls = [call for call in harness.front.log.calls if call["method"] == case.method]
        assert not [call for call in calls if case.path in call["path"]], case.name
        assert harness.effects() == before, case.name


async def test_input_the_vendor_refuses_is_rejected_and_has_no_effect(harness: Harness, writer: Writer):
    cases = [case for case in harness.writes if case.refused is not None]
    if not cases:
        pytest.skip("the vendor takes any input")
    for case in cases:
        assert case.refused is not None
        write, before = case.refused(new_key()), harness.effects()
        with pytest.raises(Rejected):
            await writer.perform(write)
        assert harness.effects() == before, case.name
        assert (await writer.settle(write)).settlement is Settlement.NOT_DONE, case.name


async def test_a_state_that_does_not_allow_it_is_a_conflict_and_has_no_effect(
    harness: Harness, writer: Writer
):
    cases = [case for case in harness.writes if case.wrong_state is not None]
    if not cases:
        pytest.skip("every state allows every write")
    for case in cases:
        assert case.wrong_state is not None
        write, before = case.wrong_state(new_key()), harness.effects()
        with pytest.raises(Conflict) as refused:
            await writer.perform(write)
        assert refused.value.vendor_code == "wrong_state", case.name
        assert harness.effects() == before, case.name


async def test_a_stale_write_is_refused_where_the_vendor_looks(
    harness: Harness, adapter: Adapter, writer: Writer
):
    if not writer.enforces_unmodified_since:
        pytest.skip("the gateway looks instead")
    for case in harness.writes:
        write, before = case.write(new_key()), harness.effects()
        if write.verb not in writer.enforces_unmodified_since:
            continue
        with pytest.raises(Conflict):
            await writer.perform(replace(write, unmodified_since=datetime(2001, 1, 1, tzinfo=UTC)))
        assert harness.effects() == before, case.name
        later = datetime.now(UTC) + timedelta(days=1)
        fresh = replace(write, key=new_key(), unmodified_since=later)
        await assert_done(adapter, case, fresh, await writer.perform(fresh))
        assert harness.effects() == before + 1, case.name
