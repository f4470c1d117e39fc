"""Both executors give the same answer, to the byte, whatever is asked and whichever system is down.

As a caller who sees everything; ``test_differential_roles`` asks as others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref
from tests.planned.differential import CASES, FAULTS, SEEDS, VENDORS, Both, both_executors, cases
from tests.scenarios.people import known_everywhere


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


_WHOLE = """query ($id: ID!) { customer(id: $id) { id name receivables { balance { amount } }
  subscriptions(first: 2) { nodes { id invoices(first: 3) { nodes { id payments { nodes { id } } } } } }
  invoices(first: 2) { nodes { id } } payments(first: 2) { nodes { id } } } }"""


@pytest.mark.parametrize("fault", [None, "error"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_begun_for_an_id_is_of_the_customer_it_names(
    both: Both, vendor: str, fault: str | None
) -> None:
    """Also for an id of another spelling than its system's, and for one that nobody has."""
    own_id = known_everywhere(both.company.world).crm_id
    for spelled in (own_id, own_id[:15], own_id.lower(), f"{own_id[:12]}zzz"):
        ref = Ref(RecordType.CUSTOMER, "salesforce", spelled)
        answer = both.compare(_WHOLE, {"id": ref.encode()}, vendor, fault)
        if fault is None:
            assert (answer["data"]["customer"] is None) is spelled.endswith("zzz")


@pytest.mark.parametrize(
    "others", ['nodes(ids: ["cDpub3doZXJlOjE"]) { id }', "customers(first: 1) { nodes { id } }"]
)
def test_of_fields_that_leave_nothing_of_an_answer_the_first_is_told(both: Both, others: str) -> None:
    text = f'{{ first: nodes(ids: ["cDpub3doZXJlOjI"]) {{ id }} other: {others} }}'
    answer = both.compare(text, {}, VENDORS[0], None)
    assert answer["data"] is None
    assert [error["path"] for error in answer["errors"]] == [["first"]]
