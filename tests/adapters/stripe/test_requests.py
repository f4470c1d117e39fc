"""What the adapter sends: the exact calls, and that Stripe's own description of its API knows them."""

from __future__ import annotations

import re
import typing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe

from adapters.contracts.errors import NotFound, Rejected, SystemFault, Throttled, Unsupported
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import PaymentStatus, RecordType
from adapters.emulation.faults import ErrorBody, Fault, Misbehaving
from adapters.stripe.settings import StripeSettings
from tests.adapters.stripe.conftest import Sandbox, spec
from tests.support.server import serving

pytestmark = pytest.mark.anyio

OBJECTS = {
    "customers": stripe.Customer,
    "payment_methods": stripe.PaymentMethod,
    "payment_intents": stripe.PaymentIntent,
}


def customer_with(sandbox: Sandbox, *, method: bool) -> str:
    known = (fact for fact in sandbox.world.customers if fact.payments_id)
    return str(next(fact for fact in known if (fact.payment_method is not None) is method).payments_id)


async def read_customer(sandbox: Sandbox, id: str, *select: str) -> list[str]:
    adapter = sandbox.adapter()
    await adapter.resources[RecordType.CUSTOMER].read_many([id], frozenset(select))
    await adapter.aclose()
    return sandbox.calls()


async def test_a_customer_costs_one_call_whatever_is_selected(sandbox: Sandbox) -> None:
    id = customer_with(sandbox, method=True)
    assert await read_customer(sandbox, id, "delinquent") == [f"/v1/customers/{id}"]
    methods = f"/v1/customers/{id}/payment_methods?limit=100"
    assert await read_customer(sandbox, id, "payment_methods") == [methods]
    both = f"{methods}&expand%5B%5D=data.customer"
    assert await read_customer(sandbox, id, "payment_methods", "delinquent") == [both]


async def test_only_a_customer_without_methods_costs_two_for_both(sandbox: Sandbox) -> None:
    id = customer_with(sandbox, method=False)
    calls = await read_customer(sandbox, id, "payment_methods", "delinquent")
    assert [call.partition("?")[0] for call in calls] == [
        f"/v1/customers/{id}/payment_methods",
        f"/v1/customers/{id}",
    ]


async def test_payments_of_a_customer_cost_one_call_and_expand_what_is_selected(sandbox: Sandbox) -> None:
    adapter, id = sandbox.adapter(), customer_with(sandbox, method=True)
    payments = adapter.resources[RecordType.PAYMENT]
    for select, expanded in (
        ({"amount", "created_at", "invoice_in_erp"}, []),
        ({"status", "amount_refunded"}, ["data.latest_charge"]),
        ({"method"}, ["data.latest_charge", "data.payment_method"]),
    ):
        await payments.related("customer_in_payments", [id], frozenset(select), first=5)
        (call,) = sandbox.calls()
        query = parse_qsl(call.partition("?")[2])
        assert query[:2] == [("limit", "5"), ("customer", id)]
        assert [value for name, value in query if name == "expand[]"] == expanded
    await adapter.aclose()


