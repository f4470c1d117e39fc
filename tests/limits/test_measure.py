"""What documents are counted to ask for, and that counting is cheap however they are nested."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.documents import Documents
from gateway.limits.errors import TooComplex
from gateway.limits.measure import Costs, Measured, measure
from gateway.limits.settings import LimitSettings
from resolvers.graph import build_graph

SCHEMA = build_graph()._schema
COSTS = Costs(SCHEMA)
DEFAULTS = LimitSettings()


def counted(text: str) -> Measured:
    return measure(parse(text), COSTS)


def points(text: str, variables: dict[str, Any] | None = None, name: str | None = None) -> int:
    return counted(text).cost(name, variables or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 0),
        ('{ customer(id: "x") { id name } }', 1),
        ('{ customer(id: "x") { receivables { balance { amount } } } }', 1),
        ('{ customer(id: "x") { contacts { name } recurringRevenue { amount } } }', 11),
        ("{ customers { nodes { id } } }", 20),
        ("{ customers(first: 7) { nodes { id } pageInfo { endCursor } } }", 7),
        ("{ customers(first: 7) { edges { cursor node { id } } } }", 7),
        ("{ customers(first: 7) { nodes { id } edges { node { id } } } }", 14),
        ("{ customers(first: 7) { nodes { id subscriptions(first: 3) { nodes { id } } } } }", 28),
        ("{ customers(first: 7) { ...P } } fragment P on CustomerConnection { nodes { id } }", 7),
        ("{ a: customers(first: 7) { ...P } b: customers(first: 2) { ...P } }"
         " fragment P on CustomerConnection { ... on CustomerConnection { nodes { id } } }", 9),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Customer { payments(first: 2) { nodes { id } } } } }', 9),
        ("{ systems { connection } }", 10),
        ("{ __schema { types { name } } }", 100),
        ('mutation { pauseSubscription(input: {id: "x"}) { command { id attempts { number } } } }', 16),
        ("subscription { commandStatusChanged { event { id } } }", 3),
        ("{ nothing { nodes { id } } customer(id: 1) { nothing { id } } }", 1),
    ],
)  # fmt: skip
def test_the_points_of_an_operation(text: str, expected: int) -> None:
    assert points(text) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, 20), ({"n": 3}, 9), ({"n": 0}, 0), ({"n": None}, 20), ({"n": "3"}, 20), ({"n": -1}, 20)],
)
def test_variables_steer_list_sizes(variables: dict[str, Any], expected: int) -> None:
    text = (
        "query Q($n: Int! = 4) { customers(first: $n) { ...P } }"
        " fragment P on CustomerConnection { nodes { id subscriptions(first: 2) { nodes { id } } } }"
    )
    # The default is 4 in Q: 4 customers with 2 subscriptions each are 12; without one it is the schema's.
    wanted = 12 if expected == 20 else expected
    assert points(text, variables) == points(text, variables, "Q") == wanted


def test_a_list_variable_counts_its_items() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert points(text, {"ids": ["a"] * 40}) == 40


def test_each_operation_has_its_own_points_and_defaults() -> None:
    text = (
        "query A($n: Int! = 2) { customers(first: $n) { nodes { id } } }"
        " query B($n: Int! = 50) { customers(first: $n) { nodes { id } } }"
    )
    assert [points(text, {}, name) for name in ("A", "B", "C", None)] == [2, 50, 0, 0]


def test_counts() -> None:
    found = counted(
        "query { a: customers @include(if: true) { ...F nodes { b: id } } }"
        " fragment F on CustomerConnection { nodes { id c: name @skip(if: false)"
        "  ... @skip(if: true) { id } } }"
        " fragment Unused on Query { customers { nodes { accountManager { name } } } }"
    )
    assert (found.depth, found.fields, found.aliases, found.directives) == (4, 7, 3, 3)
    assert (found.fragments, found.introspects) == (2, False)
    assert counted('{ nodes(ids: ["a", "b"]) { id } }').list_items == 2
    assert counted("{ ...F } fragment F on Query { __type(name: 1) { name } }").introspects


def doubling(levels: int) -> str:
    """Less than 4 kB that ask for 2^levels lists of customers."""
    steps = "".join(
        f" fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} a{n}: __typename }}" for n in range(levels)
    )
    return f"{{ ...f0 }}{steps} fragment f{levels} on Query {{ customers {{ nodes {{ id }} }} }}"


def looked_at(text: str) -> int:
    """How many selection sets are looked at to count a document."""
    document, calls = parse(text), 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_name == "_selection"

    sys.setprofile(count)
    try:
        measure(document, COSTS)
    finally:
        sys.setprofile(None)
    return calls


def test_fragments_are_counted_once_and_multiply_all_the_same() -> None:
    assert points(doubling(10)) == 20 * 2**10
    assert counted(doubling(10)).fields == 2**10 * 3 + 2**10 - 1
    # One look at each selection set: twice as many fragments are twice as much work, not 2^40 times.
    assert looked_at(doubling(40)) - looked_at(doubling(20)) == 20
    assert counted(doubling(90)).fields == points(doubling(90)) == 2**53


def test_operations_share_what_is_known_of_fragments() -> None:
    operations = " ".join(f"query Q{n} {{ ...f0 }}" for n in range(50))
    alone = looked_at(doubling(20))
    assert looked_at(operations + doubling(20).removeprefix("{ ...f0 }")) == alone + 49


def test_fragments_within_themselves_end() -> None:
    found = counted("{ ...A } fragment A on Query { x: __typename ...B } fragment B on Query { ...A }")
    assert (found.fields, found.aliases) == (1, 1)


def test_a_chain_of_fragments_ends_where_nothing_is_looked_at_any_more() -> None:
    chain = "".join(f" fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(400))
    limits = LimitSettings(fragments=1_000, tokens=10_000)
    prepared = Documents(SCHEMA, limits).prepare(
        f"{{ ...f0 }}{chain} fragment f400 on Query {{ __typename }}"
    )
    (refusal,) = prepared.refusals
    assert isinstance(refusal, TooComplex)
    assert refusal.extensions is not None
    assert refusal.extensions["limit"] == "depth"


def test_introspection_is_within_the_limits() -> None:
    document = Documents(SCHEMA, DEFAULTS).prepare(get_introspection_query(input_value_deprecation=True))
    assert document.refusals == ()


selections = st.recursive(
    st.sampled_from(["id", "a: name", "...F", "...G", "... on Customer { email }"]),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(
        lambda parts: "subscriptions(first: 3) { nodes { customer { " + " ".join(parts) + " } } }"
    ),
    max_leaves=12,
)


@given(main=selections, f=st.lists(st.sampled_from(["name", "b: email", "...G"]), min_size=1, max_size=3))
def test_spreading_counts_like_writing_out(main: str, f: list[str]) -> None:
    g = "website recurringRevenue { amount }"
    written = main.replace("...F", " ".join(f)).replace("...G", g)
    spread = (
        f"{{ customer(id: 1) {{ {main} ...F ...G }} }}"
        f" fragment F on Customer {{ {' '.join(f)} }} fragment G on Customer {{ {g} }}"
    )
    plain = f"{{ customer(id: 1) {{ {written} {' '.join(f).replace('...G', g)} {g} }} }}"
    one, other = counted(spread), counted(plain)
    assert (one.depth, one.fields, one.aliases) == (other.depth, other.fields, other.aliases)
    assert one.cost(None, {}) == other.cost(None, {})
