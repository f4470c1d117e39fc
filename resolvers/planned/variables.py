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


class Given:
    """The values of one request. ``coerced``: by name; what was left out and has no default is absent."""

    __slots__ = ("_full", "_plain", "coerced")

    def __init__(
        self, coerced: dict[str, Any], plain: Sequence[_Plain] = (), full: VariableValues | None = None
    ) -> None:
        self.coerced = coerced
        self._plain = plain
        self._full = full

    @property
    def full(self) -> VariableValues:
        """As the library has them. Most requests are answered without."""
        if self._full is None:
            sources = {
                name: VariableValueSource(signature, self.coerced[name])
                if name in self.coerced
                else VariableValueSource(signature)
                for name, _, _, signature in self._plain
            }
            self._full = VariableValues(sources, self.coerced)
        return self._full


class Variables:
    """Reads the values that a request gives."""

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._definitions = definitions
        plain = [_plain(schema, each) for each in definitions]
        self._plain = None if None in plain else cast("list[_Plain]", plain)

    def values(self, given: dict[str, Any]) -> Given | list[GraphQLError]:
        """The values, or what is wrong with them: as ``get_variable_values``."""
        if self._plain is not None:
            coerced: dict[str, Any] = {}
            for name, kind, optional, _ in self._plain:
                value = given.get(name, _ABSENT)
                if type(value) is kind and (kind is not int or -_MAX_INT <= value < _MAX_INT):
                    coerced[name] = value
                elif value is not _ABSENT or not optional:
                    break
            else:
                return Given(coerced, self._plain)
        found = get_variable_values(self._schema, self._definitions, given)
        return found if isinstance(found, list) else Given(found.coerced, full=found)


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
