"""Nothing lost: webhooks pour in while gateways are killed and brokers restart, and a client comes back.

The emulated company moves by itself, at Stripe and at Chargebee, and tells of it by webhooks, some of them
twice and some late. One gateway after the other is killed with SIGKILL; the next one takes over on the same
state. A client follows all events over WebSocket and comes back with its cursor whenever it is cut off. What
happened is read from the emulators' own lists of events, and held against the log and what the client saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import websockets
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import registry
from adapters.contracts.events import Notice
from gateway.commands.compose import open_database
from gateway.connect import connect
from gateway.events.codec import event_id
from gateway.events.compose import open_events
from gateway.events.cursor import decode_cursor, encode_cursor
from gateway.events.tables import inbox, outbox
from gateway.settings import load_config
from gateway.store.database import Database
from resolvers.event_port import Event, EventFilter
from resolvers.ids import encode_event_id
from tests.soak.company import Company, company, seeded
from tests.soak.gateways import ROOT, Gateway, Gateways, gateways, until
from tests.soak.living import VENDORS
from tests.soak.section import Say
from tests.support.nats import NatsServer

BEGINNING = encode_cursor(0)
PARTS = ("", "converted", "read")
"""The events that one notice can make, by the names that tell them apart."""

PATIENCE_S = 3600
LOOK_S = 0.5
"""How often the emulators are asked how far they are: counting costs them."""

FOLLOW = "subscription ($after: Cursor) { businessEvents(after: $after) { id cursor } }"


@dataclass(frozen=True, slots=True)
class Load:
    """What a run is made of.

    webhooks:   how many of them the systems send at least, duplicates aside.
    kills:      how often the gateway is killed.
    restarts:   how often the broker is killed and started again, where there is one.
    duplicated, reordered: shares of the webhooks.
    """

    webhooks: int
    kills: int
    restarts: int
    customers: int = 60
    duplicated: float = 0.1
    reordered: float = 0.1
    late_s: float = 2.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    sent:       webhooks, duplicates aside; ``duplicated`` of them went out twice, ``reordered`` late.
    told:       of these, those that tell of something that has a word in the company's language.
    logged:     events in the log; ``delivered``: those that the client saw, by id.
    lost:       told and not logged, or logged and not seen by the client.
    doubled:    events of the log beyond one for each id, and events of no webhook.
    disordered: changes of an object behind a later one of its vendor's, objects whose last change is not
                where they stand, and events that the client saw in another order than the log's.
    again:      events that the client was sent more than once over its reconnections, as it must expect.
    """

    store: str
    kills: int
    restarts: int
    reconnections: int
    sent: int
    duplicated: int
    reordered: int
    told: int
    logged: int
    delivered: int
    lost: int
    doubled: int
    disordered: int
    again: int

    @property
    def well(self) -> bool:
        return self.lost == self.doubled == self.disordered == 0 and self.told > 0


async def run_events(
    folder: Path, kind: str, load: Load, nats: NatsServer | None = None, say: Say = lambda _: None
) -> Outcome:
    """One run on one kind of log. AssertionError where something does not happen in time."""
    source = seeded(folder / "seeded", customers=load.customers, seed=load.seed)
    with company(folder / "company", source) as firm:
        sections = {} if nats is None else {"events": {"broker": nats.url}}
        config = firm.config(folder / "gateway", **sections)
        client = _Client()
        async with gateways(folder / "gateways.log") as starter:
            gateway = await _begun(starter, config, firm, client, load)
            following = asyncio.create_task(client.follow())
            living = await _living(firm, load)
            try:
                for share, death in _deaths(load, nats):
                    await until(
                        lambda share=share: _delivered(firm, share * load.webhooks),
                        f"{share:.0%} of the webhooks delivered",
                        PATIENCE_S,
                        LOOK_S,
                    )
                    say(f"{kind}: {share:.0%} delivered, {len(client.seen):,} events seen; {death} is killed")
                    if nats is not None and death == "the broker":
                        await asyncio.to_thread(nats.restart)
                    else:
                        await until(client.is_following, "the client at the gateway", PATIENCE_S)
                        await gateway.kill()
                        gateway = await _begun(starter, config, firm, client, load)
                assert await asyncio.wait_for(living.wait(), PATIENCE_S) == 0
                await until(lambda: _nothing_pending(firm), "every webhook taken", PATIENCE_S, LOOK_S)
                async with _state(config) as (database, service):
                    await until(lambda: _worked_off(database), "the inbox worked off", PATIENCE_S)
                    log = [event async for event in service.events.until_now(EventFilter(), BEGINNING)]
                await until(lambda: client.is_at(log[-1].cursor), "the client at the last event", PATIENCE_S)
            finally:
                following.cancel()
                if living.returncode is None:
                    living.kill()
                await asyncio.gather(following, living.wait(), return_exceptions=True)
            await gateway.stop()
        say(f"{kind}: {len(log):,} events in the log")
        return _outcome(firm, kind, load, nats is not None, client, log)


