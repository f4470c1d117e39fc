"""Selections of a document, merged: the fields of each object type, in the order of the answer.

As https://spec.graphql.org/draft/#CollectFields has it, with the values of ``@skip`` and ``@include`` known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    visit,
)
from graphql.language import Visitor

STEERING = frozenset({"skip", "include"})


class Collector:
    """Collects the fields of one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def fields(
        self, parent: GraphQLObjectType, sets: Iterable[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        """The fields of an object type by response key, from the selection sets of one place."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for each in sets:
            self._collect(parent, each, found, visited)
        return found

    def _collect(
        self,
        parent: GraphQLObjectType,
        selection_set: SelectionSetNode,
        found: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for node in selection_set.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._applies(condition.name.value, parent):
                    self._collect(parent, node.selection_set, found, visited)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self._fragments[name]
                if name not in visited and self._applies(fragment.type_condition.name.value, parent):
                    visited.add(name)
                    self._collect(parent, fragment.selection_set, found, visited)

    def _applies(self, condition: str, parent: GraphQLObjectType) -> bool:
        if condition == parent.name:
            return True
        graph_type = self._schema.type_map[condition]
        return is_abstract_type(graph_type) and self._schema.is_sub_type(graph_type, parent)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            if directive.name.value in STEERING:
                value = directive.arguments[0].value
                said = (
                    value.value
                    if isinstance(value, BooleanValueNode)
                    else bool(self._variables.get(value.name.value))
                )
                if said is not (directive.name.value == "include"):
                    return False
        return True


def steering(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """The variables that ``@skip`` and ``@include`` of a document read, sorted."""
    names: set[str] = set()

    class Finder(Visitor):
        def enter_directive(self, node: Any, *_: Any) -> None:
            if node.name.value in STEERING:
                names.update(
                    each.value.name.value
                    for each in node.arguments or ()
                    if isinstance(each.value, VariableNode)
                )

    for definition in (operation, *fragments.values()):
        visit(definition, Finder())
    return tuple(sorted(names))


def sets_of(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    """The selection sets below the places of one field."""
    return [node.selection_set for node in nodes if node.selection_set is not None]
