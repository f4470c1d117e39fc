"""The executable schema, built once: types, root queries, scalars, and the SDL that is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import strawberry
from graphql import FieldDefinitionNode, ObjectTypeDefinitionNode, parse, print_ast
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers.cost_sdl import cost_definitions, with_costs
from resolvers.entity import resolve_leaf
from resolvers.guard import guard
from resolvers.mutations.mutation import Mutation
from resolvers.query import Query
from resolvers.scopes_sdl import scope_definitions, with_scopes
from resolvers.streams.stream import StatusStream
from schema.ownership import OwnedField, Ownership
from schema.scalars import SCALARS, Json
from schema.scopes import MUTATIONS, READS, Key


def build_graph() -> strawberry.Schema:
    """The schema. Ownership has been checked by whoever made the ``Ownership`` table."""
    graph = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=StatusStream,
        types=[cast(Any, Json)],
        config=StrawberryConfig(default_resolver=resolve_leaf, scalar_map=SCALARS),
    )
    guard(graph._schema)  # pyright: ignore[reportPrivateUsage]
    return graph


def sdl(
    graph: strawberry.Schema,
    ownership: Ownership,
    reads: Mapping[Key, frozenset[str]] = READS,
    mutations: Mapping[str, frozenset[str]] = MUTATIONS,
) -> str:
    """The schema as text, with owners and scopes as configured."""
    document = parse(print_schema(graph), no_location=True)
    schema = graph._schema  # pyright: ignore[reportPrivateUsage]
    owners = {(entry.type, entry.graph_name): entry for entry in ownership}
    definitions = tuple(
        replace(
            definition,
            fields=tuple(
                _with_authority(field, owners.get((definition.name.value, field.name.value)))
                for field in definition.fields or ()
            ),
        )
        if isinstance(definition, ObjectTypeDefinitionNode)
        else definition
        for definition in document.definitions
    )
    told = (
        with_scopes(with_costs(each, schema), reads, mutations)
        if isinstance(each, ObjectTypeDefinitionNode)
        else each
        for each in definitions
    )
    return print_ast(replace(document, definitions=(*cost_definitions(), *scope_definitions(), *told))) + "\n"


def _with_authority(field: FieldDefinitionNode, entry: OwnedField | None) -> FieldDefinitionNode:
    if entry is None or entry.derived_from:
        return field
    writable = ", writable: true" if entry.writable else ""
    (definition,) = parse(
        f"type T {{ f: Int @authority(system: {entry.system.value}{writable}) }}", no_location=True
    ).definitions
    assert isinstance(definition, ObjectTypeDefinitionNode)
    sample = next(iter(definition.fields or ()))
    others = tuple(each for each in field.directives or () if each.name.value != "authority")
    return replace(field, directives=(*(sample.directives or ()), *others))
