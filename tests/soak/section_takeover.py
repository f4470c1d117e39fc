"""Two gateways and the death of one, in full, and its section of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.soak.section import Found, Say, Section
from tests.soak.takeover import Takeover, run_takeover
from tests.support.postgresql import postgresql

DEATHS = 10
COMMANDS = 40
LEASE_S = 5
SLACK_S = 1.0
"""For the other gateway to look, which it does twice a second, and to claim."""


def run(folder: Path, say: Say) -> Found:
    """Ten deaths over 40 commands each."""
    with postgresql() as server:
        deaths = asyncio.run(
            run_takeover(folder, server.fresh(), deaths=DEATHS, commands=COMMANDS, lease_s=LEASE_S, say=say)
        )
    return found_of(deaths)


def found_of(deaths: Sequence[Takeover]) -> Found:
    """One row of sums."""
    tallies = [death.tally for death in deaths]
    rows = [
        ("kills", f"{len(deaths)}"),
        ("commands accepted", f"{sum(each.accepted for each in tallies):,}"),
        ("performed", f"{sum(each.performed for each in tallies):,}"),
        ("lost", f"{sum(each.lost for each in tallies):,}"),
        ("doubled", f"{sum(each.doubled + each.strange for each in tallies):,}"),
        (
            "attempts begun by the killed and by the other",
            f"{sum(each.shares[0] for each in deaths)}, {sum(each.shares[1] for each in deaths)}",
        ),
        ("commands that the killed ones were at", f"{sum(each.moved for each in deaths)}"),
        (
            f"the longest until the other had them, with leases of {LEASE_S} s",
            f"{max(each.waited_s for each in deaths):.1f} s",
        ),
    ]
    table = ["| | |", "|---|--:|", *(f"| {name} | {value} |" for name, value in rows)]
    return Found(table, [text for number, each in enumerate(deaths, 1) for text in _faults(number, each)])


def _faults(number: int, death: Takeover) -> list[str]:
    checks = {
        f"{death.tally}": death.tally.well,
        f"{death.moved} moved": death.moved > 0,
        f"shares of {death.shares}": min(death.shares) > 0,
        f"it took {death.waited_s:.1f} s": death.waited_s <= death.lease_s + SLACK_S,
    }
    return [f"kill {number}: {text}" for text, holds in checks.items() if not holds]


SECTION = Section("takeover", "Two gateways on one PostgreSQL, and one of them killed", run)
