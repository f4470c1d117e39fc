"""One operation, from what a caller sent to what is answered, whatever the transport."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import orjson
import strawberry
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    execution,
)

from gateway.documents.persisted import PersistedDocuments
from gateway.limits.caller import Caller, UnderWay, current_caller
from gateway.limits.documents import Documents, Operation, Prepared
from gateway.limits.errors import RateLimited, TooComplex
from gateway.limits.rate import NOT_WORTH_GIVING_BACK, POINTS_OF_A_NEW_CHARACTER, Rate
from gateway.limits.settings import LimitSettings
from gateway.systems.coalescing import current_access
from gateway.systems.deadline import Deadline, Deadlines
from gateway.transport.about import wanted_of
from gateway.transport.errors import before_execution, fault_of_request, in_execution, request_error
from resolvers.budget import AnswerBudget, answer_budget
from resolvers.context import RequestContext
from resolvers.errors import Code, GraphFault
from resolvers.planned.execution import PlannedExecution
from resolvers.planned.trace import Trace
from resolvers.streams.watch import Watch
from resolvers.viewer import Viewer

MakeContext = Callable[[str, Viewer], RequestContext]
"""From a correlation id and who asks."""

_NAME_NEEDED = "The document has several operations: operationName must say which one to run"


class BadParameters(ValueError):
    """Not the parameters of a request; the text says why."""


class Refusal(Exception):
    """The operation is not executed. ``errors`` are formatted; ``unforeseen``: the fault is ours.

    ``limited``: the caller asks too much in too short a time; ``retry_after_s``: when it may come again,
    where that is known.
    """

    def __init__(self, errors: Sequence[Mapping[str, Any]], retry_after_s: float | None = None) -> None:
        super().__init__("the operation is not executed")
        self.errors = errors
        self.retry_after_s = retry_after_s
        codes = {each["extensions"]["code"] for each in errors}
        self.unforeseen = Code.INTERNAL.value in codes
        self.limited = Code.RATE_LIMITED.value in codes


class NotAllowed(Exception):
    """The transport carries no operations of this kind; nothing was executed."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription that may begin.

    end:      to be called when it ends: it no longer counts among its caller's.
    key:      equal for subscriptions that show the same of the same events: document, operation, variables
              and the viewer's access. Where each resumes is no part of it.
    executor: executes the operation, once for each event.
    """

    key: tuple[Any, ...]
    watch: Watch
    executor: Any
    end: Callable[[], None]


def checked_parameters(given: Any) -> dict[str, Any]:
    """The parameters of a GraphQL request, of the right kinds. Raises ``BadParameters``."""
    if not isinstance(given, dict):
        if isinstance(given, list):
            raise BadParameters("One operation a request: batches are not taken")
        raise BadParameters("The body is a JSON object with the key query")
    parameters = cast(dict[str, Any], given)
    query = parameters.get("query")
    if (not isinstance(query, str) or not query or query.isspace()) and not _by_hash(parameters):
        raise BadParameters("query: a GraphQL document is needed, as a string")
    if "variables" in parameters and not isinstance(parameters["variables"], _OBJECT):
        raise BadParameters("variables: must be an object")
    if "extensions" in parameters and not isinstance(parameters["extensions"], _OBJECT):
        raise BadParameters("extensions: must be an object")
    if "operationName" in parameters and not isinstance(parameters["operationName"], _TEXT):
        raise BadParameters("operationName: must be a string")
    return parameters


_OBJECT = (dict, type(None))
_TEXT = (str, type(None))


def _by_hash(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("query") is None and (
        isinstance(parameters.get("documentId"), str) or _has_persisted(parameters.get("extensions"))
    )


def _has_persisted(extensions: Any) -> bool:
    persisted: Any = (
        cast(dict[str, Any], extensions).get("persistedQuery") if isinstance(extensions, dict) else 0
    )
    return isinstance(persisted, dict) and isinstance(cast(Any, persisted).get("sha256Hash"), str)


class Watched:
    """Stands around one operation, and lets it pass. ``operation``: once it is known."""

    operation: Operation | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def failed(self, body: Mapping[str, Any]) -> None:
        """Told of an answer with errors."""


class Operations:
    """Runs operations within the limits: queries and mutations to an answer, subscriptions to a plan."""

    def __init__(
        self,
        graph: strawberry.Schema,
        make_context: MakeContext,
        limits: LimitSettings | None = None,
        rate: Rate | None = None,
        planned: PlannedExecution | None = None,
        persisted: PersistedDocuments | None = None,
    ) -> None:
        self._planned = planned
        self.limits = limits or LimitSettings()
        self.rate = rate or Rate(self.limits.rate)
        self.under_way = UnderWay(self.limits)
        self._deadlines = Deadlines(self.limits.execution_s)
        self._persisted = persisted or PersistedDocuments()
        self.make_context = make_context
        self._schema = graph._schema  # pyright: ignore[reportPrivateUsage]
        self._executor_class = cast(Any, graph).execution_context_class
        self._documents = Documents(self._schema, self.limits)

    def resolved(self, parameters: dict[str, Any], correlation_id: str) -> dict[str, Any]:
        """The parameters with the document that they name. Raises ``Refusal``."""
        try:
            return self._persisted.resolved(parameters)
        except GraphFault as fault:
            raise Refusal([fault_of_request(fault, correlation_id)]) from fault

    def is_subscription(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the operation that is meant is a subscription; False where there is no such operation."""
        operation = self._documents.prepare(parameters["query"]).operations.get(
            parameters.get("operationName")
        )
        return operation is not None and operation.kind is OperationType.SUBSCRIPTION

    async def answer(
        self,
        parameters: Mapping[str, Any],
        correlation_id: str,
        viewer: Viewer,
        caller: Caller,
        allowed: Collection[OperationType],
    ) -> dict[str, Any]:
        """The answer of a query or mutation: ``data``, and ``errors`` where there are any.

        Raises ``Refusal``, and ``NotAllowed`` for a kind of operation that is not allowed.
        """
        with self.watch(parameters, correlation_id, viewer) as seen:
            try:
                prepared, operation, points, held = await self._admit(
                    parameters, correlation_id, viewer, caller, allowed
                )
                seen.operation = operation
                wanted = wanted_of(parameters) if "extensions" in parameters else None
                if wanted is not None and (refusal := wanted.refusal(viewer)) is not None:
                    raise Refusal([fault_of_request(GraphFault(Code.FORBIDDEN, refusal), correlation_id)])
                self.under_way.begin_operation(caller.key)
            except (TooComplex, RateLimited) as error:
                raise _too_much(error, correlation_id) from error
            current_caller.set(caller.key)
            # A mutation has a deadline of its own: what it has accepted is not to be forgotten half way.
            query = operation.kind is OperationType.QUERY
            deadline = Deadline(self._deadlines) if query else None
            budget = AnswerBudget(
                self.limits.objects, self._too_many_objects, _no_stop if deadline is None else deadline.end
            )
            answer_budget.set(budget)
            context = self.make_context(correlation_id, viewer)
            if wanted is not None and wanted.plan:
                context.trace = Trace()
            current_access.set(viewer.access)
            variables: dict[str, Any] = parameters.get("variables") or {}
            result = None
            try:
                with deadline or contextlib.nullcontext():
                    if self._planned is not None and prepared.document is not None:
                        result = await self._planned.answer(
                            parameters["query"],
                            prepared.document,
                            parameters.get("operationName"),
                            variables,
                            context,
                        )
                    if result is None:
                        result = await self._execute(prepared, parameters, variables, context)
            except TimeoutError:
                seconds = self.limits.execution_s
                late = TooComplex("execution_s", seconds, seconds)
                error = self._too_many_objects(budget.records) if budget.spent else late
                raise _too_much(error, correlation_id) from None
            finally:
                self.under_way.end_operation(caller.key)
            unused = held - budget.objects
            if unused > NOT_WORTH_GIVING_BACK:
                caller.standing = await self.rate.give_back(caller.key, unused)
            errors = result.errors
            body: dict[str, Any] = {"data": result.data}
            if errors:
                # Variables are refused by the executor, without a path: a request error like any other.
                if result.data is None and all(error.path is None for error in errors):
                    raise self._refused(errors, correlation_id, viewer)
                body["errors"] = [in_execution(error, correlation_id) for error in errors]
                seen.failed(body)
            if wanted:
                body["extensions"] = wanted.told(context, points, self.limits.cost)
            return body

    def watch(self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer) -> Watched:
        """What stands around an operation, and sees it."""
        return Watched()

    def _too_many_objects(self, objects: int) -> TooComplex:
        return TooComplex("objects", objects, self.limits.objects)

    async def plan(
        self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer, caller: Caller
    ) -> Plan:
        """A subscription that is valid and whose arguments are good. Raises ``Refusal``."""
        with self.watch(parameters, correlation_id, viewer):
            return await self._plan(parameters, correlation_id, viewer, caller)

    async def _plan(
        self, parameters: Mapping[str, Any], correlation_id: str, viewer: Viewer, caller: Caller
    ) -> Plan:
        try:
            prepared, *_ = await self._admit(parameters, correlation_id, viewer, caller, _SUBSCRIPTIONS)
        except (TooComplex, RateLimited) as error:
            raise _too_much(error, correlation_id) from error
        context = self.make_context(correlation_id, viewer)
        executor: Any = self._executor_class.build(
            self._schema,
            prepared.document,
            context_value=context,
            raw_variable_values=parameters.get("variables") or {},
            operation_name=parameters.get("operationName"),
        )
        if isinstance(executor, list):
            refused = cast(list[GraphQLError], executor)
            raise self._refused(refused, correlation_id, viewer)
        stream: Any = cast(Any, execution).create_source_event_stream(executor)
        if executor.is_awaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise Refusal([in_execution(error, correlation_id) for error in stream.errors or ()])
        key = (
            parameters["query"],
            parameters.get("operationName"),
            _shown(parameters, executor.operation),
            viewer.access,
            stream.only_for,
        )
        try:
            return Plan(key, stream, executor, self.under_way.stream(caller.key))
        except RateLimited as error:
            raise _too_much(error, correlation_id) from error

    async def _admit(
        self,
        parameters: Mapping[str, Any],
        correlation_id: str,
        viewer: Viewer,
        caller: Caller,
        allowed: Collection[OperationType],
    ) -> tuple[Prepared, Operation, int, int]:
        """The document, the operation, its points, and those the caller has paid for it.

        Raises ``NotAllowed``, ``Refusal``, ``TooComplex`` and ``RateLimited``.
        """
        query: str = parameters["query"]
        self.rate.check(caller.key)
        prepared = self._documents.prepare(query)
        name: str | None = parameters.get("operationName")
        operation = prepared.operations.get(name)
        points = 0
        try:
            points = self._documents.cost(prepared, name, parameters.get("variables") or {})
        finally:
            # What is refused has been looked at, and counts too.
            held = paid = min(max(points, 1), self.limits.objects)
            if prepared.fresh:
                prepared.fresh = False
                paid += prepared.length * POINTS_OF_A_NEW_CHARACTER
            caller.standing = await self.rate.spend(caller.key, paid)
        if operation is not None and operation.kind not in allowed:
            raise NotAllowed(operation.kind)
        if prepared.refusals:
            refusal = prepared.refusals[0]
            if isinstance(refusal, TooComplex):
                raise refusal
            raise self._refused(prepared.refusals, correlation_id, viewer)
        if prepared.introspects and not self._persisted.may_introspect(viewer):
            fault = GraphFault(Code.FORBIDDEN, _NO_INTROSPECTION)
            raise Refusal([fault_of_request(fault, correlation_id)])
        if operation is None:
            if name is not None:
                raise _invalid(f'Unknown operation named "{name}".', correlation_id)
            raise _invalid(_NAME_NEEDED if prepared.several else _NO_OPERATION, correlation_id)
        return prepared, operation, points, held

    def _refused(self, errors: Sequence[GraphQLError], correlation_id: str, viewer: Viewer) -> Refusal:
        """Errors before execution; names of the schema are suggested to those only who may read it."""
        suggest = self._persisted.may_introspect(viewer)
        return Refusal([before_execution(error, correlation_id, suggest=suggest) for error in errors])

    async def _execute(
        self,
        prepared: Prepared,
        parameters: Mapping[str, Any],
        variables: Mapping[str, Any],
        context: RequestContext,
    ) -> ExecutionResult:
        """Field by field."""
        result: Any = cast(Any, execution).execute(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=variables,
            operation_name=parameters.get("operationName"),
            executor_class=self._executor_class,
        )
        return result if isinstance(result, ExecutionResult) else await result


def _no_stop() -> None:
    """A mutation is not broken off half way."""


_SUBSCRIPTIONS = frozenset({OperationType.SUBSCRIPTION})
_NO_INTROSPECTION = "Reading the schema takes the scope schema:read"
_NO_OPERATION = "The document has no operation"


def _too_much(error: TooComplex | RateLimited, correlation_id: str) -> Refusal:
    return Refusal([fault_of_request(error, correlation_id)], getattr(error, "retry_after_s", None))


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
