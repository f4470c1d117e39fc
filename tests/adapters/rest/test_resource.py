"""What the adapter does with ids that are none, systems that ignore parameters, and values of odd forms."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from adapters.contracts.errors import Malformed, Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.values import Money, PaymentMethod
from adapters.contracts.vocabulary import PaymentMethodKind, PaymentStatus, RecordType
from adapters.rest.adapter import RestAdapter
from adapters.rest.settings import RestSettings
from tests.adapters.rest.company import company, rows
from tests.support.rest_system import Collection
from tests.support.server import serving

pytestmark = pytest.mark.anyio

SUB, PAY = RecordType.SUBSCRIPTION, RecordType.PAYMENT


async def test_ids_that_no_record_can_have_are_not_sent():
    section = {"ids": {"param": "ids", "pattern": r"s\d+"}, "paging": {"style": "none"}}
    with company(Collection("bare", rows(5), one_of={"ids": "id"}), section) as (adapter, front):
        resource = adapter.resources[SUB]
        assert set(await resource.read_many(["s01", "s02,s03", "s04&x=1", "a1"], frozenset())) == {"s01"}
        assert [call["query"] for call in front.log.calls] == ["ids=s01"]
        assert await resource.read_many(["s02,s03", ""], frozenset()) == {}
        assert len(front.log.calls) == 1
        await adapter.aclose()


async def test_an_id_cannot_leave_its_place_in_a_path():
    section = {"ids": None, "item": {"path": "/api/subs/{id}", "row": "record"}}
    with company(Collection("bare", rows(5)), section) as (adapter, front):
        resource = adapter.resources[SUB]
        found = await resource.read_many(["s01", "../admin", "..", "s02?x=1", "s03/../s04", ""], frozenset())
        assert set(found) == {"s01"}
        assert all(call["path"].startswith("/api/subs/") for call in front.log.calls)
        assert all(call["query"] == "" for call in front.log.calls)
        assert resource.caps.ids_per_call == 1
        await adapter.aclose()


async def test_rows_that_were_not_asked_for_are_passed_on_to_nobody():
    """A parameter that the system ignores would give one customer the rows of all."""
    served = Collection("bare", rows(9), filters={"acounts": lambda row, text: True})
    section = {"keys": {"customer_in_crm": {"param": "acounts"}}}
    with company(served, section) as (adapter, _):
        with pytest.raises(Malformed, match="rows of another customer_in_crm"):
            await adapter.resources[SUB].related("customer_in_crm", ["a1"], frozenset({"id"}))
        await adapter.aclose()


async def test_what_is_found_by_a_text_that_is_no_id_may_come_with_others():
    """Case is the system's to say: such a row is nobody's, and no fault."""
    served = Collection("bare", rows(9), filters={"accounts": lambda row, text: True})
    fields = {"id": "id", "number": "account"}
    section = {"fields": fields, "keys": {"number": {"param": "accounts"}}}
    with company(served, section) as (adapter, front):
        found = await adapter.resources[SUB].related("number", ["a2", "a0", "a7"], frozenset({"id"}))
        assert {value: [row.id for row in page.rows] for value, page in found.items()} == {
            "a2": ["s06", "s07", "s08"],
            "a0": ["s00", "s01", "s02"],
            "a7": [],
        }
        assert [call["query"] for call in front.log.calls] == ["accounts=a2%2Ca0%2Ca7"]
        await adapter.aclose()


async def test_a_text_that_would_be_taken_for_several_is_not_asked_for():
    """Left out of the question, its rows would seem not to exist."""
    section = {"filters": {"number": {"in": "numbers"}}, "fields": {"id": "id", "number": "account"}}
    served = Collection("bare", rows(9), one_of={"numbers": "account"})
    with company(served, section | {"paging": {"style": "none"}}) as (adapter, front):
        resource = adapter.resources[SUB]
        among = [Condition("number", Op.IN, values) for values in (("a1", "a2"), ("a1", "a2,a0"))]
        page = await resource.page(PageRequest(frozenset({"id"}), where=(among[0],), first=9))
        assert [row.id for row in page.rows] == ["s03", "s04", "s05", "s06", "s07", "s08"]
        with pytest.raises(Unsupported, match="numbers cannot be asked for 'a2,a0'"):
            await resource.page(PageRequest(frozenset({"id"}), where=(among[1],), first=9))
        assert len(front.log.calls) == 1
        await adapter.aclose()


async def test_a_parameter_of_every_request_cannot_be_a_key_too():
    section = {"params": {"accounts": "a1"}, "keys": {"customer_in_crm": {"param": "accounts"}}}
    with company(Collection("bare", rows(3)), section) as (adapter, front):
        with pytest.raises(Unsupported, match="twice by one parameter"):
            await adapter.resources[SUB].related("customer_in_crm", ["a0"], frozenset({"id"}))
        assert front.log.calls == []
        await adapter.aclose()


async def test_what_cannot_be_listed_or_read_by_id_is_unsupported_and_nothing_is_sent():
    section = {"listed": False, "ids": None}
    with company(Collection("bare", rows(9)), section) as (adapter, front):
        resource = adapter.resources[SUB]
        with pytest.raises(Unsupported):
            await resource.page(PageRequest(frozenset({"id"})))
        with pytest.raises(Unsupported):
            await resource.read_many(["s01"], frozenset({"id"}))
        with pytest.raises(Unsupported):
            await resource.page(
                PageRequest(frozenset({"id"}), where=(Condition("quantity", Op.IN, (3,)),), first=5)
            )
        assert front.log.calls == []
        await adapter.aclose()


async def test_a_projection_asks_for_what_was_selected_and_no_more():
    section = {"projection": {"param": "fields"}, "paging": {"style": "none"}}
    with company(Collection("bare", rows(3), one_of={"ids": "id"}), section) as (adapter, front):
        await adapter.resources[SUB].read_many(["s01"], frozenset({"quantity"}))
        assert [call["query"] for call in front.log.calls] == ["ids=s01&fields=id%2Cseats"]
        await adapter.aclose()


async def test_a_check_up_names_fields_that_cannot_be_read_and_those_never_filled():
    section = {"fields": {"id": "id", "quantity": "account", "number": "nowhere"}}
    with company(Collection("bare", rows(3)), section) as (adapter, _):
        (finding,) = await adapter.check()
        assert not finding.ok
        assert "quantity" in finding.detail
        await adapter.aclose()
    with company(Collection("bare", rows(3)), {"fields": {"id": "id", "number": "nowhere"}}) as (adapter, _):
        (finding,) = await adapter.check()
        assert finding.ok
        assert "number" in finding.detail
        await adapter.aclose()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "none"}, "authorization", None),
        ({"kind": "header", "name": "X-Key", "value": "k"}, "x-key", "k"),
        ({"kind": "bearer", "token": "t"}, "authorization", "Bearer t"),
        (
            {"kind": "basic", "username": "u", "password": "p"},
            "authorization",
            f"Basic {base64.b64encode(b'u:p').decode()}",
        ),
    ],
)
async def test_each_kind_of_credentials(auth: dict[str, Any], header: str, value: str | None):
    heard: list[Request] = []

    def answer(request: Request) -> JSONResponse:
        heard.append(request)
        return JSONResponse([])

    with serving(Starlette(routes=[Route("/v2/subs", answer)])) as base_url:
        settings = {
            "base_url": f"{base_url}/v2/",
            "auth": auth,
            "headers": {"X-Client": "fieldgate"},
            "resources": {"Subscription": {"path": "/subs", "fields": {"id": "id"}}},
        }
        adapter = RestAdapter("x", RestSettings.model_validate(settings))
        await adapter.resources[SUB].page(PageRequest(frozenset({"id"})))
        await adapter.aclose()
    assert heard[0].headers.get(header) == value
    assert heard[0].headers["x-client"] == "fieldgate"


def payments(fields: dict[str, Any]) -> Any:
    settings = {
        "base_url": "http://x.example",
        "resources": {"Payment": {"path": "/p", "fields": {"id": "id", **fields}, "link": "http://u/{id}"}},
    }
    return RestAdapter("x", RestSettings.model_validate(settings))


MONEY = {"amount": {"amount": "a.sum", "currency": "a.ccy", "unit": "minor"}}
MAJOR = {"amount": {"amount": "a.sum", "currency": {"value": "EUR"}, "unit": "major"}}
METHOD = {"method": {"kind": {"path": "m", "values": {3: "CARD", True: "BANK_DEBIT"}}, "last4": "l"}}


@pytest.mark.parametrize(
    ("fields", "row", "name", "value"),
    [
        (MONEY, {"a": {"sum": 1250, "ccy": "usd"}}, "amount", Money(Decimal("12.50"), "USD")),
        (MONEY, {"a": {"sum": "1250", "ccy": "JPY"}}, "amount", Money(Decimal(1250), "JPY")),
        (MONEY, {"a": {"sum": None, "ccy": "JPY"}}, "amount", None),
        (MONEY, {}, "amount", None),
        (MAJOR, {"a": {"sum": Decimal("0.1")}}, "amount", Money(Decimal("0.10"), "EUR")),
        (MAJOR, {"a": {"sum": "0.123"}}, "amount", Money(Decimal("0.123"), "EUR")),
        (METHOD, {"m": 3, "l": 42}, "method", PaymentMethod(PaymentMethodKind.CARD, last4="42")),
        (METHOD, {"m": True}, "method", PaymentMethod(PaymentMethodKind.BANK_DEBIT)),
        (METHOD, {"m": "barter"}, "method", PaymentMethod(PaymentMethodKind.OTHER)),
        (METHOD, {}, "method", None),
        ({"status": "s"}, {"s": "FAILED"}, "status", PaymentStatus.FAILED),
        ({"status": "s"}, {"s": "odd"}, "status", PaymentStatus.UNKNOWN),
        ({"status": "s"}, {}, "status", PaymentStatus.UNKNOWN),
        ({"invoice_in_erp": "i"}, {"i": 17}, "invoice_in_erp", "17"),
        ({"invoice_in_erp": "i"}, {"i": ""}, "invoice_in_erp", None),
        (
            {"created_at": {"path": "t", "form": "unix"}},
            {"t": 86400},
            "created_at",
            datetime(1970, 1, 2, tzinfo=UTC),
        ),
        (
            {"created_at": "t"},
            {"t": "2026-01-01T02:00:00+02:00"},
            "created_at",
            datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_forms_of_values(fields: dict[str, Any], row: dict[str, Any], name: str, value: Any):
    read = payments(fields).resources[PAY].fields.read(row, name)
    assert read == value
    if isinstance(read, Money):
        assert str(read.amount) == str(value.amount)


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        (MONEY, {"a": "a text"}),
        (MONEY, {"a": {"sum": Decimal("12.5"), "ccy": "EUR"}}),
        (MAJOR, {"a": {"sum": "NaN"}}),
        (METHOD, {"m": {"deep": 1}}),
        ({"invoice_in_erp": "i"}, {"i": True}),
        ({"created_at": "t"}, {"t": "yesterday"}),
    ],
)
def test_another_form_than_told_is_malformed(fields: dict[str, Any], row: dict[str, Any]):
    (name,) = fields
    with pytest.raises(Malformed) as told:
        payments(fields).resources[PAY].fields.read(row, name)
    assert "yesterday" not in str(told.value)


def test_a_day_is_written_as_the_system_has_it():
    form = {"path": "/i", "fields": {"id": "id", "due_on": "d"}}
    for written, sent in (("due", "2026-03-01"), ({"param": "due", "form": "unix"}, "1772323200")):
        settings = {
            "base_url": "http://x.example",
            "resources": {"Invoice": {**form, "filters": {"due_on": {"before": written}}}},
        }
        fields = RestAdapter("x", RestSettings.model_validate(settings)).resources[RecordType.INVOICE].fields
        assert fields.condition(Condition("due_on", Op.BEFORE, date(2026, 3, 1))) == (("due", sent),)


def test_the_link_to_a_record():
    adapter = payments({})
    assert adapter.record_url(PAY, "p/1") == "http://u/p%2F1"
    assert adapter.record_url(SUB, "s") is None
