"""The styles of paging against a server that counts calls and refuses parameters it was not told of."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Misbehaving
from adapters.rest.position import Counted, Position
from tests.adapters.rest.company import company, rows
from tests.support.rest_system import Collection

pytestmark = pytest.mark.anyio

SUB = RecordType.SUBSCRIPTION
OFFSET = {"style": "offset", "limit": "limit", "offset": "offset", "max": 10}
STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "one extra": ("bare", {"paging": {**OFFSET, "more": "one_extra"}}),
    "until empty": ("bare", {"paging": {**OFFSET, "more": "until_empty"}}),
    "total": (
        "total",
        {"paging": {**OFFSET, "more": {"total": "result.count"}}, "rows": "result.items"},
    ),
    "number": (
        "numbered",
        {
            "paging": {
                "style": "number",
                "limit": "per_page",
                "number": "page",
                "first_number": 0,
                "max": 10,
                "more": {"flag": "has_more"},
            },
            "rows": "data",
        },
    ),
    "cursor": (
        "token",
        {
            "paging": {
                "style": "cursor",
                "limit": "page_size",
                "cursor": "page_token",
                "next": "meta.next",
                "max": 10,
            },
            "rows": "data",
        },
    ),
    "keyset": (
        "behind",
        {
            "paging": {
                "style": "keyset",
                "limit": "limit",
                "after": "behind",
                "max": 10,
                "more": {"flag": "has_more"},
            },
            "rows": "data",
        },
    ),
}


def ids_of(resource: Resource, page_rows: Any) -> list[str]:
    return [resource.fields.read(row, "id") for row in page_rows]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("first", [1, 4, 9, 50])
async def test_every_row_comes_once_and_in_order(style: str, first: int):
    paging, section = STYLES[style]
    with company(Collection(paging, rows(23)), section) as (adapter, _):
        resource = adapter.resources[SUB]
        request = PageRequest(frozenset({"id"}), first=first)
        seen: list[str] = []
        for _ in range(40):
            page = await resource.page(request)
            seen += ids_of(resource, page.rows)
            if not page.has_more:
                break
            request = replace(request, after=page.positions[-1])
        assert seen == [row["id"] for row in rows(23)]
        await adapter.aclose()


@pytest.mark.parametrize("style", STYLES)
async def test_a_list_continues_behind_any_row(style: str):
    paging, section = STYLES[style]
    with company(Collection(paging, rows(23)), section) as (adapter, _):
        resource = adapter.resources[SUB]
        page = await resource.page(PageRequest(frozenset({"id"}), first=7))
        for index in range(7):
            rest = await resource.page(PageRequest(frozenset({"id"}), first=3, after=page.positions[index]))
            assert ids_of(resource, rest.rows)[0] == f"s{index + 1:02}", (style, index)
        await adapter.aclose()


@pytest.mark.parametrize("style", STYLES)
async def test_places_of_several_parents_continue_each_ones_own_list(style: str):
    """What was read for many customers at once is continued for one of them."""
    paging, section = STYLES[style]
    keys = {"keys": {"customer_in_crm": {"param": "accounts", "paged": True}}}
    served = Collection(paging, rows(23), paged_one_of={"accounts": "account"})
    with company(served, {**section, **keys}) as (adapter, _):
        resource = adapter.resources[SUB]
        pages = await resource.related("customer_in_crm", ["a1", "a4"], frozenset({"id"}), first=2)
        assert ids_of(resource, pages["a4"].rows) == ["s12", "s13"]
        assert pages["a4"].has_more
        rest = await resource.related(
            "customer_in_crm", ["a4"], frozenset({"id"}), first=5, after=pages["a4"].positions[0]
        )
        assert ids_of(resource, rest["a4"].rows) == ["s13", "s14"]
        await adapter.aclose()


async def test_a_relation_without_pages_is_one_call_and_cut_here():
    served = Collection("bare", rows(23), one_of={"accounts": "account"})
    section = {**STYLES["one extra"][1], "keys": {"customer_in_crm": {"param": "accounts"}}}
    with company(served, section) as (adapter, front):
        resource = adapter.resources[SUB]
        pages = await resource.related("customer_in_crm", ["a1", "a9", "a4"], frozenset({"id"}), first=2)
        assert sent(front) == ["accounts=a1%2Ca9%2Ca4"]
        assert ids_of(resource, pages["a4"].rows) == ["s12", "s13"]
        assert (pages["a4"].has_more, pages["a9"].rows, pages["a9"].has_more) == (True, [], False)
        rest = await resource.related(
            "customer_in_crm", ["a4"], frozenset({"id"}), after=pages["a4"].positions[1]
        )
        assert ids_of(resource, rest["a4"].rows) == ["s14"]
        assert not rest["a4"].has_more
        await adapter.aclose()


async def test_one_row_more_than_wanted_tells_whether_more_follow():
    with company(Collection("bare", rows(10)), STYLES["one extra"][1]) as (adapter, front):
        resource = adapter.resources[SUB]
        first = await resource.page(PageRequest(frozenset({"id"}), first=5))
        last = await resource.page(PageRequest(frozenset({"id"}), first=5, after=first.positions[-1]))
        assert (first.has_more, last.has_more, len(last.rows)) == (True, False, 5)
        assert sent(front) == ["limit=6&offset=0", "limit=6&offset=5"]
        await adapter.aclose()


def test_a_place_holds_when_rows_come_and_go_before_it():
    place = Position(0, 3, "c")
    assert place.resume(["a", "b", "c", "d"]) == 3
    assert place.resume(["new", "a", "b", "c", "d"]) == 4
    assert place.resume(["a", "b", "d"]) == 2


@pytest.mark.parametrize("text", ["", "x", "[]", '["a",0,""]', "[-1,0,'']", '[0,-1,""]', "[0,0]", "9" * 400])
def test_what_is_no_place_is_refused(text: str):
    with pytest.raises(Rejected) as refused:
        Position.parse(text, int)
    assert refused.value.vendor_code == "bad_position"


async def test_a_page_that_names_itself_as_the_next_is_malformed():
    itself = base64.b64encode(b"at:0").decode()
    paging = {"style": "cursor", "limit": "page_size", "cursor": "page_token", "next": "data.0.loop"}
    served = Collection("token", [{**row, "loop": itself} for row in rows(5)])
    with company(served, {"paging": paging, "rows": "data"}) as (adapter, front):
        with pytest.raises(Malformed):
            await adapter.resources[SUB].page(
                PageRequest(frozenset({"id"}), first=2, after=str(Position(itself)))
            )
        assert len(front.log.calls) == 1
        await adapter.aclose()


async def test_conditions_and_order_go_with_every_page():
    served = Collection(
        "bare",
        rows(9),
        filters={"least": lambda row, text: row["seats"] >= int(text)},
        paged_one_of={"accounts": "account"},
    )
    keys = {"customer_in_crm": {"param": "accounts", "paged": True}}
    section = {**STYLES["until empty"][1], "params": {"least": "4"}, "keys": keys}
    with company(served, section) as (adapter, front):
        resource = adapter.resources[SUB]
        page = await resource.page(
            PageRequest(frozenset({"id"}), where=(Condition("customer_in_crm", Op.IN, ("a1",)),), first=5)
        )
        assert [resource.fields.read(row, "id") for row in page.rows] == ["s04", "s05"]
        assert sent(front) == ["least=4&accounts=a1&limit=5&offset=0"]
        await adapter.aclose()


def sent(front: Misbehaving) -> list[str]:
    return [call["query"] for call in front.log.calls]


def test_counted_places_are_written_as_each_would_be() -> None:
    places = Counted(7, 3)
    assert list(places) == [str(Position(8)), str(Position(9)), str(Position(10))]
    assert (len(places), places[0], places[-1]) == (3, str(Position(8)), str(Position(10)))
    assert (places[1:], places[:5], places[3:]) == (list(places)[1:], list(places), [])
    with pytest.raises(IndexError):
        _ = places[3]
    assert list(Counted(0, 0)) == []
