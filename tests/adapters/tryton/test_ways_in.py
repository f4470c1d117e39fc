"""The two ways into a real Tryton server: a user's session over JSON-RPC, an application key over REST."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.contracts.errors import Malformed, OutcomeUnknown, Throttled, Unauthorised
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from adapters.tryton.adapter import TrytonAdapter
from tests.support.tryton_front import TrytonFront

pytestmark = pytest.mark.anyio

Connect = Callable[..., TrytonAdapter]
RPC = "/fieldgate/rpc/"


async def everything(adapter: TrytonAdapter) -> dict[str, list[dict[str, object]]]:
    read: dict[str, list[dict[str, object]]] = {}
    for record_type, resource in adapter.resources.items():
        names = resource.fields.supplies()
        page = await resource.page(PageRequest(names, first=500))
        assert not page.has_more
        read[record_type.value] = [
            {name: resource.fields.read(row, name) for name in names} for row in page.rows
        ]
    return read


async def one(adapter: TrytonAdapter) -> None:
    await adapter.resources[RecordType.INVOICE].page(PageRequest(frozenset({"id"}), first=1))


async def test_both_ways_read_the_same(front: TrytonFront, connect: Connect):
    with_key = await everything(connect(front.with_key()))
    with_password = await everything(connect(front.with_password()))
    assert with_key == with_password
    assert all(with_key.values())


async def test_a_session_is_opened_once_for_all_that_wait(front: TrytonFront, connect: Connect):
    adapter = connect(front.with_password())
    await asyncio.gather(*(one(adapter) for _ in range(8)))
    login, preferences, *rest = (call["path"].removeprefix(RPC) for call in front.faults.log.calls)
    assert (login, preferences) == ("common.db/login", "model.res.user/get_preferences")
    assert rest == ["model.account.invoice/search_read"] * 8


async def test_a_session_that_ended_is_opened_anew_once(front: TrytonFront, connect: Connect):
    adapter = connect(front.with_password())
    await one(adapter)
    client = adapter._client  # It is the server that has to forget the adapter's session.
    proof = await client._door.authenticator.headers(client._http)
    body = {"id": 0, "method": "common.db.logout", "params": []}
    logged_out = await client._http.send("POST", RPC, json=body, headers=proof, authenticate=False)
    assert logged_out.status == 200
    front.faults.log.clear()
    await asyncio.gather(*(one(adapter) for _ in range(4)))
    # Four refused, a login, four again.
    assert len(front.faults.log.calls) == 9


@pytest.mark.parametrize("wrong", ["password", "key"])
async def test_wrong_credentials_are_refused_and_not_repeated(
    front: TrytonFront, connect: Connect, wrong: str
):
    secret = "not the right one"
    settings = front.with_password(secret) if wrong == "password" else front.with_key(secret)
    adapter = connect(settings)
    with pytest.raises(Unauthorised) as refused:
        await one(adapter)
    assert secret not in str(refused.value)
    assert len(front.faults.log.calls) == 1
    findings = {finding.check: finding for finding in await adapter.check()}
    assert findings["server"].ok
    assert not findings["login"].ok


@pytest.mark.parametrize("way", ["password", "key"])
async def test_a_user_without_access_is_unauthorised(front: TrytonFront, connect: Connect, way: str):
    settings = (
        front.with_password(username="stranger")
        if way == "password"
        else front.with_key(front.server.stranger_key)
    )
    adapter = connect(settings)
    with pytest.raises(Unauthorised):
        await one(adapter)
    ill = {finding.check for finding in await adapter.check() if not finding.ok}
    assert ill == {"account.invoice", "account.move"}


async def test_a_field_that_is_not_there_is_found_by_the_check_up(front: TrytonFront, connect: Connect):
    for settings in (front.with_password(), front.with_key()):
        adapter = connect({**settings, "customer_link": "no_such_field"})
        ill = {finding.check: finding.detail for finding in await adapter.check() if not finding.ok}
        assert set(ill) == {"party.party", "account.invoice"}
        with pytest.raises(OutcomeUnknown) as failed:
            await adapter.resources[RecordType.CUSTOMER].page(PageRequest(frozenset({"customer_in_crm"})))
        assert "no_such_field" not in str(failed.value)


async def test_a_database_that_is_not_there_is_no_missing_record(front: TrytonFront, connect: Connect):
    for settings in (front.with_password(), front.with_key()):
        findings = await connect({**settings, "database": "elsewhere"}).check()
        assert [finding.check for finding in findings if not finding.ok] == ["login"]


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
async def test_a_session_meets_the_same_faults(
    front: TrytonFront, connect: Connect, kind: str, fault: type[Exception]
):
    adapter = connect(front.with_password())
    await one(adapter)
    front.faults.arm(Fault(kind))  # type: ignore[arg-type]
    with pytest.raises(fault):
        await one(adapter)
    await one(adapter)


async def test_too_many_logins_are_throttled(front: TrytonFront, connect: Connect):
    front.faults.arm(Fault("throttle"))
    with pytest.raises(Throttled):
        await one(connect(front.with_password()))
