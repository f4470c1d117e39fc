"""The emulator's answers have the keys and types of Stripe's own example resources, no more and no less."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import stripe

from tests.adapters.stripe.conftest import Sandbox, spec

TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
FREE_FORM = {"metadata", "payment_method_options", "fraud_details"}
VARIABLE = {
    "destination_details",
    "last_payment_error",
    "next_action",
    "payment_method_details",
    "processing",
    "shipping",
    "wallet",
}
"""Objects of which the examples show only a part, as what else they hold depends on their ``type``."""

SDK = {
    "balance": stripe.Balance,
    "charge": stripe.Charge,
    "customer": stripe.Customer,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "refund": stripe.Refund,
}
LISTS = {
    "customer": ("/v1/customers", ""),
    "payment_method": ("/v1/payment_methods", ""),
    "payment_intent": ("/v1/payment_intents", ""),
    # Refunds are in a charge only when asked for, and in the example.
    "charge": ("/v1/charges", "&expand[]=data.refunds"),
    "refund": ("/v1/refunds", ""),
}


def schema(kind: str, example: dict[str, Any], drop: str | None = None) -> dict[str, Any]:
    """Closed at the top; what may be null there is what the SDK's types say may be None."""
    hints = SDK[kind].__annotations__
    properties = {name: within(name, value) for name, value in example.items() if name != drop}
    for name, value in properties.items():
        if type(None) in typing.get_args(hints[name]):
            properties[name] = {"anyOf": [value, {"type": "null"}]}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def within(name: str, value: Any) -> dict[str, Any]:
    """Inside, a null may stand for anything, and every key of the example is required."""
    if value is None:
        return {}
    if isinstance(value, list):
        return {"type": "array", "items": within(name, value[0]) if value else {}}
    if not isinstance(value, dict):
        return {"type": TYPES[type(value)]}
    if name in FREE_FORM:
        return {"type": "object"}
    inner = {key: {"anyOf": [within(key, item), {"type": "null"}]} for key, item in value.items()}
    required = ["type"] if name in VARIABLE and "type" in inner else list(inner)
    return {"type": "object", "properties": inner, "required": [] if name == "shipping" else required}


def everything(sandbox: Sandbox, path: str, query: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        answer = get(sandbox, f"{path}?limit=100{query}{after}")
        yield from answer["data"]
        if not answer["has_more"]:
            return
        after = f"&starting_after={answer['data'][-1]['id']}"


def get(sandbox: Sandbox, url: str) -> Any:
    answer = httpx.get(f"{sandbox.base_url}{url}", auth=("sk_test_sandbox", ""))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("kind", LISTS)
def test_every_object_has_the_shape_of_the_example(sandbox: Sandbox, kind: str) -> None:
    example = spec("fixtures3-2026-08-21.json")["resources"][kind]
    as_card = jsonschema_rs.validator_for(schema(kind, example))
    count = 0
    for document in everything(sandbox, *LISTS[kind]):
        count += 1
        type = document.get("type")
        if kind == "payment_method" and type != "card":
            # The example is a card: its hash goes, and one named by the type comes.
            others = schema(kind, example, drop="card")
            others["properties"][type] = {"type": "object"}
            jsonschema_rs.validator_for(others).validate(document)
        else:
            as_card.validate(document)
    assert count > 10


def test_details_of_a_charged_card_have_the_shape_of_the_example(sandbox: Sandbox) -> None:
    example = spec("fixtures3-2026-08-21.json")["resources"]["charge"]["payment_method_details"]
    validator = jsonschema_rs.validator_for(within("card", example["card"]))
    details = [charge["payment_method_details"] for charge in everything(sandbox, "/v1/charges", "")]
    cards = [entry["card"] for entry in details if entry["type"] == "card"]
    assert cards
    for card in cards:
        validator.validate(card)
        assert card.keys() == example["card"].keys()


def test_the_balance_has_the_shape_of_the_example(sandbox: Sandbox) -> None:
    example = spec("fixtures3-2026-08-21.json")["resources"]["balance"]
    jsonschema_rs.validator_for(schema("balance", example)).validate(get(sandbox, "/v1/balance"))


def test_an_answer_that_lacks_a_key_or_has_another_is_noticed(sandbox: Sandbox) -> None:
    example = spec("fixtures3-2026-08-21.json")["resources"]["customer"]
    validator = jsonschema_rs.validator_for(schema("customer", example))
    document = next(everything(sandbox, "/v1/customers", ""))
    assert validator.is_valid(document)
    assert not validator.is_valid({**document, "novelty": 1})
    assert not validator.is_valid({**document, "delinquent": "no"})
    del document["phone"]
    assert not validator.is_valid(document)
