"""What an operation asks for: for each entity type, the fields selected anywhere in the document.

One pass over the document, before anything is fetched. Projections are the union over the operation,
so that every load of one kind of record in a request can share one upstream call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_object_type,
)
from strawberry.utils.str_converters import to_snake_case

from resolvers.viewer import Access, Viewer


class Selection:
    """The selected fields of each object type, as Python spells them."""

    def __init__(self, fields: Mapping[str, frozenset[str]]) -> None:
        self._fields = fields

    def of(self, type_name: str) -> frozenset[str]:
        """The fields of a type that the operation selects somewhere."""
        return self._fields.get(type_name, frozenset())

    def has(self, type_name: str, field: str) -> bool:
        return field in self.of(type_name)

    def allowed(self, viewer: Viewer) -> Selection:
        """Without the fields that the viewer may not read: what is refused is not fetched."""
        if not viewer.restricted:
            return self
        return Selection(
            {
                type_name: frozenset(
                    field for field in fields if viewer.field(type_name, field) is not Access.FORBIDDEN
                )
                for type_name, fields in self._fields.items()
            }
        )


def selection_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> Selection:
    """Walks the operation; each fragment is walked once per type it is spread on."""
    found: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()

    def included(node: FieldNode | InlineFragmentNode | FragmentSpreadNode) -> bool:
        return all(
            _condition(directive.arguments or (), variables) is (directive.name.value == "include")
            for directive in node.directives or ()
            if directive.name.value in {"skip", "include"}
        )

    def walk(parent: GraphQLCompositeType, selection_set: SelectionSetNode) -> None:
        for node in selection_set.selections:
            if not isinstance(node, (FieldNode, InlineFragmentNode, FragmentSpreadNode)) or not included(
                node
            ):
                continue
            if isinstance(node, FieldNode):
                field_of(parent, node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else parent.name
                walk(composite(condition), node.selection_set)
            else:
                fragment = fragments[node.name.value]
                key = (fragment.name.value, parent.name)
                if key not in seen:
                    seen.add(key)
                    walk(composite(fragment.type_condition.name.value), fragment.selection_set)

    def composite(name: str) -> GraphQLCompositeType:
        graph_type = schema.type_map[name]
        assert is_composite_type(graph_type)
        return graph_type

    def field_of(parent: GraphQLCompositeType, node: FieldNode) -> None:
        name = node.name.value
        # A field selected on an interface is selected on every type that can stand there.
        types: list[Any] = list(schema.get_possible_types(parent)) if is_abstract_type(parent) else [parent]
        for object_type in types:
            assert is_object_type(object_type)
            definition = object_type.fields.get(name)
            if definition is None:
                continue
            found.setdefault(object_type.name, set()).add(to_snake_case(name))
            named = cast(Any, get_named_type)(definition.type)
            if node.selection_set is not None and is_composite_type(named):
                walk(named, node.selection_set)

    root: GraphQLObjectType | None = schema.get_root_type(operation.operation)
    if root is not None:
        walk(root, operation.selection_set)
    return Selection({name: frozenset(fields) for name, fields in found.items()})


def _condition(arguments: Iterable[ArgumentNode], variables: Mapping[str, Any]) -> bool:
    """The value of a directive's only argument, ``if``; validation has seen that it is there."""
    for argument in arguments:
        if isinstance(argument.value, BooleanValueNode):
            return argument.value.value
        if isinstance(argument.value, VariableNode):
            return bool(variables.get(argument.value.name.value))
    return False
