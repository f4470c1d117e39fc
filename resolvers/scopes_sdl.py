"""``@requiresScopes`` in the printed schema, from the tables of ``schema.scopes`` as configured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from graphql import DefinitionNode, FieldDefinitionNode, ObjectTypeDefinitionNode, parse
from strawberry.utils.str_converters import to_snake_case

from schema.scopes import MUTATIONS, READS, Key

_DEFINITION = '''
"""
What a caller must hold: one of the lists, with all its scopes. A field without it is part of what was
reached, and needs nothing of its own.
"""
directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION
'''


def scope_definitions() -> tuple[DefinitionNode, ...]:
    """The directive itself."""
    return parse(_DEFINITION, no_location=True).definitions


def with_scopes(
    definition: ObjectTypeDefinitionNode,
    reads: Mapping[Key, frozenset[str]] = READS,
    mutations: Mapping[str, frozenset[str]] = MUTATIONS,
) -> ObjectTypeDefinitionNode:
    """A type's definition with what its fields take."""

    def needed(field: FieldDefinitionNode) -> frozenset[str] | None:
        name = field.name.value
        if definition.name.value == "Mutation":
            return mutations.get(name)
        return reads.get((definition.name.value, to_snake_case(name)))

    fields = tuple(_required(field, needed(field)) for field in definition.fields or ())
    return replace(definition, fields=fields)


def _required(field: FieldDefinitionNode, scopes: frozenset[str] | None) -> FieldDefinitionNode:
    if not scopes:
        return field
    text = f"type T {{ f: Int @requiresScopes(scopes: [{json.dumps(sorted(scopes))}]) }}"
    (sample,) = parse(text, no_location=True).definitions
    assert isinstance(sample, ObjectTypeDefinitionNode)
    own = next(iter(sample.fields or ()))
    return replace(field, directives=(*(field.directives or ()), *(own.directives or ())))
