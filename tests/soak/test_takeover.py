"""Two gateways on one PostgreSQL, scaled down.

That commands move when their lease has run out, and not before, is proved in tests/commands, with a clock
that the test moves; here real processes do it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.takeover import run_takeover
from tests.support.postgresql import CannotStart, postgresql


@pytest.mark.timeout(600)
def test_what_a_killed_gateway_was_at_is_done_by_the_other(tmp_path: Path):
    try:
        with postgresql() as server:
            deaths = asyncio.run(run_takeover(tmp_path, server.fresh(), deaths=2, commands=24, lease_s=1))
    except CannotStart as error:
        pytest.skip(str(error))
    for death in deaths:
        assert death.tally.well, death
        assert death.tally.accepted == 24, death
        assert death.moved >= 1, death
        assert min(death.shares) >= 1, death
