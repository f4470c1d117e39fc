"""The printed schema against its checked-in copy, and that copy against the public contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)

from resolvers.graph import build_graph, sdl
from schema.ownership import declared_ownership

ROOT = Path(__file__).parents[2]
COPY = ROOT / "docs" / "schema.graphql"
CONTRACT = ROOT.parent / "shared" / "contract" / "schema.graphql"

NOT_YET = {"StatusStream"}
"""Roots of the contract that arrive with the issues they belong to; what only they use is not printed."""


def test_the_checked_in_copy_is_what_is_printed():
    printed = sdl(build_graph(), declared_ownership())
    assert COPY.read_text() == printed, "write it anew: fieldgate schema print > docs/schema.graphql"


def definitions(document: DocumentNode) -> dict[str, object]:
    return {node.name.value: node for node in document.definitions if hasattr(node, "name") and node.name}


def reachable(document: DocumentNode, roots: set[str]) -> set[str]:
    """Names of the types that can be reached from the roots, through fields, arguments and interfaces."""
    table = definitions(document)
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        node = table.get(name)
        if node is None or name in found:
            continue
        found.add(name)
        for field in getattr(node, "fields", None) or ():
            todo.append(named(field.type))
            todo += [named(argument.type) for argument in getattr(field, "arguments", None) or ()]
        todo += [each.name.value for each in getattr(node, "interfaces", None) or ()]
    return found


def named(node) -> str:
    while hasattr(node, "type"):
        node = node.type
    return node.name.value


def shape(node) -> dict[str, str]:
    """A definition without its descriptions and its order: member -> what it is."""
    if hasattr(node, "values") and node.values is not None:
        return {value.name.value: "" for value in node.values}
    members: dict[str, str] = {}
    for field in getattr(node, "fields", None) or ():
        members[field.name.value] = signature(field)
    for interface in getattr(node, "interfaces", None) or ():
        members[f"implements {interface.name.value}"] = ""
    for directive in getattr(node, "directives", None) or ():
        members[f"@{directive.name.value}"] = arguments(directive)
    return members


def signature(field: FieldDefinitionNode | InputValueDefinitionNode) -> str:
    parts = [print_ast(field.type)]
    if getattr(field, "default_value", None):
        parts.append(f"= {print_ast(field.default_value)}")
    given = getattr(field, "arguments", None) or ()
    parts += [f"({argument.name.value}: {signature(argument)})" for argument in given]
    parts += [f"@{directive.name.value}{arguments(directive)}" for directive in field.directives or ()]
    return " ".join(parts)


def arguments(directive: DirectiveNode) -> str:
    return str(sorted(print_ast(argument) for argument in directive.arguments or ()))


def contract() -> DocumentNode:
    if not CONTRACT.exists():
        pytest.skip("the public contract is not at hand (../shared/contract/schema.graphql)")
    return parse(CONTRACT.read_text())


def test_nothing_of_the_contract_is_missing_or_changed():
    wanted = contract()
    table, printed = definitions(wanted), definitions(parse(COPY.read_text()))
    now = reachable(wanted, {"Query", "Mutation"}) | {
        "authority",
        "derived",
        "BusinessEvent",
        "JSON",
        "Cursor",
        "URL",
    }
    differences = []
    for name in sorted(now & table.keys()):
        if name not in printed:
            differences.append(f"{name} is missing")
            continue
        have = shape(printed[name])
        for member, meaning in shape(table[name]).items():
            if member not in have:
                differences.append(f"{name}.{member} is missing")
            elif have[member] != meaning:
                differences.append(f"{name}.{member}: {have[member]!r} instead of {meaning!r}")
    assert differences == []


def test_only_what_belongs_to_the_roots_that_are_not_there_yet_is_left_out():
    wanted = contract()
    printed = definitions(parse(COPY.read_text()))
    left_out = {name for name in definitions(wanted) if name not in printed}
    assert left_out <= reachable(wanted, NOT_YET) | {"StatusStream"}
    assert not left_out & reachable(wanted, {"Query", "Mutation"})


def test_everything_printed_has_a_description():
    bare = []
    for name, node in definitions(parse(COPY.read_text())).items():
        if name in {"oneOf"}:
            continue
        if not getattr(node, "description", None):
            bare.append(name)
        if isinstance(node, ObjectTypeDefinitionNode):
            bare += [f"{name}.{field.name.value}" for field in node.fields or () if not field.description]
    assert bare == []
