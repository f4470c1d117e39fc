"""The printed schema against its checked-in copy, and that copy against the public contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    SchemaDefinitionNode,
    build_schema,
    parse,
    print_ast,
)

from resolvers.graph import build_graph, sdl
from resolvers.mutations.mutation import WRITES
from schema.ownership import declared_ownership

ROOT = Path(__file__).parents[2]
COPY = ROOT / "docs" / "schema.graphql"
CONTRACT = ROOT.parent / "shared" / "contract" / "schema.graphql"

Definitions = dict[str, Any]


def test_the_checked_in_copy_is_what_is_printed():
    printed = sdl(build_graph(), declared_ownership(mutations=WRITES))
    assert COPY.read_text() == printed, "write it anew: fieldgate schema print > docs/schema.graphql"


def test_the_checked_in_copy_is_a_schema_that_others_can_read():
    schema = build_schema(COPY.read_text())
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    assert schema.subscription_type is not None
    # The business entity is called Subscription; the root of the streams is not.
    assert schema.subscription_type.name == "StatusStream"


def definitions(text: str) -> Definitions:
    """Every definition by its name; directives as ``@name``, the roots as ``schema``."""
    document: DocumentNode = parse(text)
    found: Definitions = {}
    for node in document.definitions:
        found["schema" if isinstance(node, SchemaDefinitionNode) else node.name.value] = node  # type: ignore[attr-defined]
    return found


def members(node: Any) -> Iterator[tuple[str, str]]:
    """What a definition promises, without descriptions and order: (member, what it is)."""
    yield "(kind)", node.kind
    for root in getattr(node, "operation_types", None) or ():
        yield root.operation.value, root.type.name.value
    for value in getattr(node, "values", None) or ():
        yield value.name.value, "a value"
    for interface in getattr(node, "interfaces", None) or ():
        yield f"implements {interface.name.value}", ""
    for member in getattr(node, "types", None) or ():
        yield f"| {member.name.value}", ""
    for location in getattr(node, "locations", None) or ():
        yield f"on {location.value}", ""
    for directive in node.directives or ():
        yield f"@{directive.name.value}", applied(directive)
    for argument in getattr(node, "arguments", None) or ():
        yield f"({argument.name.value}:)", promised(argument)
    for field in getattr(node, "fields", None) or ():
        yield field.name.value, promised(field)
        for directive in field.directives or ():
            yield f"{field.name.value} @{directive.name.value}", applied(directive)
        for argument in getattr(field, "arguments", None) or ():
            yield f"{field.name.value}({argument.name.value}:)", promised(argument)


def promised(field: FieldDefinitionNode | InputValueDefinitionNode) -> str:
    """Type and default of a field or an argument."""
    default = getattr(field, "default_value", None)
    return " ".join([print_ast(field.type), *([] if default is None else [f"= {print_ast(default)}"])])


def applied(directive: DirectiveNode) -> str:
    return str(sorted(print_ast(argument) for argument in directive.arguments or ()))


def differences(wanted: Definitions, have: Definitions) -> list[str]:
    """What of a contract is missing or changed. Whatever comes on top of it is welcome."""
    found: list[str] = []
    for name, definition in wanted.items():
        if name not in have:
            found.append(f"{name} is missing")
            continue
        there = dict(members(have[name]))
        for member, meaning in members(definition):
            if member not in there:
                found.append(f"{name}.{member} is missing")
            elif there[member] != meaning:
                found.append(f"{name}.{member}: {there[member]!r} instead of {meaning!r}")
    return found


def test_nothing_of_the_contract_is_missing_or_changed():
    if not CONTRACT.exists():
        pytest.skip("the public contract is not at hand (../shared/contract/schema.graphql)")
    wanted = definitions(CONTRACT.read_text())
    assert {"schema", "authority", "Customer", "CustomerLookup", "StatusStream"} <= wanted.keys()
    assert differences(wanted, definitions(COPY.read_text())) == []


@pytest.mark.parametrize(
    ("of", "changed_to", "difference"),
    [
        ("  name: String @authority(system: CRM", "  nom: String @authority(system: CRM", "name is missing"),
        ("taxId: String ", "taxId: Int ", "Customer.taxId: 'Int' instead of 'String'"),
        ("@authority(system: ERP, writable: true)", "@authority(system: CRM)", "instead of"),
        ("first: Int! = 20", "first: Int! = 10", "(first:): 'Int! = 10' instead of 'Int! = 20'"),
        ("  CHURNED\n", "  GONE\n", "CustomerStatus.CHURNED is missing"),
        ("type Payment implements Node", "type Payment", "Payment.implements Node is missing"),
        ("subscription: StatusStream\n", "", "schema.subscription is missing"),
        ("input CustomerLookup @oneOf", "input CustomerLookup", "CustomerLookup.@oneOf is missing"),
        ("on FIELD_DEFINITION", "on OBJECT", "on FIELD_DEFINITION is missing"),
    ],
)
def test_a_change_is_seen(of: str, changed_to: str, difference: str):
    text = COPY.read_text()
    assert of in text
    found = differences(definitions(text), definitions(text.replace(of, changed_to)))
    assert any(difference in each for each in found), found


def test_what_is_added_is_no_difference():
    text = COPY.read_text()
    added = text.replace("type Payment implements Node {", "type Payment implements Node {\n  mood: String")
    assert added != text
    assert differences(definitions(text), definitions(added)) == []


def test_everything_printed_has_a_description():
    bare: list[str] = []
    for name, node in definitions(COPY.read_text()).items():
        if name in {"schema", "oneOf"}:
            continue
        if not node.description:
            bare.append(name)
        if not isinstance(node, EnumTypeDefinitionNode):
            fields = getattr(node, "fields", None) or ()
            bare += [f"{name}.{field.name.value}" for field in fields if not field.description]
    assert bare == []
