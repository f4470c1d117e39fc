"""Every fault of the tree from a real misbehaving answer, throttling, tokens, check-ups."""

from __future__ import annotations

import asyncio

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Malformed, OutcomeUnknown, Throttled, Unauthorised, Unreachable
from adapters.contracts.resource import PageRequest, Resource
from adapters.emulation.faults import Fault
from tests.contract.harness import Harness
from tests.support.sandbox import closed_port

pytestmark = pytest.mark.anyio


def a_resource(harness: Harness, adapter: Adapter) -> tuple[Resource, str]:
    record_type = next(iter(harness.samples))
    return adapter.resources[record_type], harness.samples[record_type][0].id


async def read(harness: Harness, adapter: Adapter) -> None:
    resource, record_id = a_resource(harness, adapter)
    await resource.read_many([record_id], frozenset({"id"}))


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("drop", OutcomeUnknown),
        ("truncate", Malformed),
        ("content_type", Malformed),
        ("throttle", Throttled),
        ("fail_after", OutcomeUnknown),
    ],
)
async def test_a_misbehaving_answer_becomes_its_fault(
    harness: Harness, adapter: Adapter, kind: str, fault: type[Exception]
):
    harness.front.arm(Fault(kind, path=harness.api_path, times=5))  # type: ignore[arg-type]
    with pytest.raises(fault):
        await read(harness, adapter)
    harness.front.disarm()
    await read(harness, adapter)


@pytest.mark.parametrize("kind", ["drop", "truncate", "content_type", "throttle"])
async def test_lists_fail_the_same_way(harness: Harness, adapter: Adapter, kind: str):
    faults = {"drop": OutcomeUnknown, "throttle": Throttled}
    harness.front.arm(Fault(kind, path=harness.api_path, times=5))  # type: ignore[arg-type]
    resource, _ = a_resource(harness, adapter)
    with pytest.raises(faults.get(kind, Malformed)):
        await resource.page(PageRequest(frozenset({"id"}), first=5))


async def test_where_nobody_listens_nothing_was_sent(harness: Harness):
    with closed_port() as nowhere:
        alone = harness.connect(base_url=nowhere)
        try:
            with pytest.raises(Unreachable):
                await read(harness, alone)
            findings = await alone.check()
        finally:
            await alone.aclose()
    assert findings
    assert all("\n" not in finding.detail for finding in findings)
    assert any(not finding.ok for finding in findings)


async def test_throttling_carries_how_long_to_wait_where_it_is_said(harness: Harness, adapter: Adapter):
    harness.front.arm(Fault("throttle", path=harness.api_path, retry_after_s=3))
    with pytest.raises(Throttled) as told:
        await read(harness, adapter)
    assert told.value.retry_after_s == 3
    harness.front.arm(Fault("throttle", path=harness.api_path))
    with pytest.raises(Throttled) as silent:
        await read(harness, adapter)
    assert silent.value.retry_after_s is None


async def test_each_status_becomes_its_fault(harness: Harness, adapter: Adapter):
    for status, fault in harness.errors:
        harness.front.arm(Fault("error", path=harness.api_path, status=status, times=5))
        with pytest.raises(fault) as raised:
            await read(harness, adapter)
        assert type(raised.value) is fault, status
        harness.front.disarm()


async def test_a_token_that_expires_is_renewed_once_for_all_that_wait(harness: Harness, adapter: Adapter):
    if harness.token_path is None:
        pytest.skip("credentials that do not change")
    harness.front.arm(Fault("expire_token", path=harness.api_path))
    await read(harness, adapter)
    renewals = [call for call in harness.front.log.calls if harness.token_path in call["path"]]
    assert len(renewals) == 1


async def test_many_that_wait_for_a_first_token_fetch_it_once(harness: Harness, adapter: Adapter):
    if harness.token_path is None:
        pytest.skip("credentials that do not change")
    fresh = harness.connect()
    try:
        await asyncio.gather(*(read(harness, fresh) for _ in range(20)))
    finally:
        await fresh.aclose()
    fetches = [call for call in harness.front.log.calls if harness.token_path in call["path"]]
    assert len(fetches) == 1


async def test_a_server_that_never_accepts_is_asked_twice_at_most(harness: Harness, adapter: Adapter):
    harness.front.arm(Fault("expire_token", path=harness.api_path, times=100))
    with pytest.raises(Unauthorised):
        await read(harness, adapter)
    asked = [
        call
        for call in harness.front.log.calls
        if harness.api_path in call["path"]
        and (harness.token_path is None or harness.token_path not in call["path"])
    ]
    assert len(asked) <= 2


async def test_wrong_credentials_are_unauthorised_and_not_shown(harness: Harness):
    if harness.wrong_credentials is None:
        pytest.skip("the server takes any credentials")
    harness.front.disarm()
    wrong = harness.wrong_credentials()
    try:
        with pytest.raises(Unauthorised):
            await read(harness, wrong)
        findings = await wrong.check()
        assert any(not finding.ok for finding in findings)
        assert all("\n" not in finding.detail for finding in findings)
    finally:
        await wrong.aclose()


async def test_a_check_up_of_a_well_connection_finds_it_well(harness: Harness, adapter: Adapter):
    findings = await adapter.check()
    assert findings
    assert [finding for finding in findings if not finding.ok] == []


async def test_a_check_up_of_an_ill_connection_says_so_and_raises_nothing(harness: Harness, adapter: Adapter):
    harness.front.arm(Fault("error", path=harness.api_path, status=500, times=100))
    findings = await adapter.check()
    assert any(not finding.ok for finding in findings)
