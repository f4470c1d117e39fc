"""Webhooks that the emulators send: a durable outbox in the store, and whoever delivers from it.

An event goes into the outbox in the same transaction as the change it tells of, and leaves it with a 2xx
from the endpoint or when the vendor would give up. Some can be sent twice and some late, on demand; which
ones is drawn from the seed and the event's number, the same in every run.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

import msgspec

from adapters.contracts.errors import SystemFault
from adapters.emulation.store import transaction
from adapters.http import HttpClient

_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhook_endpoint (vendor TEXT PRIMARY KEY, form TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook (
    number INTEGER PRIMARY KEY,
    vendor TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL DEFAULT 'PENDING',
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    again INTEGER NOT NULL DEFAULT 0,
    late INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (vendor, due_at) WHERE state = 'PENDING';
"""

POLL_S = 0.01
"""How often an idle deliverer looks; whoever fills the outbox may be another process."""

AT_ONCE = 16
"""Deliveries under way at once. Vendors promise no order, and neither does this."""


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a vendor's webhooks go, and how unkindly.

    duplicated:  the share of events that are delivered twice.
    reordered:   the share of events that are held back, at most ``late_s`` seconds, while others pass.
    seed:        draws which ones.
    retry_scale: what the vendor's times between attempts are multiplied by.
    timeout_s:   how long an answer may take.
    """

    url: str
    duplicated: float = 0.0
    reordered: float = 0.0
    late_s: float = 0.5
    seed: int = 7
    retry_scale: float = 0.01
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class WebhookForm:
    """How a vendor sends webhooks.

    prove:     the headers that prove its origin, made anew for each attempt, from (body, unix seconds).
    retries_s: seconds between one attempt and the next; behind the last it gives up.
    """

    prove: Callable[[bytes, int], Mapping[str, str]]
    retries_s: tuple[float, ...]


def open_outbox(store: sqlite3.Connection) -> None:
    """Creates the tables where there are none."""
    store.executescript(_SCHEMA)


def post_event(store: sqlite3.Connection, vendor: str, key: str, body: bytes) -> None:
    """Puts an event into the outbox, in the caller's transaction; nowhere, where no endpoint is set."""
    endpoint = endpoint_of(store, vendor)
    if endpoint is None:
        return
    now = time.time()
    number = store.execute("SELECT coalesce(max(number), 0) + 1 FROM webhook").fetchone()[0]
    rng = Random(f"{endpoint.seed}:{number}")
    late_s = rng.uniform(endpoint.late_s / 5, endpoint.late_s) if rng.random() < endpoint.reordered else 0.0
    add = "INSERT INTO webhook (vendor, key, body, due_at, again, late) VALUES (?, ?, ?, ?, ?, ?)"
    store.execute(add, (vendor, key, body, now + late_s, 0, int(late_s > 0)))
    if rng.random() < endpoint.duplicated:
        again_s = rng.uniform(0, endpoint.late_s)
        store.execute(add, (vendor, key, body, now + again_s, 1, 0))


def set_endpoint(store: sqlite3.Connection, vendor: str, endpoint: Endpoint | None) -> None:
    """From here on events go there; None: nowhere."""
    with transaction(store):
        store.execute("DELETE FROM webhook_endpoint WHERE vendor = ?", (vendor,))
        if endpoint is not None:
            form = msgspec.json.encode(endpoint).decode()
            store.execute("INSERT INTO webhook_endpoint VALUES (?, ?)", (vendor, form))