async def test_ids_that_are_not_stripes_are_absent_and_nothing_is_sent(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    odd = ["search", "", "..", "a/b", "pi_1?x", "cus_1/payment_methods"]
    for resource in adapter.resources.values():
        assert await resource.read_many(odd, frozenset({"id"})) == {}
    assert sandbox.calls() == []
    await adapter.aclose()


async def test_a_filter_stripe_lacks_is_refused_before_anything_is_sent(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    for record_type, condition in (
        (RecordType.PAYMENT, Condition("status", Op.IN, (PaymentStatus.FAILED,))),
        (RecordType.PAYMENT, Condition("invoice_in_erp", Op.IN, ("1",))),
        (RecordType.PAYMENT, Condition("customer_in_payments", Op.IN, ("cus_1", "cus_2"))),
        (RecordType.CUSTOMER, Condition("customer_in_crm", Op.IN, ("001",))),
    ):
        request = PageRequest(select=frozenset({"id"}), where=(condition,))
        with pytest.raises(Unsupported):
            await adapter.resources[record_type].page(request)
    assert not adapter.resources[RecordType.CUSTOMER].finds_by("customer_in_crm")
    assert sandbox.calls() == []
    await adapter.aclose()


async def test_since_rounds_up_to_whole_seconds(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    for moment, expected in (
        (datetime(2026, 1, 1, tzinfo=UTC), "1767225600"),
        (datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), "1767225601"),
    ):
        where = (Condition("created_at", Op.SINCE, moment),)
        await adapter.resources[RecordType.PAYMENT].page(PageRequest(frozenset({"id"}), where))
        (call,) = sandbox.calls()
        assert ("created[gte]", expected) in parse_qsl(call.partition("?")[2])
    await adapter.aclose()


@pytest.mark.parametrize("position", ["pi_none", "not a position", "", "pi_1&limit=3"])
async def test_a_position_that_stripe_did_not_give_is_bad(sandbox: Sandbox, position: str) -> None:
    adapter = sandbox.adapter()
    request = PageRequest(select=frozenset({"id"}), after=position)
    with pytest.raises(Rejected) as refused:
        await adapter.resources[RecordType.PAYMENT].page(request)
    assert refused.value.vendor_code == "bad_position"
    await adapter.aclose()


async def test_payments_of_a_customer_stripe_does_not_have_are_none(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter()
    found = await adapter.resources[RecordType.PAYMENT].related(
        "customer_in_payments", ["cus_none"], frozenset({"id"})
    )
    assert list(found["cus_none"].rows) == []
    await adapter.aclose()


async def test_a_deleted_customer_is_absent(sandbox: Sandbox) -> None:
    id = customer_with(sandbox, method=True)
    sandbox.objects.replace({"id": id, "object": "customer", "deleted": True})
    adapter = sandbox.adapter()
    for select in ("delinquent", "payment_methods"):
        assert await adapter.resources[RecordType.CUSTOMER].read_many([id], frozenset({select})) == {}
    await adapter.aclose()


async def test_never_more_calls_at_once_than_the_connection_allows(sandbox: Sandbox) -> None:
    under_way = most = 0

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await sandbox.front(scope, receive, send)
        under_way -= 1

    sandbox.front.arm(Fault("latency", seconds=0.01, times=25))
    ids = [fact.id for fact in sandbox.world.payments[:25]]
    with serving(counting) as base_url:
        adapter = sandbox.adapter(base_url=base_url, max_concurrency=4)
        rows = await adapter.resources[RecordType.PAYMENT].read_many(ids, frozenset({"id"}))
        await adapter.aclose()
    assert list(rows) == ids
    assert most == 4


async def test_keys_version_and_account_are_sent_as_headers(sandbox: Sandbox) -> None:
    heard: list[dict[bytes, bytes]] = []

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        heard.append(dict(scope["headers"]))
        await sandbox.front(scope, receive, send)

    with serving(listening) as base_url:
        adapter = sandbox.adapter(base_url=base_url, account="acct_sandbox")
        assert all(finding.ok for finding in await adapter.check())
        await adapter.aclose()
    for headers in heard:
        assert headers[b"authorization"] == b"Bearer sk_test_sandbox"
        assert headers[b"stripe-version"] == stripe.api_version.encode()
        assert headers[b"stripe-account"] == b"acct_sandbox"


@pytest.mark.parametrize(
    ("status", "error", "headers", "expected"),
    [
        (400, {"type": "invalid_request_error", "code": "rate_limit"}, {}, Throttled),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, {}, Throttled),
        (409, {"type": "invalid_request_error"}, {"stripe-should-retry": "true"}, Throttled),
        (404, {"type": "invalid_request_error"}, {}, NotFound),
    ],
)
async def test_errors_become_faults(
    sandbox: Sandbox, status: int, error: Any, headers: dict[str, str], expected: type[SystemFault]
) -> None:
    body = ErrorBody(
        {"error": {"message": "quotes secret@example.com", **error}}, headers=(*headers.items(),)
    )
    front = Misbehaving(sandbox.front, lambda *_: body)
    front.arm(Fault("error", status=status))
    with serving(front) as base_url:
        adapter = sandbox.adapter(base_url=base_url)
        with pytest.raises(expected) as raised:
            await adapter.resources[RecordType.CUSTOMER].read_many(["cus_1"], frozenset({"id"}))
        await adapter.aclose()
    assert "secret@example.com" not in str(raised.value)


async def test_check_tells_a_wrong_key(sandbox: Sandbox) -> None:
    adapter = sandbox.adapter(api_key="sk_test_other")
    findings = await adapter.check()
    await adapter.aclose()
    assert [finding.ok for finding in findings] == [True, False, False]
    assert "sk_test_other" not in str(findings)


async def test_stripes_description_knows_every_request(sandbox: Sandbox) -> None:
    described = spec("spec3-2022-04-12.json")["paths"]
    adapter = sandbox.adapter()
    customer = customer_with(sandbox, method=True)
    await adapter.check()
    for resource in adapter.resources.values():
        everything = resource.fields.supplies()
        page = await resource.page(PageRequest(select=everything, first=3))
        more = PageRequest(select=everything, first=3, after=page.positions[-1])
        await resource.page(more)
        await resource.read_many([row["id"] for row in page.rows], everything)
        for entry in resource.fields:
            await resource.read_many([page.rows[0]["id"]], frozenset({entry.name}))
    where = (Condition("created_at", Op.SINCE, datetime(2026, 1, 1, tzinfo=UTC)),)
    payments = adapter.resources[RecordType.PAYMENT]
    await payments.related("customer_in_payments", [customer], frozenset({"method"}), where=where)
    await adapter.resources[RecordType.CUSTOMER].related("email", ["a@b.test"], frozenset({"name"}))
    await adapter.aclose()

    calls = sandbox.calls()
    assert len(calls) > 20
    for call in calls:
        path, _, query = call.partition("?")
        known = parameters(described, path)
        for name, value in parse_qsl(query):
            name, _, bound = name.rstrip("]").partition("[")
            assert name in known, call
            if name == "expand":
                assert_expandable(path, value)
            elif bound:
                bounds = known[name]["schema"]["anyOf"][0]["properties"]
                assert bounds[bound]["type"] == "integer"


def parameters(described: Any, path: str) -> dict[str, Any]:
    for template, operations in described.items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path) and "get" in operations:
            return {
                entry["name"]: entry for entry in operations["get"]["parameters"] if entry["in"] == "query"
            }
    raise AssertionError(f"{path} is not described")


def assert_expandable(path: str, value: str) -> None:
    """By the SDK's types, which are of today's version: an id or the object in its place."""
    collection = next(part for part in reversed(path.split("/")) if part in OBJECTS)
    options = typing.get_args(OBJECTS[collection].__annotations__[value.removeprefix("data.")])
    assert str in options
    assert any(isinstance(option, typing.ForwardRef) for option in options)


def test_the_pinned_version_is_the_sdks() -> None:
    assert StripeSettings.model_fields["api_version"].default == stripe.api_version
