"""``@cost`` and ``@listSize`` in the printed schema, from the tables of ``schema.cost``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    FieldDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    parse,
)

from schema.cost import FIELD_WEIGHTS, MUTATION_WEIGHT, ListSize, list_size_of, weight_of_type

_DEFINITIONS = '''
"""
How many cost points a value of the type, or of the field, is; one where nothing is said of an object.
"""
directive @cost(weight: String!) on OBJECT | FIELD_DEFINITION

"""
How long a list is taken to be: as its argument says, else as assumed; `sizedFields` are the value's lists.
"""
directive @listSize(
  assumedSize: Int
  slicingArguments: [String!]
  sizedFields: [String!]
  requireOneSlicingArgument: Boolean = false
) on FIELD_DEFINITION
'''


def cost_definitions() -> tuple[DefinitionNode, ...]:
    """The two directives."""
    return parse(_DEFINITIONS, no_location=True).definitions


def with_costs(node: ObjectTypeDefinitionNode, schema: GraphQLSchema) -> ObjectTypeDefinitionNode:
    """A type with what it and its fields cost."""
    graph_type = cast(GraphQLObjectType, schema.type_map[node.name.value])
    own = () if weight_of_type(graph_type.name) or _is_root(graph_type, schema) else (_cost(0),)
    return replace(
        node,
        directives=(*(node.directives or ()), *own),
        fields=tuple(_with_field_cost(field, graph_type, schema) for field in node.fields or ()),
    )


def _with_field_cost(
    node: FieldDefinitionNode, parent: GraphQLObjectType, schema: GraphQLSchema
) -> FieldDefinitionNode:
    name = node.name.value
    size = list_size_of(parent.name, name, parent.fields[name])
    weight = MUTATION_WEIGHT if parent is schema.mutation_type else FIELD_WEIGHTS.get((parent.name, name))
    added = (
        *(() if weight is None else (_cost(weight),)),
        *(() if size is None else (_list_size(size),)),
    )
    return replace(node, directives=(*(node.directives or ()), *added))


def _is_root(graph_type: GraphQLObjectType, schema: GraphQLSchema) -> bool:
    return graph_type in (schema.query_type, schema.mutation_type, schema.subscription_type)


def _cost(weight: int) -> ConstDirectiveNode:
    return _directive(f'@cost(weight: "{weight}")')


def _list_size(size: ListSize) -> ConstDirectiveNode:
    parts = [f"assumedSize: {size.assumed}"]
    if size.slicing is not None:
        parts.append(f'slicingArguments: ["{size.slicing}"]')
    if size.sized:
        parts.append(f"sizedFields: {json.dumps(sorted(size.sized))}")
    return _directive(f"@listSize({', '.join(parts)})")


def _directive(text: str) -> ConstDirectiveNode:
    (definition,) = parse(f"type T {{ f: Int {text} }}", no_location=True).definitions
    sample: Any = next(iter(cast(ObjectTypeDefinitionNode, definition).fields or ()))
    return sample.directives[0]