def endpoint_of(store: sqlite3.Connection, vendor: str) -> Endpoint | None:
    row = store.execute("SELECT form FROM webhook_endpoint WHERE vendor = ?", (vendor,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Endpoint)


def counts(store: sqlite3.Connection, vendor: str) -> dict[str, int]:
    """How many events there were, and what became of their deliveries.

    events; duplicated and reordered (of those); attempts; delivered, given_up and pending deliveries.
    """
    row = store.execute(
        "SELECT coalesce(sum(again = 0), 0), coalesce(sum(again), 0), coalesce(sum(late), 0),"
        " coalesce(sum(attempts), 0), coalesce(sum(state = 'DELIVERED'), 0),"
        " coalesce(sum(state = 'GIVEN_UP'), 0), coalesce(sum(state = 'PENDING'), 0)"
        " FROM webhook WHERE vendor = ?",
        (vendor,),
    ).fetchone()
    names = ("events", "duplicated", "reordered", "attempts", "delivered", "given_up", "pending")
    return dict(zip(names, row, strict=True))


class Deliverer:
    """Sends a vendor's webhooks, until it is stopped. What is under way then is sent again some day."""

    def __init__(self, store: sqlite3.Connection, vendor: str, form: WebhookForm) -> None:
        self._store = store
        self._vendor = vendor
        self._form = form
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begins, in the loop that is running; nothing where it has begun."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def send_to(self, endpoint: Endpoint | None) -> None:
        """Sets the endpoint, and begins; None sends nothing that happens from here on."""
        set_endpoint(self._store, self._vendor, endpoint)
        self.start()

    def counts(self) -> dict[str, int]:
        return counts(self._store, self._vendor)

    async def drained(self) -> None:
        """Until nothing is pending."""
        while self.counts()["pending"]:
            self._moved.clear()
            await self._moved.wait()

    async def _run(self) -> None:
        under_way: dict[int, asyncio.Task[None]] = {}
        client: HttpClient | None = None
        served: Endpoint | None = None
        try:
            while True:
                rows = [row for row in self._due() if row["number"] not in under_way]
                endpoint = endpoint_of(self._store, self._vendor) if rows else None
                if endpoint is not None and not (under_way and endpoint != served):
                    if client is None or served is None or endpoint.url != served.url:
                        client = await _renewed(client, endpoint)
                    served = endpoint
                    for row in rows[: AT_ONCE - len(under_way)]:
                        under_way[row["number"]] = asyncio.create_task(self._send(client, endpoint, row))
                if under_way:
                    await asyncio.wait(
                        under_way.values(), timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED
                    )
                else:
                    await asyncio.sleep(POLL_S)
                for number in [number for number, task in under_way.items() if task.done()]:
                    under_way.pop(number).result()
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)
            if client is not None:
                await client.aclose()

    def _due(self) -> list[sqlite3.Row]:
        return self._store.execute(
            "SELECT number, body, attempts FROM webhook"
            " WHERE vendor = ? AND state = 'PENDING' AND due_at <= ? ORDER BY due_at, number LIMIT ?",
            # Those under way are among them.
            (self._vendor, time.time(), 2 * AT_ONCE),
        ).fetchall()

    async def _send(self, client: HttpClient, endpoint: Endpoint, row: sqlite3.Row) -> None:
        body: bytes = row["body"]
        headers = self._form.prove(body, int(time.time()))
        try:
            # Raw: what is sent is, to the byte, what was signed.
            answer = await client.send(
                "POST", urlsplit(endpoint.url).path, headers=headers, json=msgspec.Raw(body)
            )
            accepted = 200 <= answer.status < 300
        except SystemFault:
            accepted = False
        attempts: int = row["attempts"] + 1
        state, due_at = "DELIVERED", time.time()
        if not accepted and attempts <= len(self._form.retries_s):
            state, due_at = "PENDING", due_at + self._form.retries_s[attempts - 1] * endpoint.retry_scale
        elif not accepted:
            state = "GIVEN_UP"
        self._store.execute(
            "UPDATE webhook SET state = ?, attempts = ?, due_at = ?,"
            " body = CASE WHEN ? = 'PENDING' THEN body END WHERE number = ?",
            (state, attempts, due_at, state, row["number"]),
        )
        self._moved.set()


async def _renewed(client: HttpClient | None, endpoint: Endpoint) -> HttpClient:
    if client is not None:
        await client.aclose()
    url = urlsplit(endpoint.url)
    return HttpClient(f"{url.scheme}://{url.netloc}", timeout_s=endpoint.timeout_s, max_connections=AT_ONCE)
