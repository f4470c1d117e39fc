"""The quarter-end scenario, scaled down.

That the ERP holds up nobody else is shown without a clock: it comes back only when callers of other systems
were answered while it was down. What a commitment may take is judged in full, on a machine of its own; here
it is held against a gateway without work for the ERP, and loosely: waiting for the ERP would be far slower.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.quarter_end import SCALED, run_quarter_end
from tests.soak.section_quarter_end import faults_of
from tests.soak.stores import STORES, store
from tests.support.postgresql import CannotStart

LOOSELY = 5.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", STORES)
def test_an_erp_at_quarter_end_delays_nobody_and_everything_is_done_once(kind: str, tmp_path: Path):
    try:
        with store(kind) as state:
            end = asyncio.run(run_quarter_end(tmp_path, kind, state, SCALED))
    except CannotStart as error:
        pytest.skip(str(error))
    assert faults_of(end, end.ratio_beside, LOOSELY) == []
    # The ERP refused half and was down: it heard far more than was done.
    assert end.writes > 1.5 * SCALED.commands
    assert end.commitments > 10
