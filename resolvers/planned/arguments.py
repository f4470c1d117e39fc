"""The arguments of a field, as Python values: worked out once for a plan, or once for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import strawberry
from graphql import FieldNode, GraphQLField, GraphQLNonNull, Node, VariableNode, visit
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import Visitor
from strawberry.types.arguments import convert_arguments

from resolvers.connection import check_first, conditions
from resolvers.planned.plan import Asked, EdgeStep
from resolvers.planned.variables import PLAIN, Given

if TYPE_CHECKING:
    from resolvers.planned.fetch import Fetch

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
        self._plain = tuple(_plain_variables(definition, node).items())
        self._templates: dict[tuple[tuple[str, bool], ...], dict[str, Any]] = {}
        """All values but those of plain variables, by which of these are absent or null."""
        self._varies = any(map(_reads_variables, node.arguments or ()))
        self._is_empty = not definition.args

    @property
    def are_constant(self) -> bool:
        """Whether they are the same for every request, and known."""
        return self._constant is not None or self._is_empty

    def values(self, variables: Given) -> dict[str, Any]:
        """The values by Python name. Raises a ``GraphQLError`` where a required one was not given."""
        if self._is_empty:
            return {}
        if self._constant is not None:
            return self._constant
        plain: dict[str, Any] = {}
        missing: tuple[tuple[str, bool], ...] = ()
        coerced = variables.coerced
        for name, of in self._plain:
            value = coerced.get(of)
            if value is None:
                # It has a default, or is left out, or is an error: the library knows.
                missing += ((name, of in coerced),)
            else:
                plain[name] = value
        template = self._templates.get(missing)
        if template is not None:
            return template | plain
        given = get_argument_values(
            self._definition, self._node, variables.full if self._varies else _CONSTANT
        )
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
        elif self._plain:
            self._templates[missing] = {name: value for name, value in found.items() if name not in plain}
        return found


def asked_of(step: EdgeStep, fetch: Fetch) -> Asked:
    """What is asked for in this request. Raises the field's error, whatever it is."""
    arguments = step.field.arguments.values(fetch.variables)
    first, given = arguments.get("first", 20), arguments.get("filter")
    check_first(first)
    where = conditions(step.edge.child, given, fetch.context.viewer)
    found = Asked(first, arguments.get("after"), where)
    # A filter can be forbidden to one viewer and not to another.
    if step.field.arguments.are_constant and given is None and found.after is None:
        step.asked = found
    return found


def _plain_variables(definition: GraphQLField, node: FieldNode) -> dict[str, str]:
    """Arguments that are a variable of a plain type, by Python name; none where others read variables too."""
    found: dict[str, str] = {}
    for given in node.arguments or ():
        argument = definition.args[given.name.value]
        if isinstance(given.value, VariableNode):
            kind = cast(Any, argument).type
            if (cast(Any, kind).of_type if isinstance(kind, GraphQLNonNull) else kind) not in PLAIN:
                return {}
            declared: Any = argument.extensions["strawberry-definition"]
            found[declared.python_name] = given.value.name.value
        elif _reads_variables(given):
            return {}
    return found


def _reads_variables(node: Node) -> bool:
    found = False

    class Finder(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            nonlocal found
            found = True

    visit(node, Finder())
    return found
