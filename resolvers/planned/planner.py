"""From a document to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNonNull,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    TypeNameMetaFieldDef,
    get_named_type,
    is_abstract_type,
    is_object_type,
)
from strawberry.utils.str_converters import to_snake_case

from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.edges import EDGES, REFERENCES, Edge
from resolvers.loads import Relation
from resolvers.planned.arguments import Arguments
from resolvers.planned.collect import Collector, sets_of
from resolvers.planned.hoist import hoisted
from resolvers.planned.identity import claims_on, linked_to
from resolvers.planned.plan import (
    EdgeStep,
    FieldPlan,
    ObjectPlan,
    OneStep,
    Plan,
    RecordsStep,
    ReferenceStep,
    RevenueStep,
    RootStep,
    SliceStep,
    Sole,
    Step,
    TimelineStep,
    Unplannable,
)
from resolvers.ports import Systems
from resolvers.projection import Projection
from resolvers.related import key_of, shared_by
from resolvers.rows import is_sifted
from resolvers.selection import selection_of
from resolvers.viewer import Access, Viewer
from schema.ownership import Ownership

ENTITIES: Mapping[str, RecordType] = {each.value: each for each in ANCHORS}

ROOT_LISTS: Mapping[str, RecordType] = {f"{each.value.lower()}s": each for each in ANCHORS}
"""Root lists of objects of systems, by name, as Python and the graph spell it."""

_NAMED = frozenset({("Command", "target"), ("BusinessEvent", "customer"), ("BusinessEvent", "subject")})
"""Fields of the gateway's own objects that name an object of a system."""

_INTROSPECTION = frozenset({"__schema", "__type"})


class Planner:
    """Makes plans for one schema over one set of systems."""

    def __init__(self, graph: strawberry.Schema, systems: Systems, ownership: Ownership) -> None:
        self._graph = graph
        self._schema = graph._schema  # pyright: ignore[reportPrivateUsage]
        self._systems = systems
        self._ownership = ownership

    def plan(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        viewer: Viewer,
    ) -> Plan:
        """The plan of a query, for all viewers of the same rights. Raises ``Unplannable`` with the reason."""
        if operation.operation is not OperationType.QUERY:
            raise Unplannable(operation.operation.value)
        return _Making(self, operation, fragments, variables, viewer).plan()

    def arguments(self, definition: Any, node: FieldNode) -> Arguments:
        declared = _declared(definition)
        converter: Any = self._graph.schema_converter
        return Arguments(definition, declared, node, self._graph.config, converter.scalar_registry)

    @property
    def schema(self) -> Any:
        return self._schema

    @property
    def systems(self) -> Systems:
        return self._systems

    @property
    def ownership(self) -> Ownership:
        return self._ownership


