"""The sandbox plays every role: by a header, or by a field of ``connection_init``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from websockets.sync.client import connect

from gateway.auth.development import CUSTOMER, ROLE
from gateway.policy.roles import ROLES
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import COMMAND, Sandbox


def test_the_roles_are_listed(company: Sandbox) -> None:
    told = company.gateway.http.get(f"{company.gateway.url}/auth/roles").json()
    assert [role["name"] for role in told["roles"]] == list(ROLES)
    assert told["default"] == "admin"
    assert told["header"] == ROLE
    assert [role["name"] for role in told["roles"] if role["needsCustomer"]] == ["widget"]


def test_a_role_that_is_not_there_is_nobody(company: Sandbox) -> None:
    answer = company.gateway.http.post(
        f"{company.gateway.url}/graphql", json={"query": "{ __typename }"}, headers={ROLE: "king"}
    )
    assert answer.status_code == 401


def test_a_socket_plays_a_role(company: Sandbox) -> None:
    url = f"{company.gateway.url.replace('http', 'ws')}/graphql"
    query = "query ($id: ID!) { customer(id: $id) { delinquent } }"
    variables = {"id": id_of(known_everywhere(company.world))}
    answers: list[Any] = []
    for role in ("sales", "finance"):
        with connect(url, subprotocols=["graphql-transport-ws"], proxy=None) as opened:
            opened.send(json.dumps({"type": "connection_init", "payload": {"X-Fieldgate-Role": role}}))
            assert json.loads(opened.recv(timeout=30))["type"] == "connection_ack"
            payload = {"query": query, "variables": variables}
            opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            answers.append(json.loads(opened.recv(timeout=30))["payload"])
    refused, told = answers
    assert refused["data"] == {"customer": {"delinquent": None}}
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert "errors" not in told


def test_one_refused_node_is_an_error_at_its_own_place(company: Sandbox) -> None:
    customer = id_of(known_everywhere(company.world))
    payment = id_of(company.world.payments[0])
    answer = company.gateway.http.post(
        f"{company.gateway.url}/graphql",
        json={
            "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
            "variables": {"ids": [payment, customer]},
        },
        headers={ROLE: "sales"},
    ).json()
    assert answer["data"]["nodes"] == [None, {"__typename": "Customer", "id": customer}]
    (error,) = answer["errors"]
    assert error["path"] == ["nodes", 0]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_explained(role: str) -> None:
    done = subprocess.run(
        [COMMAND, "policy", "explain", "--as", role], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"{role}: {ROLES[role].description}")
    lines = {
        line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if "." in line.split(" ")[0]
    }
    assert lines["Customer.name"] == "ALLOWED"
    assert (lines["Mutation.refundPayment"] == "ALLOWED") == (role in {"admin", "finance"})


def test_a_customer_header_must_name_one(company: Sandbox) -> None:
    answer = company.gateway.http.post(
        f"{company.gateway.url}/graphql",
        json={"query": "{ __typename }"},
        headers={ROLE: "widget", CUSTOMER: id_of(company.world.payments[0])},
    )
    assert answer.status_code == 401
