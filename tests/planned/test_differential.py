"""Both executors give the same answer, to the byte, whatever is asked and whichever system is down.

As a caller who sees everything; ``test_differential_roles`` asks as others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planned.differential import CASES, FAULTS, SEEDS, VENDORS, Both, both_executors, cases


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_executors(tmp_path_factory.mktemp("differential") / "state") as found:
        yield found


@cases(CASES // 2)
@given(seed=SEEDS, vendor=st.sampled_from(VENDORS), fault=st.sampled_from(FAULTS))
@pytest.mark.timeout(0)
def test_both_executors_give_the_same_answer(both: Both, seed: int, vendor: str, fault: str | None) -> None:
    operation = both.generator.operation(seed)
    both.compare(operation.text, operation.variables, vendor, fault)


def test_nothing_of_the_contract_falls_back(both: Both) -> None:
    assert not both.company.planned.fallbacks.by_reason
    assert both.company.planned.fallbacks.planned > 0


def test_plans_take_no_more_calls(both: Both) -> None:
    """All cases together: what is loaded ahead of a customer who does not exist costs a call or two, and
    whether a row arrives in time to serve another field is chance in either.
    """
    assert 0 < both.calls["planned"] <= both.calls["plain"] * 1.02 + 3


@pytest.mark.parametrize(
    "text",
    [
        "query ($first: Int, $after: String) { customers(first: $first, after: $after) { nodes { id } } }",
        "query ($first: Int = 2, $after: String = null) { customers(first: $first, after: $after) "
        "{ nodes { id subscriptions(first: $first, after: $after) { nodes { id } } } } }",
    ],
)
def test_variables_that_are_left_out_or_null_whatever_was_asked_before(both: Both, text: str) -> None:
    for given_values in ({}, {"first": 3}, {"after": None}, {"first": None}, {"first": 2, "after": None}) * 2:
        both.compare(text, given_values, VENDORS[0], None)
