"""The quarter-end scenario in full, and its section of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.soak.quarter_end import FULL, QuarterEnd, run_quarter_end
from tests.soak.section import Found, Say, Section
from tests.soak.stores import STORES, store

AT_MOST = 1.5
"""How much longer than in quiet times a commitment to another system may take, by the medians."""


def run(folder: Path, say: Say) -> Found:
    """4,000 commands on each store."""
    ends: list[QuarterEnd] = []
    for kind in STORES:
        say(f"{kind}: {FULL.commands:,} commands")
        with store(kind) as state:
            ends.append(asyncio.run(run_quarter_end(folder / kind, kind, state, FULL, say=say)))
    return found_of(ends)


def found_of(ends: Sequence[QuarterEnd]) -> Found:
    """A column for each store."""
    rows = [
        ("commands accepted", [f"{end.tally.accepted:,}" for end in ends]),
        ("performed", [f"{end.tally.performed:,}" for end in ends]),
        ("lost", [f"{end.tally.lost:,}" for end in ends]),
        ("doubled", [f"{end.tally.doubled + end.tally.strange:,}" for end in ends]),
        ("succeeded", [f"{end.statuses.get('SUCCEEDED', 0):,}" for end in ends]),
        ("invoices out of order", [f"{end.out_of_order:,}" for end in ends]),
        ("accepted, all of them, after", [f"{end.handed_in_s:.0f} s" for end in ends]),
        ("worked off, all of them, after", [f"{end.worked_off_s:.0f} s" for end in ends]),
        ("requests that the ERP heard", [f"{end.heard:,}" for end in ends]),
        ("commitments to other systems meanwhile", [f"{end.commitments:,}" for end in ends]),
        ("median of a commitment, before and after", [f"{end.quiet_ms:.1f} ms" for end in ends]),
        ("median of a commitment, meanwhile", [f"{end.busy_ms:.1f} ms" for end in ends]),
        ("the same at an idle gateway on the same machine", [f"{end.beside_ms:.1f} ms" for end in ends]),
        (f"meanwhile to before and after, at most {AT_MOST}", [f"{end.ratio:.2f}" for end in ends]),
    ]
    table = [
        f"| | {' | '.join(end.store for end in ends)} |",
        f"|---|{'--:|' * len(ends)}",
        *(f"| {name} | {' | '.join(values)} |" for name, values in rows),
    ]
    return Found(table, [text for end in ends for text in faults_of(end, end.ratio)])


def faults_of(end: QuarterEnd, ratio: float, at_most: float = AT_MOST) -> list[str]:
    """What is not as promised; ``ratio`` is how much longer a commitment took."""
    checks = {
        f"{end.tally.accepted} of {end.scale.commands} accepted": end.tally.accepted == end.scale.commands,
        f"{end.tally}": end.tally.well,
        f"{dict(end.statuses)}": end.statuses.get("SUCCEEDED") == end.scale.commands,
        f"{end.out_of_order} invoices out of order": end.out_of_order == 0,
        f"commitments took {ratio:.2f} times as long": ratio <= at_most,
    }
    return [f"{end.store}: {text}" for text, holds in checks.items() if not holds]


SECTION = Section("quarter-end", "4,000 commands for an ERP at quarter-end", run)
