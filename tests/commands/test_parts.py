"""The parts of the engine that need no database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contracts import errors
from adapters.contracts.values import Address, Money, PaymentMethod
from adapters.contracts.vocabulary import InvoiceStatus, PaymentMethodKind, RecordType
from gateway.commands import codec
from gateway.commands.attempts import VERDICTS
from gateway.commands.audit import SAFE_FIELDS, redacted
from gateway.commands.ids import command_id, vendor_key
from gateway.commands.lanes import Lane
from gateway.commands.policy import Policy
from gateway.commands.states import FINISHED, STATES, ImpossibleMove, check_move
from resolvers.mutations.mutation import WRITES
from schema.enums import CommandStatus
from schema.personal import personal_fields

NOW = datetime(2026, 3, 31, tzinfo=UTC)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(InvoiceStatus),
    st.builds(Money, st.decimals(allow_nan=False, allow_infinity=False), st.just("EUR")),
    st.builds(Address, line1=st.none() | st.text(), country=st.none() | st.text()),
    st.builds(PaymentMethod, kind=st.sampled_from(PaymentMethodKind), expires_on=st.none() | st.dates()),
)
_keys = st.text().filter(lambda key: key != "$")
_values = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner), max_leaves=8)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(_keys, _values))
def test_values_come_back_exactly(value: dict[str, Any]) -> None:
    back = codec.decode(codec.encode(value))
    assert back == value
    assert codec.encode(back) == codec.encode(value)


def test_scale_types_and_moments_are_kept() -> None:
    value = {
        "amount": Money(Decimal("10.50"), "EUR"),
        "at": datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
        "on": date(2026, 1, 1),
        "type": RecordType.CUSTOMER,
        "several": (1, 2),
    }
    back = codec.decode(codec.encode(value))
    assert str(back["amount"].amount) == "10.50"
    assert back["at"] == value["at"]
    assert back["at"].tzinfo is UTC
    assert back["on"] == date(2026, 1, 1)
    assert type(back["on"]) is date
    assert back["type"] is RecordType.CUSTOMER
    assert back["several"] == [1, 2]


@pytest.mark.parametrize(
    "value",
    [1.5, Decimal("NaN"), datetime(2026, 1, 1), {"$": 1}, {1: 2}, object(), CommandStatus.DEAD, b"x"],  # noqa: DTZ001
)
def test_what_is_no_canonical_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        codec.encode(value)


def test_the_table_of_moves_is_whole() -> None:
    assert set(STATES) == set(CommandStatus)
    for before, state in STATES.items():
        for after in CommandStatus:
            if after in state.moves:
                check_move(before, after)
            else:
                with pytest.raises(ImpossibleMove):
                    check_move(before, after)
    ended = FINISHED - {CommandStatus.DEAD}
    assert all(not STATES[status].moves for status in ended)
    assert all(STATES[status].moves for status in set(CommandStatus) - ended)


def test_every_field_that_can_be_written_is_shown_in_the_audit_or_kept_back_on_purpose() -> None:
    written = {name for each in WRITES for name in (*each.fields, *each.options)} - {"invoice_id"}
    assert SAFE_FIELDS.isdisjoint({name for _, name in personal_fields()})
    assert written - SAFE_FIELDS == {
        "billing_address",
        "email",
        "legal_name",
        "memo",
        "name",
        "phone",
        "reason",
        "shipping_address",
        "tax_id",
        "website",
    }
    changes = {"phone": "+1 555 0100", "amount": Money(Decimal("1.5"), "EUR"), "email": None}
    shown = redacted(codec.encode(changes), codec.encode({"reason": "Bob asked", "effective": "NOW"}))
    assert "555" not in shown
    assert "Bob" not in shown
    assert json.loads(shown) == {
        "amount": {"$": "Money", "amount": {"$": "Decimal", "value": "1.5"}, "currency": "EUR"},
        "effective": "NOW",
        "email": None,
        "phone": "***",
        "reason": "***",
    }


def test_every_fault_has_its_verdict() -> None:
    assert set(VERDICTS) == set(errors.SystemFault.__subclasses__())


def test_ids_sort_by_time_and_give_a_key_that_vendors_take() -> None:
    random = Random(1)
    ids = [command_id(NOW + timedelta(milliseconds=step), random) for step in range(100)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 100
    assert all(each[14] == "7" and each[19] in "89ab" for each in ids)
    assert len(vendor_key(ids[0])) <= 64
    assert vendor_key(ids[0]).replace("-", "").isalnum()


def test_back_off_doubles_with_full_jitter_up_to_its_cap() -> None:
    policy = Policy(base_s=1.0, cap_s=60.0)
    for tries, longest in ((1, 1.0), (3, 4.0), (7, 60.0), (10_000, 60.0)):
        waits = [policy.back_off_s(tries, Random(seed)) for seed in range(300)]
        assert 0 <= min(waits) < longest * 0.1
        assert longest * 0.9 < max(waits) <= longest


def test_a_lane_has_places_a_pause_and_one_place_for_callers() -> None:
    lane = Lane(3, Policy(workers=10), Random(1))
    assert lane.take(NOW, deferred=True) == 2
    assert lane.take(NOW, deferred=True) == 0
    assert lane.take(NOW, deferred=False) == 1
    lane.give_back(3)
    lane.held_up(errors.Throttled("slow down", retry_after_s=4), NOW)
    lane.held_up(errors.Throttled("slow down", retry_after_s=1), NOW)
    assert lane.take(NOW + timedelta(seconds=3.9), deferred=False) == 0
    assert lane.take(NOW + timedelta(seconds=4), deferred=False, wanted=1) == 1
    lane.held_up(errors.Rejected("no"), NOW + timedelta(seconds=4))
    assert lane.take(NOW + timedelta(seconds=4), deferred=False) == 2
    assert Lane(1, Policy(), Random(1)).take(NOW, deferred=True) == 1
