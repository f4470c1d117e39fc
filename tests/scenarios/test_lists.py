"""Lists: paging to the end, and cursors that name a place in one list only."""

from __future__ import annotations

import base64
import json

import pytest

from tests.scenarios.pages import (
    KINDS,
    busiest,
    edge_list,
    facts,
    root_list,
    to_the_end,
)
from tests.scenarios.people import CONNECTIONS, id_of, known_everywhere
from tests.support.sandbox import Emulators, Sandbox


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("customers", 7),
        ("customers", 60),
        ("customers", 100),
        ("subscriptions", 20),
        ("subscriptions", 100),
        ("invoices", 97),
        ("payments", 100),
    ],
)
def test_paging_to_the_end_gives_every_row_once(company: Sandbox, kind: str, first: int) -> None:
    ids = to_the_end(root_list(company, kind, first), first)
    assert len(ids) == len(set(ids))
    assert set(ids) == {id_of(fact) for fact in facts(company.world, kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_pages_does_not_change_the_order(company: Sandbox, kind: str) -> None:
    whole = [edge["node"]["id"] for edge in root_list(company, kind, 60)(None)["edges"]]
    after, pieces = None, []
    for first in (1, 13, 46):
        page = root_list(company, kind, first)(after)
        pieces += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert pieces == whole


@pytest.mark.parametrize("kind", KINDS)
def test_any_cursor_of_a_page_continues_behind_its_row(company: Sandbox, kind: str) -> None:
    edges = root_list(company, kind, 20)(None)["edges"]
    for place in (0, 7, 18):
        following = root_list(company, kind, 1)(edges[place]["cursor"])["edges"]
        assert following[0]["node"]["id"] == edges[place + 1]["node"]["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_short_pages_of_the_vendor_lose_no_row(company: Sandbox, emulators: Emulators, kind: str) -> None:
    vendor = dict(zip(KINDS, CONNECTIONS.values(), strict=True))[kind]
    emulators.arm(vendor, "shrink")
    ids = to_the_end(root_list(company, kind, 100), 100)
    assert len(ids) == len(set(ids))
    assert set(ids) == {id_of(fact) for fact in facts(company.world, kind)}


def test_lists_of_an_object_page_to_their_end(company: Sandbox) -> None:
    world = company.world
    customer = busiest(world)
    for kind in ("subscriptions", "invoices", "payments"):
        expected = {id_of(fact) for fact in facts(world, kind) if fact.customer is customer}
        for first in (3, 100):
            ids = to_the_end(edge_list(company, customer, kind, first), first)
            assert len(ids) == len(set(ids))
            assert set(ids) == expected, (kind, first)
    billed = max(
        (fact for fact in world.subscriptions if fact.customer is customer),
        key=lambda fact: sum(invoice.subscription.id == fact.id for invoice in world.invoices),
    )
    ids = to_the_end(edge_list(company, billed, "invoices", 4), 4)
    assert sorted(ids) == sorted(id_of(each) for each in world.invoices if each.subscription.id == billed.id)
    invoice = max(
        (each for each in world.invoices if each.customer is customer),
        key=lambda each: sum(payment.invoice.id == each.id for payment in world.payments),
    )
    ids = to_the_end(edge_list(company, invoice, "payments", 1), 1)
    assert sorted(ids) == sorted(id_of(each) for each in world.payments if each.invoice.id == invoice.id)


def test_first_pages_of_many_objects_at_once_tell_rightly_whether_more_follow(company: Sandbox) -> None:
    world = company.world
    data = company.data(
        """{ customers(first: 60) { nodes { id
            subscriptions(first: 2) { nodes { id } pageInfo { hasNextPage } }
            invoices(first: 5) { nodes { id } pageInfo { hasNextPage } }
            all: subscriptions(first: 100) { nodes { id } pageInfo { hasNextPage } }
        } } }"""
    )
    for node in data["customers"]["nodes"]:
        for kind, first in (("subscriptions", 2), ("invoices", 5)):
            own = {id_of(fact) for fact in facts(world, kind) if id_of(fact.customer) == node["id"]}
            listed = [each["id"] for each in node[kind]["nodes"]]
            assert len(listed) == min(first, len(own))
            assert set(listed) <= own
            assert node[kind]["pageInfo"]["hasNextPage"] is (len(own) > first)
        everything = [each["id"] for each in node["all"]["nodes"]]
        assert [each["id"] for each in node["subscriptions"]["nodes"]] == everything[:2]
        assert node["all"]["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize("first", [0, -1, 101, 10_000])
def test_first_is_1_to_100(company: Sandbox, emulators: Emulators, first: int) -> None:
    for kind in KINDS:
        error = company.refusal(f"{{ {kind}(first: {first}) {{ nodes {{ id }} }} }}")
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["path"] == [kind]
        assert error["message"].startswith("first: ")
    assert emulators.counts() == {}
    customer = id_of(known_everywhere(company.world))
    for kind in KINDS[1:]:
        error = company.refusal(
            f'{{ customer(id: "{customer}") {{ {kind}(first: {first}) {{ nodes {{ id }} }} }} }}'
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["path"] == ["customer", kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_as_long_as_an_integer_goes_is_too_complex(
    company: Sandbox, emulators: Emulators, kind: str
) -> None:
    first = 2**31 - 1
    documents = [f"{{ {kind}(first: {first}) {{ nodes {{ id }} }} }}"]
    if kind != "customers":
        customer = id_of(known_everywhere(company.world))
        documents.append(
            f'{{ customer(id: "{customer}") {{ {kind}(first: {first}) {{ nodes {{ id }} }} }} }}'
        )
    for document in documents:
        answer = company.query(document)
        assert "data" not in answer
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["QUERY_TOO_COMPLEX"]
    assert emulators.counts() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cursor_of_another_list_is_refused(company: Sandbox, emulators: Emulators, kind: str) -> None:
    cursors = [
        page["endCursor"]
        for other in KINDS
        if other != kind and (page := root_list(company, other, 3)(None)["pageInfo"])
    ]
    customer = known_everywhere(company.world)
    if kind != "customers":
        cursors.append(edge_list(company, customer, kind, 1)(None)["pageInfo"]["endCursor"])
    else:
        cursors += [
            root_list(company, kind, 3, order=order)(None)["pageInfo"]["endCursor"]
            for order in ("NAME_ASC", "NAME_DESC", "UPDATED_DESC")
        ]
    cursors += ["", " ", "rubbish", "é", id_of(customer), "WyJDdXN0b21lciIsInNhbGVzZm9yY2UiXQ"]
    emulators.clear()
    for cursor in cursors:
        error = company.refusal(
            f"query ($after: String) {{ {kind}(after: $after) {{ nodes {{ id }} }} }}", {"after": cursor}
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT", cursor
        assert error["path"] == [kind]
        assert error["message"].startswith("after: ")
    assert emulators.counts() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cursor_with_another_place_in_it_is_refused(company: Sandbox, kind: str) -> None:
    whole = root_list(company, kind, 3)(None)["pageInfo"]["endCursor"]
    for position in ("", "x", "' OR 1=1", "-1", "0" * 40, "{}", "[]", "é"):
        error = company.refusal(
            f"query ($after: String) {{ {kind}(after: $after) {{ nodes {{ id }} }} }}",
            {"after": with_position(whole, position)},
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT", position
        assert error["message"].startswith("after: ")


def with_position(cursor: str, position: str) -> str:
    """The cursor with another position in the place of the adapter's own."""
    name, connection, _ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    plain = json.dumps([name, connection, position], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_cursor_of_another_objects_list_is_no_place_there(company: Sandbox, kind: str) -> None:
    """It is refused, or continues where it says: it never shows another object's rows."""
    world = company.world
    one, other = [
        fact
        for fact in world.customers
        if sum(each.customer is fact for each in facts(world, kind)) > 2 and len(fact.erp_ids) == 1
    ][:2]
    cursor = edge_list(company, one, kind, 2)(None)["pageInfo"]["endCursor"]
    answer = company.query(
        f"query ($id: ID!, $after: String) {{ customer(id: $id) {{ {kind}(first: 100, after: $after)"
        " { nodes { id } } } }",
        {"id": id_of(other), "after": cursor},
    )
    if "errors" in answer:
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
    else:
        own = {id_of(fact) for fact in facts(world, kind) if fact.customer is other}
        assert {each["id"] for each in answer["data"]["customer"][kind]["nodes"]} <= own
