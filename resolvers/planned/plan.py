"""The plan of an operation, as data: what is selected of each type, what has to be fetched, by which steps.

A plan is made once for a document, an operation, the values that steer ``@skip`` and ``@include``, and the
rights of the viewer as far as they touch what is selected. It is shared by all requests for it: nothing in it
belongs to one request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import FieldNode, GraphQLField
from msgspec.structs import replace

from adapters.contracts.fields import Condition, Row
from adapters.contracts.vocabulary import RecordType, System
from resolvers.edges import Edge, Key, Reference
from resolvers.ports import Relation
from resolvers.viewer import Access

if TYPE_CHECKING:
    from resolvers.planned.arguments import Arguments
    from resolvers.planned.refusals import Refusals
    from resolvers.projection import Projection
    from resolvers.selection import Selection as Selected


@dataclass(slots=True, eq=False)
class FieldPlan:
    """One field of an answer.

    key:       the response key; ``name`` is the field as Python spells it, ``graph_name`` as the graph does.
    nodes:     the field's places in the document, several where selections were merged.
    children:  what is selected of the object types that can stand here; empty for a leaf.
    step:      what has to be fetched for it; None for what is read from what is there.
    access:    what becomes of it for the viewers of the plan. For one that is refused nothing is fetched.
    """

    key: str
    name: str
    graph_name: str
    parent: str
    nodes: tuple[FieldNode, ...]
    type: Any
    definition: GraphQLField
    arguments: Arguments
    children: Mapping[str, ObjectPlan] = field(default_factory=dict[str, "ObjectPlan"])
    step: Step | None = None
    access: Access = Access.ALLOWED
    system: System | None = None
    """The owner of a leaf of an entity."""


@dataclass(slots=True, eq=False)
class ObjectPlan:
    """What is selected of one object type at one place, in the order of the answer.

    slices:  for a customer, the systems other than the CRM whose record is read.
    refused: the first field that is refused and cannot be null: there is no such object for the viewer.
    by_id:   what needs nothing of a customer but its id, by the customer's connection, once it was asked for.
    """

    type_name: str
    fields: tuple[FieldPlan, ...]
    slices: tuple[SliceStep, ...] = ()
    steps: tuple[Step, ...] = ()
    hoists: tuple[Hoist, ...] = ()
    refused: FieldPlan | None = None
    by_id: dict[str, ById] = field(default_factory=dict[str, "ById"])


class ById(NamedTuple):
    """What can be begun with a customer's id alone. ``every``: that is all there is below it."""

    slices: tuple[SliceStep, ...]
    edges: tuple[EdgeStep, ...]
    hoists: tuple[Hoist, ...]
    every: bool


@dataclass(slots=True, eq=False)
class Step:
    """Something to fetch for all objects of a place at once. ``index`` numbers the steps of a plan."""

    index: int
    field: FieldPlan


@dataclass(slots=True, eq=False)
class SliceStep:
    """The customers' records in a system other than the CRM.

    linked: the connections of the CRM whose customers have a link to their record in the system.
    claims: whom to ask for records that name customers of others.
    """

    index: int
    system: System
    linked: frozenset[str]
    claims: tuple[Relation, ...]


@dataclass(slots=True, eq=False)
class EdgeStep(Step):
    """The pages of a relation.

    hoist:          fetched along with an ancestor's, where that suffices.
    sifted:         the viewer sees some of the children only, by what each of them says.
    sole:           whom to ask, where it is one connection.
    has_more_below: whether anything has to be fetched for the children themselves.
    sole_below:     what has to be, where that is no more than the pages of one relation.
    asked:          what is asked for, once that is known: the same for every request, from the beginning.
    """

    edge: Edge
    objects: tuple[ObjectPlan, ...] = ()
    hoist: Hoist | None = None
    sifted: bool = False
    sole: Sole | None = None
    has_more_below: bool = False
    sole_below: EdgeStep | None = None
    asked: Asked | None = None


class Asked(NamedTuple):
    """What the arguments of a relation ask for."""

    first: int
    after: str | None
    where: tuple[Condition, ...]


class Sole(NamedTuple):
    """The one connection to ask, by the key that it finds children by.

    relation:  to ask for, without conditions.
    shared:    whether all children are then read, as another field needs them.
    by_own_id: whether the parents' own ids are the key's values, and what is found is theirs alone.
    ids:       reads the ids of children.
    """

    connection: str
    key: Key
    relation: Relation
    shared: bool
    by_own_id: bool
    ids: Callable[[Sequence[Row]], list[str]]

    def asked(self, where: tuple[Condition, ...], first: int) -> tuple[Relation, int | None]:
        """What to ask for, and how many rows of each parent; None for all."""
        if where:
            return replace(self.relation, where=where), first
        return self.relation, None if self.shared else first


@dataclass(slots=True, eq=False)
class OneStep(Step):
    """The one record of a relation that is not many."""

    edge: Edge


@dataclass(slots=True, eq=False)
class ReferenceStep(Step):
    """The object that a link names. ``reference`` is None where an object of the gateway names it itself."""

    reference: Reference | None


@dataclass(slots=True, eq=False)
class RevenueStep(Step):
    """All subscriptions of customers, for the sum of what they bring."""


@dataclass(slots=True, eq=False)
class RecordsStep(Step):
    """Where objects live. Told when all else is fetched."""


@dataclass(slots=True, eq=False)
class TimelineStep(Step):
    """A page of the log of each customer."""


@dataclass(slots=True, eq=False)
class RootStep(Step):
    """A field of the query itself.

    objects: what is selected of the objects of a list, once it was asked for.
    """

    objects: tuple[ObjectPlan, ...] | None = None


@dataclass(slots=True, eq=False)
class Hoist:
    """A relation of a customer's descendants, fetched by a key of the customer itself.

    edge:  the descendants' relation; ``key`` finds its children by the customer.
    link:  says which descendant each child belongs to; None where the children are only read ahead of time,
           and the descendants find them by the same key themselves.
    """

    edge: Edge
    connection: str
    key: Key
    link: str | None
    relation: Relation = field(init=False)
    """What to ask for."""

    def __post_init__(self) -> None:
        self.relation = Relation(self.connection, self.edge.child, self.key.child, (), None)


@dataclass(slots=True, eq=False)
class Plan:
    """A plan that may be run.

    steps:  how many steps it has.
    refusals: tells the errors of refused fields of an answer that generated code assembled.
    sifts:  whether it has lists of which the viewer sees a part only.
    again:  kinds of records that may be read by id after they came by a relation.
    sole_root: the one field of the query, where all that is fetched is fetched for it, or below it.
    """

    root: ObjectPlan
    selected: Selected
    projection: Projection
    steps: int
    sifts: bool
    again: frozenset[RecordType]
    assemble: Callable[[Any], str] | None = None
    refusals: Refusals | None = None
    fields: tuple[FieldPlan, ...] = ()
    roots: tuple[RootStep, ...] = ()
    sole_root: RootStep | None = None
    asks_records: bool = False
    hoists: tuple[Hoist, ...] = ()
    why_interpreted: str | None = None


class Unplannable(Exception):
    """The operation is left to the plain executor. ``reason`` is one of a closed list, for the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
