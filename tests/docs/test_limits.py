"""docs/limits.md has every limit with its number."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.limits.rate import NOT_WORTH_GIVING_BACK, POINTS_OF_A_NEW_CHARACTER
from gateway.limits.settings import LimitSettings
from gateway.transport.room import RETRY_AFTER_S, WAITING
from resolvers.connection import MAX_FIRST
from resolvers.query import MAX_NODES
from schema.cost import INTROSPECTION_WEIGHT, MUTATION_WEIGHT

TEXT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| ([0-9.]+|none) \|", TEXT, re.MULTILINE))


def test_every_limit_is_explained_with_its_number_and_no_other() -> None:
    limits = LimitSettings()
    numbers = {name: getattr(limits, name) for name in LimitSettings.model_fields if name != "rate"}
    numbers["rate.points"] = limits.rate.points
    told = {name: None if number == "none" else float(number) for name, number in ROWS.items()}
    assert told == numbers


def test_the_numbers_in_the_text() -> None:
    text = " ".join(TEXT.split())
    rate = LimitSettings().rate
    assert f"`Retry-After: {RETRY_AFTER_S}`" in text
    assert f"At most {WAITING} connections wait to be told so" in text
    assert f"`rate.window_s` is its length, {rate.window_s} seconds" in text
    assert f'"points";q={rate.points};w={rate.window_s}' in text
    assert f"`first` is 1 to {MAX_FIRST} in every list, and `nodes` takes {MAX_NODES} ids" in text
    assert f"A mutation is {MUTATION_WEIGHT} points, and introspection {INTROSPECTION_WEIGHT}" in text
    assert f"save for the last {NOT_WORTH_GIVING_BACK} points" in text
    assert f"costs {POINTS_OF_A_NEW_CHARACTER} more points for each of its characters" in text
