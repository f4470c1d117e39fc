"""The outbox of webhooks, and life: durable, repeated, late, and the same for the same seed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import httpx
import pytest

from adapters.emulation.faults import ErrorBody, Misbehaving
from adapters.emulation.life import Happening, Life, pick
from adapters.emulation.store import open_store, transaction
from adapters.emulation.webhooks import (
    Deliverer,
    Endpoint,
    WebhookForm,
    counts,
    open_outbox,
    post_event,
    set_endpoint,
)
from tests.support.receiver import Receiver
from tests.support.server import serving

pytestmark = pytest.mark.anyio


def prove(body: bytes, now: int) -> Mapping[str, str]:
    return {"x-proof": f"{len(body)}"}


FORM = WebhookForm(prove, retries_s=(1.0, 2.0))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_store(tmp_path / "store.sqlite")
    open_outbox(opened)
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    app = Receiver()
    with serving(app) as url:
        yield app, f"{url}/in/acme"


async def heard(receiver: Receiver, deliveries: int) -> list[bytes]:
    return [each.body for each in await asyncio.to_thread(receiver.wait_for, deliveries)]


def post(store: sqlite3.Connection, *numbers: int) -> None:
    for number in numbers:
        post_event(store, "acme", f"e{number}", b'{"number": %d}' % number)


async def settled(deliverer: Deliverer) -> dict[str, int]:
    """The counts, once nothing is pending."""
    async with asyncio.timeout(20):
        await deliverer.drained()
    return deliverer.counts()


async def test_events_go_out_as_they_were_signed(
    store: sqlite3.Connection, receiver: tuple[Receiver, str]
) -> None:
    app, url = receiver
    post(store, 0)  # There is no endpoint yet: nobody will ever hear of it.
    deliverer = Deliverer(store, "acme", FORM)
    deliverer.send_to(Endpoint(url))
    post(store, 1)
    (body,) = await heard(app, 1)
    assert (body, app.heard[0].path, app.heard[0].headers["x-proof"]) == (b'{"number": 1}', "/in/acme", "13")
    deliverer.send_to(None)
    post(store, 2)
    assert await settled(deliverer) == {
        "events": 1,
        "duplicated": 0,
        "reordered": 0,
        "attempts": 1,
        "delivered": 1,
        "given_up": 0,
        "pending": 0,
    }
    await deliverer.stop()


async def test_a_change_that_is_undone_sends_nothing(store: sqlite3.Connection) -> None:
    set_endpoint(store, "acme", Endpoint("http://127.0.0.1:1/"))

    def break_off() -> None:
        with transaction(store):
            post(store, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert counts(store, "acme")["events"] == 0


async def test_what_is_not_accepted_is_tried_again_and_then_given_up(
    store: sqlite3.Connection, receiver: tuple[Receiver, str]
) -> None:
    app, url = receiver
    deliverer = Deliverer(store, "acme", FORM)
    deliverer.send_to(Endpoint(url, retry_scale=0.01))
    app.refusals = 2
    post(store, 1)
    assert (await settled(deliverer))["delivered"] == 1
    app.refusals = 3
    post(store, 2)
    found = await settled(deliverer)
    assert (found["attempts"], found["delivered"], found["given_up"]) == (6, 1, 1)
    await deliverer.stop()


async def test_what_was_not_sent_is_sent_by_the_next_process(
    store: sqlite3.Connection, receiver: tuple[Receiver, str]
) -> None:
    app, url = receiver
    set_endpoint(store, "acme", Endpoint(url))
    post(store, *range(50))
    stopped = Deliverer(store, "acme", FORM)
    stopped.start()
    await heard(app, 5)
    await stopped.stop()
    assert counts(store, "acme")["pending"]
    following = Deliverer(store, "acme", FORM)
    following.start()
    await settled(following)
    assert set(await heard(app, 50)) == {b'{"number": %d}' % number for number in range(50)}
    await following.stop()


async def test_twice_and_late_on_demand(store: sqlite3.Connection, receiver: tuple[Receiver, str]) -> None:
    app, url = receiver
    deliverer = Deliverer(store, "acme", FORM)
    deliverer.send_to(Endpoint(url, duplicated=0.1, reordered=0.1, late_s=0.2))
    post(store, *range(300))
    found = await settled(deliverer)
    assert 15 <= found["duplicated"] <= 50
    assert 15 <= found["reordered"] <= 50
    bodies = Counter(await heard(app, 300 + found["duplicated"]))
    assert len(bodies) == 300
    assert Counter(bodies.values()) == {1: 300 - found["duplicated"], 2: found["duplicated"]}
    order = [each.body for each in app.heard]
    assert order != sorted(order, key=lambda body: int(body[11:-1]))
    chosen = store.execute("SELECT key FROM webhook WHERE again ORDER BY number").fetchall()
    await deliverer.stop()

    store.execute("DELETE FROM webhook")
    post(store, *range(300))
    assert store.execute("SELECT key FROM webhook WHERE again ORDER BY number").fetchall() == chosen


async def test_the_endpoint_is_set_over_the_admin_endpoint(
    store: sqlite3.Connection, receiver: tuple[Receiver, str]
) -> None:
    app, url = receiver
    deliverer = Deliverer(store, "acme", FORM)
    front = Misbehaving(lambda *_: None, lambda status, kind: ErrorBody({}), webhooks=deliverer)  # type: ignore[arg-type,return-value]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://acme") as http:
        wrong = await http.put("/_emulator/webhooks", json={"uri": url})
        assert wrong.status_code == 400
        assert (await http.put("/_emulator/webhooks", json={"url": url})).status_code == 200
        post(store, 1)
        await heard(app, 1)
        await settled(deliverer)
        assert (await http.get("/_emulator/webhooks")).json()["delivered"] == 1
        assert (await http.delete("/_emulator/webhooks")).status_code == 200
        post(store, 2)
        assert (await http.get("/_emulator/webhooks")).json()["events"] == 1
    await deliverer.stop()


# Life


def test_life_is_the_same_for_the_same_seed_and_goes_on_after_a_restart(store: sqlite3.Connection) -> None:
    def happen(store: sqlite3.Connection, rng: Random) -> str | None:
        return str(rng.randrange(1000))

    happenings = [("acme", Happening(name, weight, happen)) for name, weight in (("a", 1), ("b", 3))]

    def lived(steps: list[int], seed: int) -> list[str | None]:
        store.execute("DROP TABLE IF EXISTS life")
        found: list[str | None] = []
        for times in steps:
            life = Life(store, happenings, seed)
            found += [life.step() for _ in range(times)]
        return found

    once = lived([40], 7)
    assert once == lived([15, 25], 7)
    assert once != lived([40], 8)
    kinds = Counter(str(said).split()[1] for said in once)
    assert kinds["b"] > kinds["a"] > 0


def test_where_nothing_can_happen_nothing_does(store: sqlite3.Connection) -> None:
    life = Life(store, [("acme", Happening("never", 1, lambda store, rng: None))], 7)
    assert [life.step() for _ in range(3)] == [None] * 3
    assert pick(store, Random(1), "SELECT 1 AS x WHERE 0") is None
