"""Lists: paging to the end, positions, relations, filters, orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.errors import Rejected, Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import Order, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.emulation.faults import Fault
from tests.contract.harness import Harness
from tests.contract.test_reads import data_calls

pytestmark = pytest.mark.anyio


async def read_all(resource: Resource, request: PageRequest) -> tuple[list[str], list[str]]:
    ids: list[str] = []
    positions: list[str] = []
    for _ in range(10_000):
        page = await resource.page(request)
        assert len(page.rows) == len(page.positions) <= request.first
        ids += [str(resource.fields.read(row, "id")) for row in page.rows]
        positions += page.positions
        if not page.has_more:
            return ids, positions
        assert page.rows, "an empty page says that more follow"
        request = replace(request, after=page.positions[-1])
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("first", [7, 100])
async def test_paging_to_the_end_gives_every_row_once(harness: Harness, adapter: Adapter, first: int):
    for record_type, total in harness.totals.items():
        ids, positions = await read_all(
            adapter.resources[record_type], PageRequest(frozenset({"id"}), first=first)
        )
        assert len(set(ids)) == len(ids) == total, record_type
        assert len(set(positions)) == len(positions), record_type


async def test_any_row_can_be_continued_behind(harness: Harness, adapter: Adapter):
    """Each row has a position of its own, not only the last of a page."""
    for record_type in harness.totals:
        resource = adapter.resources[record_type]
        whole = await resource.page(PageRequest(frozenset({"id"}), first=10))
        for index in (0, 3):
            if index + 1 >= len(whole.rows):
                continue
            rest = await resource.page(
                PageRequest(
                    frozenset({"id"}), first=len(whole.rows) - index - 1, after=whole.positions[index]
                )
            )
            assert [resource.fields.read(row, "id") for row in rest.rows] == [
                resource.fields.read(row, "id") for row in whole.rows[index + 1 :]
            ]


async def test_a_page_that_shrinks_ends_nothing(harness: Harness, adapter: Adapter):
    if not harness.shrinks:
        pytest.skip("the server cannot be told to give short pages")
    for record_type, total in harness.totals.items():
        harness.front.arm(Fault("shrink", path=harness.api_path, times=1_000_000))
        ids, _ = await read_all(adapter.resources[record_type], PageRequest(frozenset({"id"}), first=9))
        harness.front.disarm()
        assert len(set(ids)) == len(ids) == total, record_type


async def test_a_position_that_nobody_gave_is_refused(harness: Harness, adapter: Adapter):
    for record_type in harness.totals:
        with pytest.raises(Rejected) as refused:
            await adapter.resources[record_type].page(
                PageRequest(frozenset({"id"}), first=5, after="'; nobody gave this")
            )
        assert refused.value.vendor_code == "bad_position"


async def test_relations_give_each_value_its_rows(harness: Harness, adapter: Adapter):
    for (record_type, key), by_value in harness.links.items():
        resource = adapter.resources[record_type]
        assert resource.finds_by(key), (record_type, key)
        values = list(by_value)[: resource.caps.keys(key)]
        found = await resource.related(key, values, frozenset({"id"}))
        assert set(found) == set(values)
        for value in values:
            ids = [str(resource.fields.read(row, "id")) for row in found[value].rows]
            assert sorted(ids) == sorted(by_value[value]), (record_type, key, value)
            assert not found[value].has_more


async def test_a_relation_can_be_read_in_parts(harness: Harness, adapter: Adapter):
    for (record_type, key), by_value in harness.links.items():
        resource = adapter.resources[record_type]
        value = max(by_value, key=lambda each: len(by_value[each]))
        seen: list[str] = []
        after = None
        for _ in range(len(by_value[value]) + 1):
            page = (await resource.related(key, [value], frozenset({"id"}), first=2, after=after))[value]
            assert len(page.rows) <= 2
            seen += [str(resource.fields.read(row, "id")) for row in page.rows]
            if not page.has_more:
                break
            after = page.positions[-1]
        assert sorted(seen) == sorted(by_value[value]), (record_type, key)
        assert len(set(seen)) == len(seen)


async def test_filters_give_what_they_say_and_nothing_else(harness: Harness, adapter: Adapter):
    for case in harness.filters:
        resource = adapter.resources[case.type]
        where = (Condition(case.field, case.op, case.value),)
        ids, _ = await read_all(resource, PageRequest(frozenset({"id"}), where=where, first=50))
        assert frozenset(ids) == case.ids, (case.type, case.field, case.op, case.value)
        assert len(ids) == len(case.ids)


async def test_what_the_vendor_cannot_filter_is_refused_and_nothing_is_sent(
    harness: Harness, adapter: Adapter
):
    for record_type, resource in adapter.resources.items():
        unable = [
            (entry.name, op)
            for entry in resource.fields
            for op in Op
            if not resource.fields.can_filter(entry.name, op)
        ]
        for name, op in [*unable, ("no_such_field", Op.IN)]:
            with pytest.raises(Unsupported):
                await resource.page(
                    PageRequest(frozenset({"id"}), where=(Condition(name, op, ("x",)),), first=5)
                )
        assert data_calls(harness) == [], record_type


async def test_orders_are_kept_and_others_refused(harness: Harness, adapter: Adapter):
    resource = adapter.resources.get(RecordType.CUSTOMER)
    if resource is None:
        pytest.skip("no customers")
    for order in resource.orders:
        request = PageRequest(frozenset({"id", order.field}), order=order, first=9)
        values: list[object] = []
        ids: list[str] = []
        while True:
            page = await resource.page(request)
            values += [resource.fields.read(row, order.field) for row in page.rows]
            ids += [str(resource.fields.read(row, "id")) for row in page.rows]
            if not page.has_more:
                break
            request = replace(request, after=page.positions[-1])
        assert len(set(ids)) == len(ids) == harness.totals[RecordType.CUSTOMER]
        if all(isinstance(value, str) and value.isascii() for value in values):
            keys = [str(value).casefold() for value in values]
            assert keys == sorted(keys, reverse=order.descending)
        elif not any(isinstance(value, str) for value in values):
            assert values == sorted(values, reverse=order.descending)  # type: ignore[type-var]
    harness.front.log.clear()
    with pytest.raises(Unsupported):
        await resource.page(PageRequest(frozenset({"id"}), order=Order("no_such_field"), first=5))
    assert data_calls(harness) == []
