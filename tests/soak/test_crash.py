"""The crash suite, scaled down: each mutation dies once at each instant, half of them on each store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.soak.crash import INSTANTS, SUBJECTS, run_crash_suite
from tests.soak.stores import STORES, store
from tests.support.postgresql import CannotStart


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", STORES)
def test_a_killed_gateway_loses_nothing_and_does_nothing_twice(kind: str, tmp_path: Path):
    turn = STORES.index(kind)
    plan = {
        subject: [each for at, each in enumerate(INSTANTS) if (at + row + turn) % len(STORES) == 0]
        for row, subject in enumerate(SUBJECTS)
    }
    try:
        with store(kind) as state:
            cases = asyncio.run(run_crash_suite(tmp_path, kind, state, kills=1, burst=2, plan=plan))
    except CannotStart as error:
        pytest.skip(str(error))
    assert len(cases) == len(SUBJECTS) * len(INSTANTS) / len(STORES)
    assert {case.instant for case in cases} == set(INSTANTS)
    assert [case for case in cases if not case.well or case.tally.accepted != 2] == []
    assert all(case.unaccepted for case in cases if case.instant.name == "before accept")
