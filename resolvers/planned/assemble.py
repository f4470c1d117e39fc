"""The answer from what was fetched, value by value, with every rule of GraphQL: errors, nulls, paths.

The reference for what generated code gives faster: it takes over where a value is not as the code expects,
or where something failed. As https://spec.graphql.org/draft/#sec-Executing-Selection-Sets has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    is_abstract_type,
    is_leaf_type,
    located_error,
)

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import FieldMap
from adapters.contracts.resource import Page
from adapters.contracts.vocabulary import ANCHORS, System
from resolvers.connection import Connection, ConnectionEdge, connection
from resolvers.cursors import Place, encode_cursor
from resolvers.entity import resolve_leaf
from resolvers.errors import fault_of, forbidden
from resolvers.ids import Ref
from resolvers.masks import masked
from resolvers.planned.fetch import Fetch
from resolvers.planned.item import UNREAD, Item, Kids
from resolvers.planned.plan import (
    EdgeStep,
    FieldPlan,
    ObjectPlan,
    OneStep,
    ReferenceStep,
    RootStep,
    SliceStep,
)
from resolvers.planned.roots import Listed
from resolvers.viewer import Access

_Path = tuple[str | int, ...]

_QUERY = object()


class Assembly:
    """Assembles one answer. ``errors`` are in the order of the document, depth first."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._systems = fetch.systems
        self.errors: list[GraphQLError] = []

    def data(self) -> dict[str, Any] | None:
        """The answer's data; None where an error reached its root: then nothing else is told."""
        try:
            return self._object(self._fetch.plan.root, _QUERY, ())
        except GraphQLError as error:
            self.errors = [error]
            return None

    def _object(self, plan: ObjectPlan, source: Any, path: _Path) -> dict[str, Any]:
        if plan.refused is not None:
            # Told before whatever may be wrong with the fields beside it.
            self._field(plan, plan.refused, source, (*path, plan.refused.key))
        return {field.key: self._field(plan, field, source, (*path, field.key)) for field in plan.fields}

    def _field(self, plan: ObjectPlan, field: FieldPlan, source: Any, path: _Path) -> Any:
        before = len(self.errors)
        try:
            value = (
                self._value(plan, field, source)
                if field.access is Access.ALLOWED
                else self._guarded(plan, field, source)
            )
            return self._complete(field.type, field, value, path)
        except Exception as raw:
            error = located_error(raw, list(field.nodes), list(path))
            if isinstance(field.type, GraphQLNonNull):
                raise error from raw
            # What went wrong below a place that is null now is not told.
            del self.errors[before:]
            self.errors.append(error)
            return None

    def _complete(self, graph_type: Any, field: FieldPlan, value: Any, path: _Path) -> Any:
        if isinstance(value, Exception):
            raise value
        if isinstance(graph_type, GraphQLNonNull):
            completed = self._complete(cast("GraphQLNonNull[Any]", graph_type).of_type, field, value, path)
            if completed is None:
                raise TypeError(
                    f"Cannot return null for non-nullable field {field.parent}.{field.graph_name}."
                )
            return completed
        if value is None:
            return None
        if isinstance(graph_type, GraphQLList):
            return self._list(cast("GraphQLList[Any]", graph_type).of_type, field, value, path)
        if is_leaf_type(graph_type):
            written = graph_type.coerce_output_value(value)
            if written is None:
                raise TypeError(f"Expected a value of {graph_type}")
            return written
        if is_abstract_type(graph_type):
            name = value.type.value if isinstance(value, Item) else value.graph_type
        else:
            name = graph_type.name
        return self._object(field.children[name], value, path)

    def _list(self, item_type: Any, field: FieldPlan, value: Any, path: _Path) -> list[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise GraphQLError(
                f"Expected Iterable, but did not find one for field '{field.parent}.{field.graph_name}'."
            )
        found: list[Any] = []
        for at, item in enumerate(cast("Sequence[Any]", value)):
            here = (*path, at)
            before = len(self.errors)
            try:
                found.append(self._complete(item_type, field, item, here))
            except Exception as raw:
                error = located_error(raw, list(field.nodes), list(here))
                if isinstance(item_type, GraphQLNonNull):
                    raise error from raw
                del self.errors[before:]
                self.errors.append(error)
                found.append(None)
        return found

    def _guarded(self, plan: ObjectPlan, field: FieldPlan, source: Any) -> Any:
        """The value of a field that is masked; raises for one that is refused."""
        if field.access is Access.FORBIDDEN:
            field.arguments.values(self._fetch.variables)
            raise forbidden(f"{field.parent}.{field.graph_name}")
        value = self._value(plan, field, source)
        return value if isinstance(value, Exception) else masked(value)

    def _value(self, plan: ObjectPlan, field: FieldPlan, source: Any) -> Any:
        if field.name == "__typename":
            return plan.type_name
        if isinstance(source, Item):
            return self._of_item(plan, field, source)
        step = field.step
        if isinstance(step, RootStep):
            found = self._fetch.results[step.index]
            return self._listed(found) if isinstance(found, Listed) else found
        if isinstance(step, ReferenceStep):
            return self._fetch.results[step.index][id(source)]
        return resolve_leaf(source, field.name)

    def _of_item(self, plan: ObjectPlan, field: FieldPlan, item: Item) -> Any:
        if field.name == "id":
            return Ref(item.type, item.connection, item.id).encode()
        if field.system is not None:
            return self._leaf(plan, field, item, field.system)
        step = field.step
        assert step is not None
        outcome = self._fetch.results[step.index][item.connection][item.id]
        if isinstance(outcome, SystemFault):
            raise fault_of(outcome, _asked(step)) from outcome
        if isinstance(step, EdgeStep) and isinstance(outcome, Page | Kids):
            return self._page(step, field, outcome)
        return outcome

    def _leaf(self, plan: ObjectPlan, field: FieldPlan, item: Item, system: System) -> Any:
        if system is ANCHORS[item.type]:
            fields = self._systems.resource(item.connection, item.type).fields
            found: Any = None if item.row is None or item.row is UNREAD else (item.row, fields)
            if isinstance(item.row, SystemFault):
                found = item.row
        else:
            step = next(each for each in plan.slices if each.system is system)
            found = self._fetch.results[step.index][item.connection][item.id]
        return read_leaf(found, field.name, system)

    def _page(self, step: EdgeStep, field: FieldPlan, outcome: Page | Kids) -> Connection:
        edge = step.edge
        if isinstance(outcome, Page):
            name = self._systems.connections(edge.system, edge.child)[0]
            outcome = Kids(((name, outcome),), outcome.has_more)
        after: str | None = field.arguments.values(self._fetch.variables).get("after")
        try:
            return self._connection(edge.child, edge.name, outcome, after)
        except SystemFault as error:
            raise fault_of(error, edge.system) from error

    def _listed(self, listed: Listed) -> Connection:
        record_type = next(each for each in ANCHORS if listed.name.split(":")[0] == each.value)
        return self._connection(record_type, listed.name, listed.kids, listed.after)

    def _connection(self, record_type: Any, list_name: str, kids: Kids, after: str | None) -> Connection:
        edges = [
            ConnectionEdge(
                encode_cursor(list_name, Place(name, position)),
                Item(record_type, name, str(fields.read(row, "id")), row),
            )
            for name, page in kids.parts
            for fields in (self._systems.resource(name, record_type).fields,)
            for row, position in zip(page.rows, page.positions, strict=True)
        ]
        return connection(edges, has_more=kids.has_more, after=after)


def read_leaf(found: Any, name: str, system: System) -> Any:
    """A field of a slice: (row, fields), None where the system has no record, or a fault."""
    try:
        if isinstance(found, SystemFault):
            raise found
        if found is None:
            return None
        row, fields = cast("tuple[Any, FieldMap]", found)
        # A vendor that has no such field gives null: the field has an owner, and the owner has nothing.
        return fields.read(row, name) if name in fields else None
    except SystemFault as error:
        raise fault_of(error, system) from error


def _asked(step: Any) -> System:
    """The system that a step asks, for faults that name no other."""
    if isinstance(step, EdgeStep | OneStep):
        return step.edge.system
    if isinstance(step, ReferenceStep) and step.reference is not None:
        return step.reference.system
    return step.system if isinstance(step, SliceStep) else System.SUBSCRIPTIONS
