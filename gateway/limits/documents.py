"""Documents, parsed and measured once: what is too much is refused before anything dear is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from gateway.limits.errors import TooComplex
from gateway.limits.measure import NESTING, Costs, Measured, Nested, measure
from gateway.limits.settings import LimitSettings
from resolvers.recent import Recent

_COUNTS = ("depth", "fields", "aliases", "directives", "fragments", "list_items")
"""Settings that are compared with the counts of the same name."""

CACHED_CHARACTERS = 300_000
"""Of all documents that are kept: a character of one takes 70 to 300 bytes once it is parsed."""


class Operation(NamedTuple):
    """What is known of an operation. ``word``: its kind, as a word; ``name``: None for one without."""

    kind: OperationType
    word: str
    name: str | None


@dataclass(slots=True)
class Prepared:
    """A document that can be executed, or why it cannot.

    document:    None where it does not parse, or asks for too much.
    refusals:    empty where it can be executed.
    operations:  by the name that a request may give; the only one also by None.
    several:     whether only an operation name can tell what to run.
    measured:    None where it was not measured.
    introspects: whether it reads the schema.
    length:      in characters.
    fresh:       whether nobody has paid for preparing it yet.
    """

    document: DocumentNode | None
    refusals: tuple[GraphQLError, ...]
    operations: Mapping[str | None, Operation]
    several: bool
    measured: Measured | None
    introspects: bool
    length: int
    fresh: bool = True


class Documents:
    """Every document that was sent lately, prepared."""

    def __init__(self, schema: GraphQLSchema, limits: LimitSettings) -> None:
        self._schema = schema
        self._costs = Costs(schema)
        self._limits = limits
        self._prepared: Recent[str, Prepared] = Recent(CACHED_CHARACTERS, lambda prepared: prepared.length)
        self._maxima = tuple((name, cast(int, getattr(limits, name))) for name in _COUNTS)

    def looked_at(self, query: str) -> Prepared | None:
        """The document, where it was sent lately."""
        return self._prepared.get(query)

    def prepare(self, query: str) -> Prepared:
        """The document, from memory where it was sent before."""
        found = self._prepared.get(query)
        if found is None:
            length, maximum = len(query), self._limits.document_length
            if length > maximum:
                return _refused(TooComplex("document_length", length, maximum), 0)
            found = self._new(query)
            self._prepared.put(query, found)
        return found

    def _new(self, query: str) -> Prepared:
        length = len(query)
        try:
            document = parse(query, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            if error.description.endswith(_TOO_MANY_TOKENS):
                return _refused(TooComplex("tokens", self._limits.tokens + 1, self._limits.tokens), length)
            return _refused(error, length)
        try:
            measured = measure(document, self._costs)
        except Nested:
            return _refused(TooComplex("depth", NESTING, self._limits.depth), length)
        for name, maximum in self._maxima:
            if getattr(measured, name) > maximum:
                return _refused(TooComplex(name, getattr(measured, name), maximum), length)
        operations = _operations_of(document)
        several = len(operations) > 1
        if len(operations) == 1:
            operations[None] = next(iter(operations.values()))
        errors = tuple(validate_document(self._schema, document, tuple(specified_rules)))
        return Prepared(document, errors, operations, several, measured, measured.introspects, length)

    def cost(self, prepared: Prepared, operation_name: str | None, variables: Mapping[str, Any]) -> int:
        """The points of an operation with these variables. Raises ``TooComplex``."""
        if prepared.measured is None:
            return 0
        points = prepared.measured.cost(operation_name, variables)
        if points > self._limits.cost:
            raise TooComplex("cost", points, self._limits.cost)
        if variables and not _NESTING.isdisjoint(map(type, variables.values())):
            longest = longest_list(variables)
            if longest > self._limits.list_items:
                raise TooComplex("list_items", longest, self._limits.list_items)
        return points


_NESTING = frozenset({dict, list})
"""The types of JSON that hold others."""

_TOO_MANY_TOKENS = "tokens. Parsing aborted."


def longest_list(variables: Mapping[str, Any]) -> int:
    """How many items the longest list in the variables has, however deep it lies."""
    longest = 0
    waiting: list[Any] = [each for each in variables.values() if isinstance(each, (dict, list))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            longest = max(longest, len(cast(list[Any], value)))
            inner = cast(list[Any], value)
        else:
            inner = list(cast(dict[str, Any], value).values())
        waiting += [each for each in inner if isinstance(each, (dict, list))]
    return longest


def _operations_of(document: DocumentNode) -> dict[str | None, Operation]:
    found: dict[str | None, Operation] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            name = node.name.value if node.name else None
            found[name] = Operation(node.operation, node.operation.value, name)
    return found


def _refused(error: GraphQLError, length: int) -> Prepared:
    return Prepared(None, (error,), {}, False, None, False, length)
