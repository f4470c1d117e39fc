"""The attack classes of OWASP's GraphQL cheat sheet, each with the number that stops it.

https://cheatsheetseries.owasp.org/cheatsheets/GraphQL_Cheat_Sheet.html. Throughout, the gateway answers, and
its memory stays below 500 MB (see ``conftest.unharmed``). Slow peers, sockets and foreign pages have files of
their own beside this one.
"""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from gateway.limits.settings import LimitSettings
from tests.support.sandbox import Gateway

LIMITS = LimitSettings()


def bomb(levels: int) -> str:
    steps = "".join(f" fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels))
    return f"{{ ...f0 }}{steps} fragment f{levels} on Query {{ customers {{ nodes {{ name }} }} }}"


def circle(levels: int, first: int) -> str:
    within = "id"
    for _ in range(levels):
        within = f"subscriptions(first: {first}) {{ nodes {{ customer {{ {within} }} }} }}"
    return f"{{ customers(first: {first}) {{ nodes {{ {within} }} }} }}"


ATTACKS: list[Any] = [
    pytest.param("{ a #" + "x" * LIMITS.document_length, "document_length", 50_005, id="long document"),
    pytest.param("{" + " __typename" * 3_000 + " }", "tokens", 2_001, id="many tokens"),
    pytest.param("{ " + "customer { " * 17 + "id" + " }" * 18, "depth", 18, id="deep query"),
    pytest.param(bomb(80), "fields", 2**53, id="fragments that double"),
    pytest.param("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "aliases", 101, id="aliases"),
    pytest.param("{ __typename" + " @include(if: true)" * 101 + " }", "directives", 101, id="directives"),
    pytest.param("{ __typename }" + "".join(f" fragment f{n} on Query {{ a }}" for n in range(101)),
                 "fragments", 101, id="fragments"),
    pytest.param("{ nodes(ids: [" + '"x" ' * 1_001 + "]) { id } }", "list_items", 1_001, id="huge list"),
    pytest.param(circle(4, 100), "cost", 20_202_020_100, id="circular query"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "limit", "value"), ATTACKS)
def test_documents_that_ask_for_too_much(plain: Gateway, document: str, limit: str, value: int) -> None:
    (error,) = plain.query(document)["errors"]
    extensions = error["extensions"]
    assert extensions["code"] == "QUERY_TOO_COMPLEX"
    assert (extensions["limit"], extensions["maximum"]) == (limit, getattr(LIMITS, limit))
    assert extensions["value"] == value > extensions["maximum"]


def test_a_list_in_variables(plain: Gateway) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    (error,) = plain.query(query, {"ids": ["x"] * 1_001})["errors"]
    assert (error["extensions"]["limit"], error["extensions"]["value"]) == ("list_items", 1_001)


def test_batches_are_not_taken(plain: Gateway) -> None:
    answer = plain.http.post(f"{plain.url}/graphql", json=[{"query": "{ __typename }"}] * 10)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"query": "{ \xff }"}', 400),
        (b"[" * 100_000, 400),
        (b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, 400),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 10_000 + b"}}", 400),
        (b"null", 400),
        (b" " * (LIMITS.body_bytes + 1), 413),
    ],
    ids=["not UTF-8", "deep list", "deep variables", "10,000 digits", "bare value", "too long"],
)
def test_malformed_json(plain: Gateway, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = plain.http.post(f"{plain.url}/graphql", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_compressed_bomb_is_not_unpacked(plain: Gateway) -> None:
    body = gzip.compress(b" " * 200_000_000, 9)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert plain.http.post(f"{plain.url}/graphql", content=body, headers=headers).status_code == 415


def test_injections_are_data(plain: Gateway) -> None:
    """What would be code in SOQL, SQL or a URL is compared as text, and finds nothing."""
    for text in ("' OR '1'='1", "x'; DROP TABLE customers;--", "../../etc/passwd", "{{7*7}}", "%00"):
        answer = plain.query(
            "query ($text: String!) { customers(filter: {search: $text}) { nodes { id } } }", {"text": text}
        )
        assert answer["data"]["customers"] in ({"nodes": []}, None)
        assert all(error["extensions"]["code"] == "BAD_USER_INPUT" for error in answer.get("errors", []))


def test_introspection_cannot_be_nested_for_ever(plain: Gateway) -> None:
    nested = "fields { type { " * 4 + "name" + " } }" * 4
    (error, *_) = plain.query(f"{{ __schema {{ types {{ {nested} }} }} }}")["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_many_different_documents_are_paid_for_and_not_kept(plain: Gateway) -> None:
    fields = " ".join(f"f{n}" for n in range(900))
    for n in range(60):
        answer = plain.post(f"{{ a{n} {fields} }}")
        assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    left = int(answer.headers["ratelimit"].split(";")[1].removeprefix("r="))
    assert left < LIMITS.rate.points


def test_the_objects_of_an_answer_are_counted(strict: Gateway) -> None:
    answer = strict.query(
        "{ a: customers(first: 20) { nodes { id } } b: customers(first: 20) { nodes { id } } }"
    )
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes == {"QUERY_TOO_COMPLEX"}
    assert answer["errors"][0]["extensions"]["limit"] == "objects"
    assert answer["errors"][0]["extensions"]["maximum"] == 30


def test_the_points_are_told_on_request(plain: Gateway) -> None:
    body = {"query": "{ customers(first: 3) { nodes { id } } }", "extensions": {"cost": True}}
    answer = plain.http.post(f"{plain.url}/graphql", json=body)
    assert answer.json()["extensions"] == {"cost": {"points": 3, "maximum": LIMITS.cost}}
    assert answer.headers["ratelimit-policy"] == f'"points";q={LIMITS.rate.points};w={LIMITS.rate.window_s}'
