"""The arguments of a field, as Python values: worked out once for a plan, or once for a request."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, VariableNode, visit
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import Visitor
from strawberry.types.arguments import convert_arguments

_CONSTANT = VariableValues({}, {})


class Arguments:
    """Evaluates one field's arguments. What the caller left out is absent."""

    def __init__(
        self, definition: GraphQLField, declared: Any, node: FieldNode, config: Any, registry: Any
    ) -> None:
        self._definition = definition
        self._declared = declared
        self._node = node
        self._config = config
        self._registry = registry
        self._constant: dict[str, Any] | None = None
        self._varies = bool(node.arguments) and _reads_variables(node)
        self._is_empty = not definition.args

    def values(self, variables: VariableValues) -> dict[str, Any]:
        """The values by Python name. Raises a ``GraphQLError`` where a required one was not given."""
        if self._is_empty:
            return {}
        if self._constant is not None:
            return self._constant
        given = get_argument_values(self._definition, self._node, variables if self._varies else _CONSTANT)
        converted = convert_arguments(
            given,
            self._declared.arguments,
            scalar_registry=self._registry,
            config=self._config,
            info=None,
        )
        found = {name: value for name, value in converted.items() if value is not strawberry.UNSET}
        if not self._varies:
            self._constant = found
        return found


def _reads_variables(node: FieldNode) -> bool:
    found = False

    class Finder(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            nonlocal found
            found = True

    for argument in node.arguments or ():
        visit(argument, Finder())
    return found
