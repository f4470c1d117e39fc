"""The table of docs/policy.md against a running gateway: each field and mutation, as each built-in role.

What is observed is the answer at the field's path. Of a refused field no system hears anything, which is
read at the emulators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.development import CUSTOMER, ROLE
from gateway.policy.policy_docs import DOCS_FILE
from gateway.policy.roles import ROLES
from resolvers.graph import build_graph
from resolvers.masks import MASK
from tests.scenarios.people import id_of, known_everywhere
from tests.support.sandbox import Sandbox

TYPES: Mapping[str, Any] = build_graph()._schema.type_map


def documented() -> dict[str, dict[str, str]]:
    """Field or mutation -> role -> what the page says."""
    _, _, table = DOCS_FILE.read_text().partition("## Fields and mutations")
    found: dict[str, dict[str, str]] = {}
    for line in table.splitlines():
        if row := re.match(r"\| `([A-Za-z]+\.[A-Za-z0-9]+)` \|(.*)\|$", line):
            found[row[1]] = dict(zip(ROLES, (cell.strip() for cell in row[2].split("|")), strict=True))
    return found


TABLE = documented()
MUTATIONS = [key.partition(".")[2] for key in TABLE if key.startswith("Mutation.")]


def of_type(type_name: str, role: str) -> dict[str, str]:
    """Field -> what the page says of it for a role."""
    return {
        key.partition(".")[2]: cells[role] for key, cells in TABLE.items() if key.startswith(f"{type_name}.")
    }


def selection(type_name: str, field: str) -> str:
    """The field with the least that can be selected below it."""
    found = TYPES[type_name].fields[field]
    named = get_named_type(found.type)
    if is_leaf_type(named):
        return field
    return f"{field} {{ {below(named)} }}"


def below(named: Any) -> str:
    if named.name.endswith("Connection"):
        return "pageInfo { hasNextPage }"
    return "__typename"


class Asker:
    """Asks as a role; the objects are those of one customer whom every system knows."""

    def __init__(self, company: Sandbox) -> None:
        self.company = company
        customer = known_everywhere(company.world)
        mine = customer.crm_id
        world = company.world
        self.ids = {
            "Customer": id_of(customer),
            "Subscription": id_of(
                next(each for each in world.subscriptions if each.customer.crm_id == mine and each.contract)
            ),
            "Invoice": id_of(next(each for each in world.invoices if each.customer.crm_id == mine)),
            "Payment": id_of(next(each for each in world.payments if each.customer.crm_id == mine)),
        }

    def __call__(self, role: str, document: str, variables: Mapping[str, Any] | None = None) -> Any:
        answer = self.company.gateway.http.post(
            f"{self.company.gateway.url}/graphql",
            json={"query": document, "variables": variables or {}},
            headers={ROLE: role, CUSTOMER: self.ids["Customer"]} if role == "widget" else {ROLE: role},
        )
        return answer.json()


@pytest.fixture(scope="module")
def ask(company: Sandbox) -> Asker:
    return Asker(company)


def forbidden_paths(answer: Any) -> set[tuple[Any, ...]]:
    return {
        tuple(error["path"])
        for error in answer.get("errors", ())
        if error["extensions"]["code"] == "FORBIDDEN"
    }


def at(data: Any, *path: str) -> Any:
    for step in path:
        data = None if data is None else data[step]
    return data


UNLIKE = frozenset({"correlation"})
"""What differs between two calls that ask for the same."""

ENTITIES = ("Customer", "Subscription", "Invoice", "Payment")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("type_name", ENTITIES)
def test_fields_of_entities(ask: Asker, role: str, type_name: str) -> None:
    rows = {key: cells[role] for key, cells in TABLE.items() if key.startswith(f"{type_name}.")}
    fields = [key.partition(".")[2] for key in rows]
    if rows[f"{type_name}.id"] == "no":
        ask.company.emulators.clear()
        answer = ask(role, "query ($id: ID!) { node(id: $id) { id } }", {"id": ask.ids[type_name]})
        assert answer["data"] == {"node": None}
        assert forbidden_paths(answer) == {("node",)}
        assert ask.company.emulators.counts() == {}
        return
    selected = " ".join(selection(type_name, field) for field in fields)
    document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ {selected} }} }} }}"
    answer = ask(role, document, {"id": ask.ids[type_name]})
    refused = forbidden_paths(answer)
    unforeseen = [each for each in answer.get("errors", ()) if each["extensions"]["code"] != "FORBIDDEN"]
    assert unforeseen == []
    observed = {
        f"{type_name}.{field}": (
            "no"
            if ("node", field) in refused
            else "masked"
            if answer["data"]["node"][field] == MASK
            else "yes"
        )
        for field in fields
    }
    # A masked field of which there is no value is null, as it would be in clear.
    empty = {
        key
        for key, said in rows.items()
        if said == "masked" and at(answer, "data", "node", key.partition(".")[2]) is None
    }
    assert {key: said for key, said in observed.items() if key not in empty} == {
        key: said for key, said in rows.items() if key not in empty
    }
    for field in fields:
        if rows[f"{type_name}.{field}"] == "no":
            assert answer["data"]["node"][field] is None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("type_name", ENTITIES)
def test_refused_fields_cost_no_call(ask: Asker, role: str, type_name: str) -> None:
    """The systems hear the same, to the letter, whether the refused fields are asked for or not."""
    said = of_type(type_name, role)
    refused = [field for field in said if said[field] == "no"]
    if said["id"] == "no" or not refused:
        return
    emulators = ask.company.emulators
    document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ id %s }} }} }}"
    variables = {"id": ask.ids[type_name]}

    def heard(fields: str) -> Any:
        emulators.clear()
        answer = ask(role, document % fields, variables)
        calls = [
            (vendor, {key: value for key, value in call.items() if key not in UNLIKE})
            for vendor in emulators.urls
            for call in emulators.calls(vendor)
        ]
        return forbidden_paths(answer), calls

    none, plain = heard("")
    paths, calls = heard(" ".join(selection(type_name, field) for field in refused))
    assert none == set()
    assert paths == {("node", field) for field in refused}
    assert calls == plain
    assert plain


VALUES = {
    "Person": ("Customer", "contacts"),
    "Address": ("Customer", "billingAddress"),
    "PaymentMethod": ("Customer", "paymentMethods"),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("type_name", VALUES)
def test_personal_fields_of_values(ask: Asker, role: str, type_name: str) -> None:
    parent, field = VALUES[type_name]
    if TABLE[f"{parent}.{field}"][role] == "no":
        return
    rows = {
        key.partition(".")[2]: cells[role] for key, cells in TABLE.items() if key.startswith(f"{type_name}.")
    }
    document = (
        f"query ($id: ID!) {{ node(id: $id) {{ ... on {parent} {{ {field} {{ {' '.join(rows)} }} }} }} }}"
    )
    answer = ask(role, document, {"id": ask.ids[parent]})
    assert "errors" not in answer
    found = answer["data"]["node"][field]
    values = [value for each in (found if isinstance(found, list) else [found]) for value in each.items()]
    assert any(value is not None for _, value in values)
    for name, value in values:
        assert value is None or (value == MASK) == (rows[name] == "masked"), (name, value)


ROOT_ARGUMENTS = {
    "customer": ("Customer", '(id: "{}")'),
    "customerBy": ("Customer", '(lookup: {{id: "{}"}})'),
    "subscription": ("Subscription", '(id: "{}")'),
    "invoice": ("Invoice", '(id: "{}")'),
    "payment": ("Payment", '(id: "{}")'),
}


@pytest.mark.parametrize("role", ROLES)
def test_root_queries(ask: Asker, role: str) -> None:
    rows = of_type("Query", role)
    for field, said in rows.items():
        type_name, form = ROOT_ARGUMENTS.get(field, ("Customer", ""))
        arguments = form.format(ask.ids[type_name])
        named = get_named_type(TYPES["Query"].fields[field].type)
        ask.company.emulators.clear()
        answer = ask(role, f"{{ {field}{arguments} {{ {below(named)} }} }}")
        assert ((field,) in forbidden_paths(answer)) == (said == "no"), (field, answer)
        if said == "no":
            assert at(answer, "data", field) is None
            assert ask.company.emulators.counts() == {}


@pytest.mark.parametrize("role", ROLES)
def test_mutations(ask: Asker, role: str) -> None:
    """A refused one sends nothing; one that is allowed comes as far as its input, which names no object."""
    emulators = ask.company.emulators
    for name in MUTATIONS:
        emulators.clear()
        answer = ask(role, mutation(name))
        codes = [each["code"] for each in answer["data"][name]["userErrors"]] if answer.get("data") else []
        if TABLE[f"Mutation.{name}"][role] == "no":
            assert codes == ["FORBIDDEN"], (name, answer)
        else:
            assert "FORBIDDEN" not in codes, (name, answer)
            assert codes in (["INVALID"], ["NOT_FOUND"], []), (name, answer)
        assert emulators.counts() == {}, name


def mutation(name: str) -> str:
    given = {
        "updateCustomer": 'id: "x", phone: "+1"',
        "updateCustomerBilling": 'id: "x", legalName: "x"',
        "amendSubscription": 'id: "x", quantity: 2',
        "updateInvoice": 'id: "x", memo: "x"',
        "collectPayment": 'invoiceId: "x"',
    }.get(name, 'id: "x"')
    # The id of a command is an argument of its own; this one is well-formed, and no command's.
    arguments = f"input: {{{given}}}" if "input" in TYPES["Mutation"].fields[name].args else 'id: "azp4"'
    return f"mutation {{ {name}({arguments}) {{ userErrors {{ code message }} }} }}"


STREAMS = [key.partition(".")[2] for key in TABLE if key.startswith("StatusStream.")]


@pytest.mark.parametrize("role", ROLES)
def test_streams(ask: Asker, role: str) -> None:
    """Asked for as events: a refused one is told at once, an allowed one begins."""
    gateway = ask.company.gateway
    headers = {ROLE: role, "accept": "text/event-stream", CUSTOMER: ask.ids["Customer"]}
    for name in STREAMS:
        body = {"query": f"subscription {{ {name} {{ __typename }} }}"}
        with gateway.http.stream("POST", f"{gateway.url}/graphql", json=body, headers=headers) as answer:
            began = answer.headers["content-type"].startswith("text/event-stream")
            assert began == (TABLE[f"StatusStream.{name}"][role] == "yes"), name
            if not began:
                answer.read()
                (error,) = answer.json()["errors"]
                assert error["extensions"]["code"] == "FORBIDDEN"


def test_the_table_has_every_field_that_policy_decides_on() -> None:
    assert {to_camel_case(key) for key in MUTATIONS} == set(TYPES["Mutation"].fields)
    for type_name in ENTITIES:
        assert {key for key in TABLE if key.startswith(f"{type_name}.")} == {
            f"{type_name}.{name}" for name in TYPES[type_name].fields
        }


@pytest.mark.parametrize(
    ("role", "document"),
    [
        ("sales", '{ customerBy(lookup: {record: {system: PAYMENTS, recordId: "x"}}) { id } }'),
        ("developer", '{ customerBy(lookup: {email: "x@example.com"}) { id } }'),
        ("widget", '{ customerBy(lookup: {email: "x@example.com"}) { id } }'),
    ],
)
def test_what_may_not_be_read_finds_nothing(ask: Asker, role: str, document: str) -> None:
    ask.company.emulators.clear()
    answer = ask(role, document)
    assert forbidden_paths(answer) == {("customerBy",)}
    assert ask.company.emulators.counts() == {}


def test_records_leave_out_the_systems_that_a_role_may_not_read(ask: Asker) -> None:
    document = "query ($id: ID!) { customer(id: $id) { records { system } } }"
    variables = {"id": ask.ids["Customer"]}
    seen = ask("sales", document, variables)["data"]["customer"]["records"]
    assert {each["system"] for each in seen} == {"CRM", "SUBSCRIPTIONS", "ERP"}


def test_the_timeline_is_of_what_a_role_may_know(ask: Asker) -> None:
    document = "query ($id: ID!) { customer(id: $id) { timeline(first: 100) { nodes { type } } } }"
    answer = ask("sales", document, {"id": ask.ids["Customer"]})
    types = {each["type"] for each in answer["data"]["customer"]["timeline"]["nodes"]}
    assert not any(each.startswith(("PAYMENT", "COMMAND")) for each in types)


def test_commands_are_ones_own_unless_all_may_be_read(ask: Asker) -> None:
    made = ask(
        "support",
        'mutation ($id: ID!) { updateCustomer(input: {id: $id, phone: "+1 555"}) { command { id } } }',
        {"id": ask.ids["Customer"]},
    )["data"]["updateCustomer"]["command"]["id"]
    listed = "{ commands(first: 100) { nodes { id } } }"
    one = "query ($id: ID!) { command(id: $id) { id } node(id: $id) { id } }"
    for role, sees in (("support", True), ("sales", False), ("auditor", True), ("widget", False)):
        found = [each["id"] for each in ask(role, listed)["data"]["commands"]["nodes"]]
        assert (made in found) == sees, role
        by_id = ask(role, one, {"id": made})["data"]
        assert (by_id["command"] is not None) == sees, role
        assert (by_id["node"] is not None) == sees, role
