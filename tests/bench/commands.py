"""Commands: how many are accepted and worked off, and what a commitment costs over its vendor's answer.

``make bench ARGS="--parts commands"`` measures these alone; ``make bench`` measures them after the graph.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.contracts.writes import Settled, Settlement, Verb, Write
from gateway.commands.engine import CommandEngine
from gateway.commands.policy import Policy
from gateway.store.database import Database, postgresql_url, sqlite_url
from tests.commands.world import new
from tests.scenarios.people import id_of
from tests.soak.company import company, seeded
from tests.soak.gateways import gateways
from tests.soak.stores import STORES, StateSection, store
from tests.support.origin import machine
from tests.support.postgresql import CannotStart

VENDOR = "salesforce"
SUBMITTERS = 32


@dataclass(frozen=True, slots=True)
class Scale:
    """commands: handed in at an engine; commitments: made one after the other at a gateway."""

    commands: int
    commitments: int


FULL = Scale(commands=2_000, commitments=300)


@dataclass(frozen=True, slots=True)
class Figures:
    """On one store.

    accepted_per_s:   ``postInvoice`` commands made durable by an engine, 32 submitters at once.
    worked_off_per_s: the same commands brought to SUCCEEDED over a vendor that answers at once.
    commitment_ms:    median of ``updateCustomer`` over HTTP, one after the other.
    vendor_ms:        median of the time for which the vendor had requests of one such commitment.
    over_ms:          median of the difference of the two.
    """

    store: str
    accepted_per_s: float
    worked_off_per_s: float
    commitment_ms: float
    vendor_ms: float
    over_ms: float


def measure(scale: Scale = FULL) -> list[Figures]:
    """On SQLite, and on PostgreSQL where it can start."""
    found: list[Figures] = []
    for kind in STORES:
        with tempfile.TemporaryDirectory(prefix="fieldgate-bench-") as folder:
            try:
                with store(kind, durable=True) as state:
                    found.append(asyncio.run(_measure(Path(folder), kind, state, scale)))
            except CannotStart as error:
                print(f"bench: {kind} is left out: {error}")
    return found


def table(found: Sequence[Figures], commit: str, load_before: float) -> str:
    """The figures as a section of docs/performance.md."""
    origin = f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit} on {machine()}"
    lines = [f"{origin}; load average before it {load_before:.1f}.", ""]
    lines.append(f"| | {' | '.join(each.store for each in found)} |")
    lines.append(f"|---|{'--:|' * len(found)}")
    rows = (
        ("accepted, commands a second", [f"{each.accepted_per_s:.0f}" for each in found]),
        ("worked off, commands a second", [f"{each.worked_off_per_s:.0f}" for each in found]),
        ("a commitment, median", [f"{each.commitment_ms:.1f} ms" for each in found]),
        ("its vendor's answers, median", [f"{each.vendor_ms:.1f} ms" for each in found]),
        ("in the gateway over and above, median", [f"{each.over_ms:.1f} ms" for each in found]),
    )
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join(lines)


async def _measure(folder: Path, kind: str, state: StateSection, scale: Scale) -> Figures:
    accepted_per_s, worked_off_per_s = await _engine(folder, state(), scale.commands)
    commitment_ms, vendor_ms, over_ms = await _commitments(folder, state, scale.commitments)
    return Figures(kind, accepted_per_s, worked_off_per_s, commitment_ms, vendor_ms, over_ms)


class _AtOnce:
    """A vendor that answers at once, so that only the engine and its store take time."""

    concurrency = 20

    async def perform(self, write: Write) -> str:
        return write.record_id

    async def settle(self, write: Write) -> Settled:
        return Settled(Settlement.DONE, write.record_id)


async def _engine(folder: Path, state: Mapping[str, str], commands: int) -> tuple[float, float]:
    url = postgresql_url(state["database"]) if "database" in state else sqlite_url(folder / "engine.sqlite")
    engine = CommandEngine(await Database.open(url), {"erp": _AtOnce()}, Policy())
    waiting = iter(range(commands))

    async def submitter() -> None:
        for number in waiting:
            await engine.submit(new(Verb.POST_INVOICE, str(number), fingerprint=str(number)))

    started = time.perf_counter()
    await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))
    accepted_s = time.perf_counter() - started
    started = time.perf_counter()
    # What a started worker does, without its pauses: until a look finds nothing more to begin.
    while await engine.worker.turn():
        await engine.worker.idle()
    worked_off_s = time.perf_counter() - started
    await engine.aclose()
    return commands / accepted_s, commands / worked_off_s


class _Timed:
    """Adds up for how long an emulator had requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.busy_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self.busy_s += time.perf_counter() - started


async def _commitments(folder: Path, state: StateSection, count: int) -> tuple[float, float, float]:
    timed: dict[str, _Timed] = {}

    def around(vendor: str, app: ASGIApp) -> ASGIApp:
        return timed.setdefault(vendor, _Timed(app))

    source = seeded(folder, customers=40)
    total_ms: list[float] = []
    vendor_ms: list[float] = []
    with company(folder / "company", source, around=around) as systems:
        config = systems.config(folder / "gateway", state=dict(state()))
        async with gateways(folder / "gateways.log") as starter:
            gateway = await starter.start(config)
            for number in range(count + 1):
                customer = systems.world.customers[number % len(systems.world.customers)]
                given = {"id": id_of(customer), "phone": f"+1 555 {number:06d}"}
                before_s, started = timed[VENDOR].busy_s, time.perf_counter()
                payload = await gateway.mutate("updateCustomer", given, "customer { phone }")
                total_ms.append((time.perf_counter() - started) * 1000)
                vendor_ms.append((timed[VENDOR].busy_s - before_s) * 1000)
                assert payload["command"]["status"] == "SUCCEEDED", payload
            await gateway.stop()
    # The first one opens connections and fetches a token.
    over_ms = [total - vendor for total, vendor in zip(total_ms[1:], vendor_ms[1:], strict=True)]
    return tuple(statistics.median(each) for each in (total_ms[1:], vendor_ms[1:], over_ms))
