"""Ids and SOQL literals: what a caller gives can only ever be a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contracts.errors import Rejected
from adapters.salesforce import soql
from adapters.salesforce.emulator.syntax import Comparison, parse
from adapters.salesforce.record_id import canonical_id, with_suffix

PUBLISHED = (
    # Ids as they stand in Salesforce's guides and in public issue threads.
    "001D000000IqhSLIAZ",
    "0016000000K7NdWAAV",
    "0016000000Khr6YAAR",
    "0016A0000035mJCQAY",
    "0016A0000035mJ9QAI",
    "0036000000q0ab9AAA",
    "0jNdn00000053ZxEAI",
)


@pytest.mark.parametrize("known", PUBLISHED)
def test_short_and_long_ids_are_one(known: str) -> None:
    assert with_suffix(known[:15]) == known
    assert canonical_id(known[:15]) == known
    assert canonical_id(known) == known
    assert canonical_id(known.upper()) == known, "the suffix keeps the case"


@pytest.mark.parametrize(
    "text",
    ["", "001", "001D000000IqhSL'", "001D000000IqhSLIA", "001D000000IqhSL999", "٠01D000000IqhSL", "\n"],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert canonical_id(text) is None


def test_ids_that_cannot_be_are_left_out() -> None:
    assert soql.any_id("Id")(["x') OR (Name != '", "001D000000IqhSL"]) == "Id IN ('001D000000IqhSLIAZ')"
    assert soql.any_id("Id")(["x"]) is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_any_text_is_read_back_as_one_value(value: str) -> None:
    where = parse(f"SELECT Id FROM Account WHERE Name = {soql.text(value)}").where
    assert isinstance(where, Comparison)
    assert where.values[0].value == value


@given(TEXT)
def test_any_word_is_searched_as_it_is(value: str) -> None:
    where = parse(f"SELECT Id FROM Account WHERE Name LIKE {soql.containing(value)}").where
    assert isinstance(where, Comparison)
    literal = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    assert where.values[0].pattern == f"%{literal}%"


def test_escapes_are_those_of_the_guide() -> None:
    assert soql.text("Bob's \\ \n\x01") == r"'Bob\'s \\ \n\u0001'"
    assert soql.containing("100%_'") == r"'%100\%\_\'%'"


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(Rejected):
        soql.text("\ud800")


def test_times_are_in_utc_and_never_round_down() -> None:
    cest = timezone(timedelta(hours=2))
    assert soql.moment(datetime(2026, 7, 1, 12, 0, tzinfo=cest)) == "2026-07-01T10:00:00Z"
    assert soql.moment(datetime(2026, 7, 1, 12, 0, 0, 500_000, tzinfo=UTC)) == "2026-07-01T12:00:00.500Z"
    assert soql.moment(datetime(2026, 7, 1, 12, 0, 0, 999_001, tzinfo=UTC)) == "2026-07-01T12:00:01Z"
    with pytest.raises(Rejected):
        soql.moment(datetime(2026, 7, 1))  # noqa: DTZ001 - the point
