"""The variables of one operation: plain ones are checked here at once, all others by the library.

Most variables are ids, texts and numbers. For these the library works out types anew with each request, which
takes longer than everything else that happens to an id before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    VariableDefinitionNode,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

PLAIN: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool, GraphQLInt: int}
"""Scalars that JSON has, and the type of values that need no coercion."""

_MAX_INT = 2**31
_ABSENT = object()


class _Plain(NamedTuple):
    """A variable of a plain type. ``optional``: it may be left out, and is absent then."""

    name: str
    kind: type
    optional: bool
    signature: Any


class Variables:
    """Reads the values that a request gives."""

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._definitions = definitions
        plain = [_plain(schema, each) for each in definitions]
        self._plain = None if None in plain else cast("list[_Plain]", plain)

    def values(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values by name, or what is wrong with them: as ``get_variable_values``."""
        if self._plain is not None:
            sources: dict[str, Any] = {}
            coerced: dict[str, Any] = {}
            for name, kind, optional, signature in self._plain:
                value = given.get(name, _ABSENT)
                if type(value) is kind and (kind is not int or -_MAX_INT <= value < _MAX_INT):
                    sources[name] = VariableValueSource(signature, value)
                    coerced[name] = value
                elif value is _ABSENT and optional:
                    sources[name] = VariableValueSource(signature)
                else:
                    break
            else:
                return VariableValues(sources, coerced)
        return get_variable_values(self._schema, self._definitions, given)


def _plain(schema: GraphQLSchema, definition: VariableDefinitionNode) -> _Plain | None:
    signature = get_variable_signature(schema, definition)
    if isinstance(signature, GraphQLError):
        return None
    kind = cast(Any, signature).type
    required = isinstance(kind, GraphQLNonNull)
    plain = PLAIN.get(cast(Any, kind).of_type if required else kind)
    if plain is None:
        return None
    return _Plain(signature.name, plain, not required and definition.default_value is None, signature)