def _deaths(load: Load, nats: NatsServer | None) -> list[tuple[float, str]]:
    """Who is killed, and at which share of the webhooks."""
    kills = [((number + 1) / (load.kills + 1), "the gateway") for number in range(load.kills)]
    restarts = [((number + 0.5) / (load.restarts + 1), "the broker") for number in range(load.restarts)]
    return sorted(kills + ([] if nats is None else restarts))


async def _begun(starter: Gateways, config: Path, firm: Company, client: _Client, load: Load) -> Gateway:
    """A gateway that webhooks and the client go to."""
    gateway = await starter.start(config)
    _send_to(firm, gateway.url, load)
    client.goes_to(gateway.url)
    return gateway


async def _living(firm: Company, load: Load) -> Process:
    """The company moves, in a process of its own, until it has sent so many webhooks."""
    arguments = (str(firm.emulators.store), str(load.webhooks), str(load.seed))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.living", *arguments, cwd=ROOT
    )


class _Client:
    """Follows all events, from the beginning of the log, and comes back behind the last it has seen."""

    def __init__(self) -> None:
        self.seen: dict[str, None] = {}
        self.again = 0
        self.connections = 0
        self._after = BEGINNING
        self._url = self._following = ""
        self._somewhere = asyncio.Event()

    def goes_to(self, url: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/graphql"
        self._following = ""
        self._somewhere.set()

    async def is_following(self) -> bool:
        return self._following == self._url

    async def is_at(self, cursor: str) -> bool:
        return decode_cursor(self._after) >= decode_cursor(cursor)

    async def follow(self) -> None:
        await self._somewhere.wait()
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                await self._connection()
            # Whoever is refused asks again, and there is nothing to wait on in another process.
            await asyncio.sleep(0.05)

    async def _connection(self) -> None:
        protocols: Any = ["graphql-transport-ws"]
        url = self._url
        async with websockets.connect(url, subprotocols=protocols, max_size=None) as socket:
            await socket.send('{"type": "connection_init"}')
            payload = {"query": FOLLOW, "variables": {"after": self._after}}
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "connection_ack":
                    self.connections += 1
                    self._following = url
                    await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
                elif message["type"] == "next":
                    self._take(message["payload"]["data"]["businessEvents"])
                elif message["type"] == "ping":
                    await socket.send('{"type": "pong"}')
                else:
                    raise AssertionError(message)

    def _take(self, event: Mapping[str, str]) -> None:
        self.again += event["id"] in self.seen
        self.seen[event["id"]] = None
        self._after = event["cursor"]


def _send_to(firm: Company, gateway_url: str, load: Load) -> None:
    """The systems' webhooks go to this gateway from now on; those that nobody took come again soon."""
    for vendor in VENDORS:
        endpoint = {
            "url": f"{gateway_url}/webhooks/{vendor}",
            "duplicated": load.duplicated,
            "reordered": load.reordered,
            "late_s": load.late_s,
            "seed": load.seed,
            "retry_scale": 0.001,
        }
        url = f"{firm.emulators.urls[vendor]}/_emulator/webhooks"
        firm.emulators.http.put(url, json=endpoint).raise_for_status()


def _counts(firm: Company) -> Counter[str]:
    """The webhooks of both vendors."""
    total: Counter[str] = Counter()
    for vendor in VENDORS:
        answer = firm.emulators.http.get(f"{firm.emulators.urls[vendor]}/_emulator/webhooks")
        total.update(answer.raise_for_status().json())
    return total


def _pending(firm: Company) -> tuple[int, int]:
    """Deliveries there have been or are to be, and those that are to be: without reading a single body."""
    with firm.emulators.tables() as store:
        whole: int = store.execute("SELECT coalesce(max(number), 0) FROM webhook").fetchone()[0]
        query = "SELECT count(*) FROM webhook WHERE vendor = ? AND state = 'PENDING'"
        return whole, sum(store.execute(query, (vendor,)).fetchone()[0] for vendor in VENDORS)


async def _delivered(firm: Company, count: float) -> bool:
    whole, pending = await asyncio.to_thread(_pending, firm)
    return whole - pending >= count


async def _nothing_pending(firm: Company) -> bool:
    _, pending = await asyncio.to_thread(_pending, firm)
    return pending == 0


@contextlib.asynccontextmanager
async def _state(config: Path) -> Any:
    """The gateway's database and log, opened beside it."""
    settings = load_config(config, os.environ)
    systems = connect(settings)
    database = await open_database(settings.state)
    events = open_events(settings.events, database, systems)
    try:
        yield database, events
    finally:
        await events.aclose()
        await database.aclose()
        await systems.aclose()


async def _worked_off(database: Database) -> bool:
    pending = select(func.count()).select_from(inbox).where(inbox.c.due_at.is_not(None))
    waiting = select(func.count()).select_from(outbox)

    async def work(tx: AsyncConnection) -> int:
        return (await tx.execute(pending)).scalar_one() + (await tx.execute(waiting)).scalar_one()

    return await database.read(work) == 0


@dataclass(frozen=True, slots=True)
class _Sent:
    """A webhook as the emulator has it: when it happened, beside all others, and what it says."""

    number: int
    vendor: str
    notice: Notice


def _sent_webhooks(firm: Company) -> list[_Sent]:
    """Every webhook that tells of an object of the graph, in the order in which it happened."""
    settings = {
        vendor: registry.emulator(vendor).settings(url) for vendor, url in firm.emulators.urls.items()
    }
    found: list[_Sent] = []
    with firm.emulators.tables() as store:
        for vendor in VENDORS:
            manifest = registry.manifest(vendor)
            source = manifest.connect(vendor, manifest.settings.model_validate(settings[vendor])).events
            assert source is not None
            for number, body in store.execute(_BODIES[vendor], (vendor,)):
                text = body if isinstance(body, bytes) else body.encode()
                found += [_Sent(number, vendor, notice) for notice in source.parse(text)]
    return sorted(found, key=lambda each: each.number)


_BODIES = {
    "stripe": "SELECT w.number, CAST(o.doc AS BLOB) FROM webhook w"
    " JOIN stripe_object o ON o.id = w.key WHERE w.vendor = ? AND w.again = 0",
    "chargebee": "SELECT w.number, CAST(e.document AS BLOB) FROM webhook w"
    " JOIN chargebee_event e ON e.id = w.key WHERE w.vendor = ? AND w.again = 0",
}
"""The emulators' own lists of events: the outbox forgets what it has delivered."""


def _outcome(
    firm: Company, kind: str, load: Load, brokered: bool, client: _Client, log: Sequence[Event]
) -> Outcome:
    counts = _counts(firm)
    sent = _sent_webhooks(firm)
    made = {event_id(each.vendor, each.notice.key, part): each for each in sent for part in PARTS}
    told = {event_id(each.vendor, each.notice.key) for each in sent if each.notice.event is not None}
    ours = [event for event in log if event.connection in VENDORS]
    ids = [event.id for event in ours]
    seen = list(client.seen)
    logged = [encode_event_id(event.id) for event in log]
    return Outcome(
        store=kind,
        kills=load.kills,
        restarts=load.restarts if brokered else 0,
        reconnections=client.connections - 1,
        sent=counts["events"],
        duplicated=counts["duplicated"],
        reordered=counts["reordered"],
        told=len(told),
        logged=len(ours),
        delivered=sum(encode_event_id(each) in client.seen for each in set(ids)),
        lost=len(told - set(ids)) + len(set(logged) - client.seen.keys()),
        doubled=len(ids)
        - len(set(ids))
        + len(set(ids) - made.keys())
        + len(client.seen.keys() - set(logged)),
        disordered=_disordered(ours, made, sent) + (seen != logged),
        again=client.again,
    )


def _disordered(log: Sequence[Event], made: Mapping[str, _Sent], sent: Sequence[_Sent]) -> int:
    """Changes behind a later one of their object, and objects that do not stand where the last one says."""
    latest: dict[object, int] = {}
    stands: dict[object, str | None] = {}
    disordered = 0
    for event in log:
        if event.current is None or event.superseded or event.id not in made:
            continue
        version = made[event.id].notice.version
        thing = (event.connection, event.subject)
        stands[thing] = event.current
        if version is not None:
            disordered += version < latest.get(thing, 0)
            latest[thing] = max(version, latest.get(thing, 0))
    ends: dict[object, str | None] = {}
    for each in sent:
        notice = each.notice
        known = None if notice.status is None else notice.status.value
        # Where the last word does not say the status, only the vendor knows it.
        ends[each.vendor, notice.type, notice.record_id] = known
    for (vendor, subject), current in stands.items():
        end = ends[vendor, subject.type, subject.record_id]
        disordered += end is not None and end != current
    return disordered
