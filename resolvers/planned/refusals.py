"""The errors of refused fields, of an answer that generated code assembled: it has null in their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from graphql import GraphQLError, GraphQLNonNull, located_error

from resolvers.errors import forbidden
from resolvers.planned.codegen_text import Ungenerated
from resolvers.planned.plan import FieldPlan, ObjectPlan, Plan
from resolvers.planned.planner import ENTITIES
from resolvers.planned.variables import Given
from resolvers.viewer import Access

_Path = tuple[str | int, ...]


class Refusals:
    """Where the answers of one plan have refused fields: only there are they gone through."""

    def __init__(self, plan: Plan) -> None:
        self._root = plan.root
        self._fields: dict[ObjectPlan, tuple[FieldPlan, ...]] = {}
        self._find(plan.root)

    def _find(self, plan: ObjectPlan) -> bool:
        self._fields[plan] = tuple(field for field in plan.fields if self._leads(field))
        return bool(self._fields[plan])

    def _leads(self, field: FieldPlan) -> bool:
        if field.access is Access.FORBIDDEN:
            return True
        leading = [child for child in field.children.values() if self._find(child)]
        if leading and len(field.children) > 1:
            raise Ungenerated("what is refused depends on what is found")
        return bool(leading)

    def errors(self, data: dict[str, Any], variables: Given) -> list[GraphQLError]:
        """In the order of the document, as ``assemble`` has them. Raises for arguments that are no good."""
        return list(self._of(self._root, data, variables, ()))

    def _of(
        self, plan: ObjectPlan, data: dict[str, Any], variables: Given, path: _Path
    ) -> Iterator[GraphQLError]:
        for field in self._fields[plan]:
            here = (*path, field.key)
            if field.access is Access.FORBIDDEN:
                field.arguments.values(variables)
                refused = forbidden(f"{field.parent}.{field.graph_name}")
                yield located_error(refused, list(field.nodes), list(here))
            else:
                (child,) = field.children.values()
                yield from self._below(child, data[field.key], variables, here)

    def _below(self, plan: ObjectPlan, value: Any, variables: Given, path: _Path) -> Iterator[GraphQLError]:
        if isinstance(value, list):
            for at, each in enumerate(cast(list[Any], value)):
                yield from self._below(plan, each, variables, (*path, at))
        elif value is not None:
            yield from self._of(plan, value, variables, path)


def refusals_of(plan: Plan) -> Refusals | None:
    """None where nothing is refused. Raises ``Ungenerated`` where generated code cannot leave it out."""
    refused = [field for field in plan.fields if field.access is Access.FORBIDDEN]
    for field in refused:
        whole = field.parent in ENTITIES or field.parent == plan.root.type_name
        if not whole or isinstance(field.type, GraphQLNonNull):
            raise Ungenerated(f"{field.parent}.{field.graph_name} is refused")
    return Refusals(plan) if refused else None
