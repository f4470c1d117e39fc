"""Reading by id: many at once, in full, in part, and what is not there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from adapters.contracts.adapter import Adapter
from adapters.contracts.values import Money
from tests.contract.harness import Harness

pytestmark = pytest.mark.anyio


async def test_every_field_of_every_sample_reads_as_the_facts_say(harness: Harness, adapter: Adapter):
    for record_type, samples in harness.samples.items():
        resource = adapter.resources[record_type]
        for chunk in chunks([sample.id for sample in samples], resource.caps.ids_per_call):
            rows = await resource.read_many(chunk, resource.fields.supplies())
            for sample in samples:
                if sample.id not in chunk:
                    continue
                read = {name: resource.fields.read(rows[sample.id], name) for name in sample.expected}
                assert read == dict(sample.expected), (record_type, sample.id)


async def test_each_field_alone_asks_for_all_that_it_needs(harness: Harness, adapter: Adapter):
    """A projection of one field reads the same as a projection of all."""
    for record_type, samples in harness.samples.items():
        resource, sample = adapter.resources[record_type], samples[0]
        for name, value in sample.expected.items():
            rows = await resource.read_many([sample.id], frozenset({name}))
            assert resource.fields.read(rows[sample.id], name) == value, (record_type, name)


async def test_a_projection_asks_for_no_more_than_was_selected(harness: Harness, adapter: Adapter):
    for record_type in harness.samples:
        fields = adapter.resources[record_type].fields
        everything = set(fields.projection(fields.supplies()))
        for entry in fields:
            asked = fields.projection({entry.name})
            assert set(asked) == {*fields["id"].asks, *entry.asks}
            assert len(asked) == len(set(asked))
            assert set(asked) <= everything


async def test_unknown_ids_are_left_out_and_doubled_ones_read_once(harness: Harness, adapter: Adapter):
    for record_type, absent in harness.absent_id.items():
        resource = adapter.resources[record_type]
        known = harness.samples[record_type][0].id
        rows = await resource.read_many([absent, known, known], frozenset({"id"}))
        assert set(rows) == {known}
        assert await resource.read_many([absent], frozenset({"id"})) == {}


async def test_many_ids_take_one_call(harness: Harness, adapter: Adapter):
    if not harness.bulk:
        pytest.skip("the vendor reads one record a call")
    for record_type, samples in harness.samples.items():
        resource = adapter.resources[record_type]
        ids = [sample.id for sample in samples][: resource.caps.ids_per_call]
        harness.front.log.clear()
        rows = await resource.read_many(ids, frozenset({"id"}))
        assert set(rows) == set(ids)
        wanted = math.ceil(len(ids) / resource.caps.rows_per_call)
        assert len(data_calls(harness)) == wanted, (record_type, harness.front.log.calls)


async def test_values_are_exact_and_times_are_aware_utc(harness: Harness, adapter: Adapter):
    seen: set[type] = set()
    for record_type, samples in harness.samples.items():
        resource = adapter.resources[record_type]
        ids = [sample.id for sample in samples][: resource.caps.ids_per_call]
        rows = await resource.read_many(ids, resource.fields.supplies())
        for row in rows.values():
            for entry in resource.fields:
                for value in leaves(resource.fields.read(row, entry.name)):
                    seen.add(type(value))
                    assert not isinstance(value, float), (record_type, entry.name)
                    if isinstance(value, datetime):
                        assert value.tzinfo is UTC, (record_type, entry.name)
                    if isinstance(value, Money):
                        assert isinstance(value.amount, Decimal)
                        assert len(value.currency) == 3
                        assert value.currency.isupper()
    assert seen & {date, datetime, Money}, "the samples hold neither money nor times"


async def test_an_unknown_status_is_unknown_and_no_exception(harness: Harness, adapter: Adapter):
    if harness.unknown_status is None:
        pytest.skip("the server cannot be given a status outside the vendor's own list")
    record_type, record_id = harness.unknown_status
    resource = adapter.resources[record_type]
    rows = await resource.read_many([record_id], frozenset({"status"}))
    status = resource.fields.read(rows[record_id], "status")
    assert isinstance(status, Enum)
    assert status.name == "UNKNOWN"


def chunks(ids: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def data_calls(harness: Harness) -> list[dict[str, Any]]:
    return [call for call in harness.front.log.calls if harness.api_path in call["path"]]


def leaves(value: Any) -> Iterator[Any]:
    """The value, and all that it is made of."""
    yield value
    if dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            yield from leaves(getattr(value, each.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
