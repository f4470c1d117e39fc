"""Two gateways on one PostgreSQL share the work, and when one is killed the other has its commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.emulation.world import InvoiceFact
from gateway.commands.store import LEASE_LOST
from gateway.commands.tables import attempt, command
from gateway.store.database import Database
from tests.scenarios.people import id_of
from tests.soak.company import Company, Tally, company, seeded, tally
from tests.soak.crash import held_back
from tests.soak.gateways import Gateway, gateways, until

ERP = "netsuite"
HOLD_S = 2.0
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Takeover:
    """One death of one of two.

    shares:   how many attempts each gateway began, those of the one that was killed first.
    moved:    commands that the killed one was at.
    waited_s: from the kill until the other had taken the last of them over.
    """

    tally: Tally
    shares: Sequence[int]
    moved: int
    waited_s: float
    lease_s: float


async def run_takeover(
    folder: Path,
    url: URL,
    *,
    deaths: int,
    commands: int,
    lease_s: int,
    say: Callable[[str], None] = lambda _: None,
) -> list[Takeover]:
    """``deaths`` times: ``commands`` for the ERP are handed in at one gateway, and one of both is killed."""
    source = seeded(folder, customers=40 + deaths * commands // 4)
    state = {"database": url.render_as_string(hide_password=False)}
    database = await Database.open(url)
    found: list[Takeover] = []
    try:
        with company(folder / "company", source) as systems:
            invoices = held_back(systems.world)[: deaths * commands]
            assert len(invoices) == deaths * commands
            systems.hold_back(invoices)
            configs = [
                systems.config(folder / name, state=state, commands={"lease_s": lease_s})
                for name in ("one", "other")
            ]
            async with gateways(folder / "gateways.log") as starter:
                running = [await starter.start(config) for config in configs]
                for death in range(deaths):
                    handed_in = invoices[death * commands : (death + 1) * commands]
                    found.append(await _one_death(running, systems, database, handed_in, lease_s))
                    say(f"{found[-1]}")
                    # The survivor is the next one to die.
                    running = [running[1], await starter.start(configs[death % 2])]
                    configs.reverse()
                for gateway in running:
                    await gateway.stop()
    finally:
        await database.aclose()
    return found


async def _one_death(
    running: Sequence[Gateway],
    systems: Company,
    database: Database,
    invoices: Sequence[InvoiceFact],
    lease_s: float,
) -> Takeover:
    dying, surviving = running
    done_before = len(systems.effects())
    last = await _last_command(database)
    # The ERP takes its time, so that both are at something when one is killed.
    systems.emulators.arm(ERP, "hold", 10**9, method="PATCH", path="/record/v1/invoice/", seconds=HOLD_S)
    ids = [
        (await surviving.mutate("postInvoice", {"id": id_of(invoice)}))["command"]["id"]
        for invoice in invoices
    ]

    async def both_at_it() -> bool:
        return len(await _under_way(database)) == 2

    await until(both_at_it, "both gateways are at commands", PATIENCE_S)
    killed_at = datetime.now(UTC)
    await dying.kill()
    systems.emulators.disarm()
    await until(surviving.all_finished, "the other one has finished", PATIENCE_S)
    abandoned = [row for row in await _attempts(database, last) if row["error"] == str(LEASE_LOST)]
    shares = [0, 0]
    for row in await _attempts(database, last):
        shares[row["worker"] not in {each["worker"] for each in abandoned}] += 1
    waited = [(row["finished_at"] - killed_at).total_seconds() for row in abandoned]
    return Takeover(
        tally(ids, systems.effects()[done_before:]), shares, len(abandoned), max(waited, default=0.0), lease_s
    )


async def _under_way(database: Database) -> set[str]:
    query = select(command.c.lease_owner).where(command.c.lease_owner.is_not(None)).distinct()

    async def work(tx: AsyncConnection) -> set[str]:
        return {row[0] for row in await tx.execute(query)}

    return await database.read(work)


async def _last_command(database: Database) -> int:
    async def work(tx: AsyncConnection) -> int:
        return (await tx.execute(select(func.max(command.c.seq)))).scalar_one() or 0

    return await database.read(work)


async def _attempts(database: Database, after: int) -> list[Mapping[str, Any]]:
    query = select(attempt).where(attempt.c.command_seq > after)

    async def work(tx: AsyncConnection) -> list[Mapping[str, Any]]:
        return [dict(row) for row in (await tx.execute(query)).mappings()]

    return await database.read(work)
