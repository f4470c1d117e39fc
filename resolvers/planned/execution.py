"""Planned execution, from a valid document to its answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
import structlog
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    validate,
)

from resolvers.budget import answer_budget
from resolvers.context import RequestContext
from resolvers.planned.assemble import Assembly
from resolvers.planned.codegen import Ungenerated, compiled
from resolvers.planned.collect import steering
from resolvers.planned.fallback import Fallbacks
from resolvers.planned.fetch import Fetch
from resolvers.planned.plan import Plan, Unplannable
from resolvers.planned.planner import Planner
from resolvers.planned.refusals import refusals_of
from resolvers.planned.rights import Rights, touched
from resolvers.planned.roots import begin
from resolvers.planned.variables import Given, Variables
from resolvers.ports import Systems
from resolvers.recent import Recent
from resolvers.selection import selection_of
from resolvers.viewer import UNRESTRICTED, Viewer
from schema.ownership import Ownership

_log = structlog.get_logger(__name__)

CACHED_PLANS = 500


@dataclass(slots=True)
class Answer:
    """An answer, and how many rounds of loads it took.

    data:   what orjson writes: JSON that is written already (``Fragment``), or objects of the kinds of JSON.
    errors: of its fields.
    """

    data: Any
    errors: Sequence[GraphQLError]
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class _Operation:
    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    steering: tuple[str, ...]
    variables: Variables


class PlannedExecution:
    """Runs queries by plans that are kept. What cannot be planned is counted, and left to the caller."""

    def __init__(
        self,
        graph: strawberry.Schema,
        systems: Systems,
        ownership: Ownership,
        fallbacks: Fallbacks | None = None,
    ) -> None:
        self._planner = Planner(graph, systems, ownership)
        self._schema = self._planner.schema
        self._systems = systems
        self._operations: Recent[tuple[str, str | None], _Operation] = Recent(CACHED_PLANS)
        self._plans: Recent[Hashable, Plan | Unplannable] = Recent(CACHED_PLANS)
        self._rights = Rights()
        self._changes: Recent[Hashable, tuple[Hashable]] = Recent(CACHED_PLANS)
        self.fallbacks = fallbacks or Fallbacks()

    async def answer(
        self,
        query: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: dict[str, Any],
        context: RequestContext,
    ) -> Answer | None:
        """The answer of a valid query; None for what the plain executor has to answer, or to refuse."""
        key = (query, operation_name)
        operation = self._operations.get(key) or self._operation(key, document)
        if operation is None:
            return None
        given = operation.variables.values(variables)
        if isinstance(given, list):
            return None
        plan = self.plan(query, operation_name, operation, given, context.viewer)
        if isinstance(plan, Unplannable):
            return self._leave(plan.reason, context)
        try:
            fetch = Fetch(plan, context, given)
            if context.trace is not None:
                context.trace.plan = plan
            try:
                await begin(fetch)
                answer = self._assembled(plan, fetch)
            finally:
                fetch.release()
        except Exception:  # noqa: BLE001 - a query can be asked again: the plain executor answers it
            _log.exception("a plan could not be run")
            return self._leave("unforeseen", context)
        self.fallbacks.planned += 1
        return answer

    def plan(
        self,
        query: str,
        operation_name: str | None,
        operation: _Operation,
        given: Given,
        viewer: Viewer,
    ) -> Plan | Unplannable:
        """The plan, made or kept; or why there is none."""
        steered: tuple[bool, ...] = ()
        if operation.steering:
            steered = tuple(bool(given.coerced.get(name)) for name in operation.steering)
        changed: Hashable = None
        if viewer.restricted or viewer.rows is not None:
            changed = self._touched((query, operation_name, steered), operation, given, viewer)
        key = (query, operation_name, steered, changed)
        found = self._plans.get(key)
        if found is None:
            try:
                found = self._planner.plan(operation.definition, operation.fragments, given.coerced, viewer)
                try:
                    found.refusals = refusals_of(found)
                    found.assemble = compiled(found, self._systems)
                except Ungenerated as why:
                    found.why_interpreted = str(why)
            except Unplannable as why:
                found = why
            except Exception:  # noqa: BLE001 - the plain executor answers; the log has the place
                _log.exception("an operation could not be planned")
                found = Unplannable("unforeseen")
            self._plans.put(key, found)
        return found

    def _leave(self, reason: str, context: RequestContext) -> None:
        """Leaves an operation to the plain executor, and counts it."""
        self.fallbacks.count(reason)
        if context.trace is not None:
            context.trace.reason = reason

    def _touched(
        self, key: tuple[Hashable, ...], operation: _Operation, given: Given, viewer: Viewer
    ) -> Hashable:
        """What the viewer's rights change in the plan, worked out once for those of the same rights."""
        key = (*key, self._rights.of(viewer))
        found = self._changes.get(key)
        if found is None:
            selected = selection_of(
                self._schema, operation.definition, operation.fragments, dict(given.coerced)
            )
            found = (touched(viewer, selected),)
            self._changes.put(key, found)
        return found[0]

    def prepared(self, query: str, operation_name: str | None) -> Plan | str:
        """The plan of a document, with no variables; or the reason why there is none.

        Raises ``ValueError`` for what is no document of this graph, or has no such operation.
        """
        try:
            document = parse(query)
        except GraphQLSyntaxError as error:
            raise ValueError(error.message) from error
        errors = validate(self._schema, document)
        if errors:
            raise ValueError(errors[0].message)
        operation = self._operation((query, operation_name), document)
        if operation is None:
            raise ValueError("there is no such operation; several need a name")
        plan = self.plan(query, operation_name, operation, Given({}), UNRESTRICTED)
        return plan.reason if isinstance(plan, Unplannable) else plan

    def _assembled(self, plan: Plan, fetch: Fetch) -> Answer:
        budget = answer_budget.get()
        if plan.assemble is not None:
            try:
                text = plan.assemble(fetch)
                errors: Sequence[GraphQLError] = ()
                if plan.refusals is not None:
                    errors = plan.refusals.errors(orjson.loads(text), fetch.variables)
                if budget is None or budget.take(fetch.objects_listed):
                    if fetch.context.trace is not None:
                        fetch.context.trace.by_code = True
                    return Answer(orjson.Fragment(text), errors, fetch.loads.rounds)
            except Exception:  # noqa: BLE001, S110 - not as usual: what it is, the careful way finds out
                pass
            self.fallbacks.interpreted += 1
        assembly = Assembly(fetch)
        data = assembly.data()
        return Answer(data, assembly.errors, fetch.loads.rounds)

    def _operation(self, key: tuple[str, str | None], document: DocumentNode) -> _Operation | None:
        """An operation, by its document's text and its own name, that is kept from now on."""
        definition = get_operation_ast(document, key[1])
        if definition is None:
            return None
        fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        variables = Variables(self._schema, definition.variable_definitions or ())
        found = _Operation(definition, fragments, steering(definition, fragments), variables)
        self._operations.put(key, found)
        return found