class _Making:
    def __init__(
        self,
        planner: Planner,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        viewer: Viewer,
    ) -> None:
        self._planner = planner
        self._schema = planner.schema
        self._operation = operation
        self._collector = Collector(self._schema, fragments, variables)
        selected = selection_of(self._schema, operation, fragments, dict(variables))
        self._viewer = viewer
        self._selected = selected.allowed(viewer)
        self._steps = 0
        self._sifts = False
        self._fields: list[FieldPlan] = []
        self._kinds: set[type[Step]] = set()
        self._again: set[RecordType] = set()
        self._customers: list[ObjectPlan] = []

    def plan(self) -> Plan:
        query: GraphQLObjectType = self._schema.query_type
        root = self._object(query, [self._operation.selection_set])
        projection = Projection(
            self._selected, self._planner.ownership, self._planner.systems, self._viewer.rows
        )
        # Where a field that may not be null is refused at once, nothing else is asked for.
        roots = sorted(
            (field.step for field in root.fields if isinstance(field.step, RootStep)),
            key=lambda step: not isinstance(step.field.type, GraphQLNonNull),
        )
        # What is sifted is read as far as it takes, by each parent's own key.
        hoists = () if self._sifts else tuple(hoisted(self._customers, self._planner.systems))
        alone = len(roots) == 1 and root.refused is None and RecordsStep not in self._kinds
        return Plan(
            root=root,
            selected=self._selected,
            projection=projection,
            steps=self._steps,
            sifts=self._sifts,
            again=frozenset(self._again),
            fields=tuple(self._fields),
            roots=tuple(roots),
            sole_root=roots[0] if alone else None,
            asks_records=RecordsStep in self._kinds,
            hoists=hoists,
        )

    def _object(self, graph_type: GraphQLObjectType, sets: list[Any]) -> ObjectPlan:
        fields = tuple(
            self._field(graph_type, key, nodes)
            for key, nodes in self._collector.fields(graph_type, sets).items()
        )
        systems = {
            field.system
            for field in fields
            if field.system is not None and field.system is not self._anchor(graph_type.name)
        }
        if systems and graph_type.name != RecordType.CUSTOMER.value:
            raise Unplannable("ownership")
        plan = ObjectPlan(
            graph_type.name,
            fields,
            slices=tuple(
                SliceStep(
                    self._next(),
                    system,
                    linked_to(self._planner.systems, system),
                    claims_on(self._planner.systems, system),
                )
                for system in sorted(systems, key=lambda system: system.value)
            ),
            steps=tuple(field.step for field in fields if field.step is not None),
            refused=next((field for field in fields if _is_fatal(field)), None),
        )
        if graph_type.name == RecordType.CUSTOMER.value:
            self._customers.append(plan)
        return plan

    @staticmethod
    def _anchor(type_name: str) -> System | None:
        record_type = ENTITIES.get(type_name)
        return None if record_type is None else ANCHORS[record_type]

    def _field(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> FieldPlan:
        graph_name = nodes[0].name.value
        if graph_name in _INTROSPECTION:
            raise Unplannable("introspection")
        definition: Any = TypeNameMetaFieldDef if graph_name == "__typename" else parent.fields[graph_name]
        declared = _declared(definition)
        name: str = graph_name if declared is None else declared.python_name
        named: Any = cast(Any, get_named_type)(definition.type)
        field = FieldPlan(
            key=key,
            name=name,
            graph_name=graph_name,
            parent=parent.name,
            nodes=tuple(nodes),
            type=definition.type,
            definition=definition,
            arguments=self._planner.arguments(definition, nodes[0]),
            # As the guard of the plain executor names it.
            access=self._viewer.field(parent.name, to_snake_case(graph_name)),
        )
        self._fields.append(field)
        if field.access is Access.FORBIDDEN:
            return field
        sets = sets_of(nodes)
        if sets:
            possible: list[GraphQLObjectType] = (
                self._schema.get_possible_types(named) if is_abstract_type(named) else [named]
            )
            field.children = {
                each.name: self._object(each, sets) for each in possible if is_object_type(each)
            }
        field.step = self._step(parent.name, field)
        if field.step is not None:
            self._kinds.add(type(field.step))
        elif parent.name in ENTITIES and name not in {"id", "__typename"}:
            field.system = self._planner.ownership.owner(parent.name, name)
        return field

    def _step(self, parent: str, field: FieldPlan) -> Step | None:
        name = field.name
        if parent == self._schema.query_type.name:
            if name == "__typename":
                return None
            self._sifts |= self._viewer.rows is not None and name in ROOT_LISTS
            return RootStep(self._next(), field)
        if (parent, name) in _NAMED:
            self._again |= set(ENTITIES.values())
            return ReferenceStep(self._next(), field, None)
        record_type = ENTITIES.get(parent)
        if record_type is None:
            return None
        edge = EDGES.get((record_type, name))
        if edge is not None:
            if not edge.many:
                return OneStep(self._next(), field, edge)
            objects = tuple(below(field, edge.child.value))
            sifted, sole = is_sifted(self._viewer.rows, edge), self._sole(edge)
            self._sifts |= sifted
            if record_type is not RecordType.CUSTOMER and (sifted or sole is None or not sole.by_own_id):
                # The customer behind an object may be needed to find its children.
                self._again.add(RecordType.CUSTOMER)
            return EdgeStep(
                self._next(),
                field,
                edge,
                objects,
                sifted=sifted,
                sole=sole,
                has_more_below=any(each.slices or each.steps for each in objects),
                sole_below=_sole_edge(objects),
            )
        reference = REFERENCES.get((record_type, name))
        if reference is not None:
            self._again.add(reference.child)
            return ReferenceStep(self._next(), field, reference)
        if name == "records":
            return RecordsStep(self._next(), field)
        if name == "recurring_revenue" and record_type is RecordType.CUSTOMER:
            return RevenueStep(self._next(), field)
        if name == "timeline":
            return TimelineStep(self._next(), field)
        return None

    def _sole(self, edge: Edge) -> Sole | None:
        systems = self._planner.systems
        names = systems.connections(edge.system, edge.child)
        if len(names) != 1:
            return None
        resource = systems.resource(names[0], edge.child)
        key = key_of(edge, resource)
        if key is None:
            return None
        relation = Relation(names[0], edge.child, key.child, (), None)
        by_own_id = key.parent == "id" and key.only is None
        shared = shared_by(edge, key, (), self._selected)
        return Sole(names[0], key, relation, shared, by_own_id, resource.fields.texts("id"))

    def _next(self) -> int:
        self._steps += 1
        return self._steps - 1


def _sole_edge(objects: Sequence[ObjectPlan]) -> EdgeStep | None:
    """The only thing to be fetched for objects, where that is a relation whose children are all seen."""
    if len(objects) != 1 or objects[0].type_name == RecordType.CUSTOMER.value:
        return None
    steps = objects[0].steps
    only = steps[0] if len(steps) == 1 and not objects[0].slices else None
    return only if isinstance(only, EdgeStep) and not only.sifted else None


def _is_fatal(field: FieldPlan) -> bool:
    return field.access is Access.FORBIDDEN and isinstance(field.type, GraphQLNonNull)


def _declared(definition: Any) -> Any:
    """Strawberry's own definition of a field; None for ``__typename``."""
    extensions: dict[str, Any] = definition.extensions or {}
    return extensions.get("strawberry-definition")


def below(field: FieldPlan, type_name: str) -> list[ObjectPlan]:
    """What is selected of the objects of a connection: by ``nodes``, and by ``edges``."""
    found: list[ObjectPlan] = []
    for page in field.children.values():
        for part in page.fields:
            if part.name == "nodes":
                found += [part.children[type_name]]
            elif part.name == "edges":
                for place in part.children.values():
                    found += [each.children[type_name] for each in place.fields if each.name == "node"]
    return found
