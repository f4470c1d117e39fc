"""One operation, from what a caller sent to what is answered, whatever the transport."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
import strawberry
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    execution,
    get_operation_ast,
    parse,
    specified_rules,
)
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import validate_document
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType as Kind

from gateway.transport.errors import before_execution, in_execution, request_error
from resolvers.context import RequestContext
from resolvers.errors import Code
from resolvers.graph import CACHED_DOCUMENTS
from resolvers.streams.watch import Watch
from resolvers.viewer import Viewer

MakeContext = Callable[[str, Viewer], RequestContext]
"""From a correlation id and who asks."""

_NAME_NEEDED = "The document has several operations: operationName must say which one to run"
_OPERATION = re.compile(r"\b(?:query|mutation|subscription)\b")


class BadParameters(ValueError):
    """Not the parameters of a request; the text says why."""


class Refusal(Exception):
    """The operation is not executed. ``errors`` are formatted; ``unforeseen``: the fault is ours."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("the operation is not executed")
        self.errors = errors
        self.unforeseen = any(each["extensions"]["code"] == Code.INTERNAL.value for each in errors)


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription that may begin.

    key:      equal for subscriptions that show the same of the same events: document, operation, variables
              and the viewer's access. Where each resumes is no part of it.
    executor: executes the operation, once for each event.
    """

    key: tuple[Any, ...]
    watch: Watch
    executor: Any


def checked_parameters(given: Any) -> dict[str, Any]:
    """The parameters of a GraphQL request, of the right kinds. Raises ``BadParameters``."""
    if isinstance(given, list):
        raise BadParameters("One operation a request: batches are not taken")
    if not isinstance(given, dict):
        raise BadParameters("The body is a JSON object with the key query")
    parameters = cast(dict[str, Any], given)
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        raise BadParameters("query: a GraphQL document is needed, as a string")
    for name, kinds in (("variables", dict), ("extensions", dict), ("operationName", str)):
        if parameters.get(name) is not None and not isinstance(parameters[name], kinds):
            wanted = "an object" if kinds is dict else "a string"
            raise BadParameters(f"{name}: must be {wanted}")
    return parameters


class Operations:
    """Runs operations: queries and mutations to their one answer, subscriptions to a plan."""

    def __init__(self, graph: strawberry.Schema, make_context: MakeContext) -> None:
        self._graph = graph
        self._schema = graph._schema  # pyright: ignore[reportPrivateUsage]
        self._executor_class = cast(Any, graph).execution_context_class
        self.make_context = make_context
        self._documents: LRUCache[str, DocumentNode | GraphQLSyntaxError] = LRUCache(CACHED_DOCUMENTS)
        self._invalid: LRUCache[str, list[GraphQLError]] = LRUCache(CACHED_DOCUMENTS)

    def is_subscription(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the operation that is meant is a subscription; False where there is no such operation."""
        document = self._document(parameters["query"])
        if isinstance(document, GraphQLSyntaxError):
            return False
        operation = get_operation_ast(document, parameters.get("operationName"))
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    async def answer(
        self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer, allowed: Collection[Kind]
    ) -> dict[str, Any]:
        """The answer of a query or mutation: ``data``, and ``errors`` where there are any.

        Raises ``Refusal``, and ``InvalidOperationTypeError`` for a kind of operation that is not allowed.
        """
        if parameters.get("operationName") is None and self._has_several(parameters["query"]):
            raise _invalid(_NAME_NEEDED, correlation_id)
        try:
            result = await self._graph.execute(
                parameters["query"],
                variable_values=parameters.get("variables") or {},
                context_value=self.make_context(correlation_id, viewer),
                operation_name=parameters.get("operationName"),
                allowed_operation_types=allowed,
            )
        except CannotGetOperationTypeError as error:
            raise _invalid(error.as_http_error_reason(), correlation_id) from error
        errors = result.errors or []
        # Variables are refused by the executor, without a path: a request error like any other.
        refused = result.data is None and bool(errors) and all(error.path is None for error in errors)
        if isinstance(result, PreExecutionError) or refused:
            raise Refusal([before_execution(error, correlation_id) for error in errors])
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = [in_execution(error, correlation_id) for error in errors]
        return body

    async def plan(self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer) -> Plan:
        """A subscription that is valid and whose arguments are good. Raises ``Refusal``."""
        query: str = parameters["query"]
        document = self._document(query)
        errors = [document] if isinstance(document, GraphQLSyntaxError) else self._errors(query, document)
        if errors:
            raise Refusal([before_execution(error, correlation_id) for error in errors])
        context = self.make_context(correlation_id, viewer)
        executor: Any = self._executor_class.build(
            self._schema,
            cast(DocumentNode, document),
            context_value=context,
            raw_variable_values=parameters.get("variables") or {},
            operation_name=parameters.get("operationName"),
        )
        if isinstance(executor, list):
            refused = cast(list[GraphQLError], executor)
            raise Refusal([before_execution(error, correlation_id) for error in refused])
        stream: Any = cast(Any, execution).create_source_event_stream(executor)
        if executor.is_awaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise Refusal([in_execution(error, correlation_id) for error in stream.errors or ()])
        key = (
            query,
            parameters.get("operationName"),
            _shown(parameters, executor.operation),
            viewer.access,
        )
        return Plan(key, stream, executor)

    def _document(self, query: str) -> DocumentNode | GraphQLSyntaxError:
        found = self._documents.get(query)
        if found is None:
            try:
                found = parse(query)
            except GraphQLSyntaxError as error:
                found = error
            self._documents[query] = found
        return found

    def _errors(self, query: str, document: DocumentNode) -> list[GraphQLError]:
        found = self._invalid.get(query)
        if found is None:
            found = validate_document(self._schema, document, tuple(specified_rules))
            self._invalid[query] = found
        return found

    def _has_several(self, query: str) -> bool:
        """Whether only an operation name can tell what to run: Strawberry would run the first."""
        if len(_OPERATION.findall(query)) < 2:
            return False
        document = self._document(query)
        if isinstance(document, GraphQLSyntaxError):
            return False
        return sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1


def _invalid(message: str, correlation_id: str) -> Refusal:
    return Refusal([request_error(Code.GRAPHQL_VALIDATION_FAILED, message, correlation_id)])


def _shown(parameters: Mapping[str, Any], operation: OperationDefinitionNode) -> bytes:
    """The variables, but for the one that says where to resume."""
    variables = dict(parameters.get("variables") or {})
    for node in operation.selection_set.selections:
        for argument in (node.arguments or ()) if isinstance(node, FieldNode) else ():
            if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                variables.pop(argument.value.name.value, None)
    return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
