"""Which rounds are measured, by what the command line says."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import ROUNDS, Round, _options, _rounds


def test_all_rounds_without_a_choice():
    assert _rounds(_options(["--secs", "1", "--parts", "graph"])) is ROUNDS


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (["--peers", "mercurius"], Round(("mercurius",), conns="1")),
        (["--queries", "B2"], Round(queries="B2", conns="1")),
        (["--conns", "1,16"], Round(conns="1,16")),
        (["--latency", "20", "--conns", "16"], Round(conns="16", latency_ms="20")),
    ],
)
def test_what_is_not_chosen_is_as_ever(given: list[str], chosen: Round):
    assert _rounds(_options(given)) == (chosen,)
