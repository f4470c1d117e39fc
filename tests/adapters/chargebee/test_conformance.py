"""Envelopes and errors against Chargebee's OpenAPI description, parameters against the SDK's own types.

The description is of API v1: its envelopes and error bodies are those of v2, its resources are not, so
inside a row only what the two versions share is checked.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema_rs
import pytest
from chargebee import Customer, Filters, Subscription

from adapters.chargebee.emulator import EMULATOR
from adapters.chargebee.emulator.problem import Problem
from adapters.contracts.fields import Condition, Op
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType, SubscriptionStatus
from tests.adapters.chargebee.conftest import Site

SPEC = Path(__file__).parents[4] / "shared/vendors/specs/chargebee/chargebee_api_v1_spec.json"
ONLY_V1 = {"plan_id", "plan_quantity", "account_credits"}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    if not SPEC.exists():
        pytest.skip(f"the vendor's description is not at {SPEC}")
    document: dict[str, Any] = json.loads(SPEC.read_text())
    for schema in document["components"]["schemas"].values():
        schema["required"] = [name for name in schema.get("required", ()) if name not in ONLY_V1]
    # v1 has no pause; the SDK's type is the reference for v2.
    status = document["components"]["schemas"]["Subscription"]["properties"]["status"]
    status["enum"] = [member.value for member in Subscription.Status]
    return document


def validate(spec: dict[str, Any], schema: dict[str, Any], body: Any) -> None:
    jsonschema_rs.validator_for({**schema, "components": spec["components"]}).validate(body)


def get(site: Site, path: str, **options: Any) -> httpx.Response:
    settings = EMULATOR.settings(site.base_url)
    return httpx.get(f"{site.base_url}/api/v2{path}", auth=(settings["api_key"], ""), **options)


@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
def test_lists_are_the_vendor_s_envelopes(site: Site, spec: dict[str, Any], path: str) -> None:
    answer = get(site, path, params={"limit": "100"})
    responses = spec["paths"][path]["get"]["responses"]
    validate(spec, responses["200"]["content"]["application/json"]["schema"], answer.json())
    assert len(answer.json()["list"]) > 30


def test_a_single_record_is_the_vendor_s_envelope(site: Site, spec: dict[str, Any]) -> None:
    answer = get(site, f"/subscriptions/{site.world.subscriptions[0].id}")
    responses = spec["paths"]["/subscriptions/{subscription-id}"]["get"]["responses"]
    validate(spec, responses["200"]["content"]["application/json"]["schema"], answer.json())


@pytest.mark.parametrize(
    ("operation", "described_as", "status"),
    [
        ("reactivate", "reactivate", SubscriptionStatus.CANCELLED),
        ("cancel_for_items", "cancel", SubscriptionStatus.ACTIVE),
        ("remove_scheduled_cancellation", "remove_scheduled_cancellation", SubscriptionStatus.NON_RENEWING),
        ("pause", "cancel", SubscriptionStatus.PAUSED),
        ("resume", "cancel", SubscriptionStatus.FUTURE),
    ],
)
def test_answers_to_writes_are_the_vendor_s(
    site: Site, spec: dict[str, Any], operation: str, described_as: str, status: SubscriptionStatus
) -> None:
    """The last two have no description in v1; their refusals are like those of any operation."""
    fact = next(fact for fact in site.world.subscriptions if fact.status is status)
    url = f"{site.base_url}/api/v2/subscriptions/{fact.id}/{operation}"
    answer = httpx.post(url, auth=(EMULATOR.settings(site.base_url)["api_key"], ""))
    assert answer.status_code == (409 if operation in ("pause", "resume") else 200)
    responses = spec["paths"][f"/subscriptions/{{subscription-id}}/{described_as}"]["post"]["responses"]
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    validate(spec, schema, answer.json())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 429, 500, 503])
def test_errors_are_the_vendor_s(spec: dict[str, Any], status: int) -> None:
    validate(spec, spec["components"]["schemas"][str(status)], Problem(status).body)
    validate(spec, spec["components"]["schemas"][str(status)], EMULATOR.errors(status, "error").body)


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/subscriptions", {"limit": "200"}, 400),
        ("/subscriptions", {"colour": "red"}, 400),
        ("/subscriptions", {"status[lt]": "active"}, 400),
        ("/subscriptions", {"id[in]": "a,b"}, 400),
        ("/subscriptions", {"sort_by[asc]": "status"}, 400),
        ("/customers", {"created_at[after]": "yesterday"}, 400),
        ("/customers/AzNoSuchCustomer", {}, 404),
        ("/no_such_thing", {}, 404),
    ],
)
def test_refusals_are_the_vendor_s(
    site: Site, spec: dict[str, Any], path: str, params: dict[str, str], status: int
) -> None:
    answer = get(site, path, params=params)
    assert answer.status_code == status
    validate(spec, spec["components"]["schemas"][str(status)], answer.json())


def test_lists_of_values_may_be_json_or_python(site: Site) -> None:
    ids = [fact.id for fact in site.world.subscriptions[:2]]
    forms = [json.dumps(ids), str(ids), json.dumps(ids, separators=(",", ":"))]
    found = [get(site, "/subscriptions", params={"id[in]": form}).json()["list"] for form in forms]
    assert [{row["subscription"]["id"] for row in rows} for rows in found] == [set(ids)] * 3


@pytest.mark.anyio
async def test_the_adapter_sends_only_parameters_that_the_sdk_knows(site: Site) -> None:
    adapter = site.adapter()
    site.front.log.clear()
    first = site.world.subscriptions[0]
    values: dict[tuple[str, Op], Any] = {
        ("id", Op.IN): (first.id,),
        ("customer_in_subscriptions", Op.IN): (first.customer.billing_id,),
        ("status", Op.IN): (SubscriptionStatus.ACTIVE,),
        ("plan_code", Op.IN): ("team-USD-Yearly",),
        ("email", Op.IN): ("nobody@example.test",),
        ("next_billing_on", Op.BEFORE): site.world.today,
        ("updated_at", Op.SINCE): first.updated_at,
    }
    for resource in adapter.resources.values():
        for entry in resource.fields:
            for op in entry.filters:
                condition = Condition(entry.name, op, values[entry.name, op])
                await resource.page(PageRequest(frozenset(), (condition,)))
        page = await resource.page(PageRequest(frozenset(), first=2))
        await resource.page(PageRequest(frozenset(), first=2, after=page.positions[-1]))
    await adapter.aclose()

    kinds = {
        name: {operator.lower() for operator in getattr(Filters, name).__annotations__}
        for name in vars(Filters)
        if name.endswith("Filter")
    }
    calls = site.front.log.calls
    assert len(calls) == 2 * 2 + sum(
        len(entry.filters) for resource in adapter.resources.values() for entry in resource.fields
    )
    for call in calls:
        known = (Customer if "customers" in call["path"] else Subscription).ListParams.__annotations__
        for name, _ in parse_qsl(call["query"], strict_parsing=True):
            attribute, _, operator = name.rstrip("]").partition("[")
            assert attribute in known
            if operator:
                kind = re.search(r"Filters\.(\w+)", str(known[attribute]))
                assert kind is not None
                assert operator in kinds[kind[1]], name


def test_the_seed_writes_only_attributes_that_the_sdk_s_responses_know(site: Site) -> None:
    from chargebee.models.customer.responses import CustomerResponse
    from chargebee.models.item.responses import ItemResponse
    from chargebee.models.item_price.responses import ItemPriceResponse
    from chargebee.models.subscription.responses import SubscriptionResponse

    types = {
        "customer": CustomerResponse,
        "subscription": SubscriptionResponse,
        "item": ItemResponse,
        "item_price": ItemPriceResponse,
    }
    for resource, kind in types.items():
        known = {*kind.__annotations__, "object", "cf_crm_id"}
        for (document,) in site.store.execute(f"SELECT document FROM chargebee_{resource}"):
            assert json.loads(document).keys() <= known


def test_every_record_type_is_covered(site: Site) -> None:
    assert set(site.adapter().resources) == {RecordType.CUSTOMER, RecordType.SUBSCRIPTION}
