"""How much a document asks for: one pass over it, before it is validated, each fragment looked at once.

What the schema does not know counts as a field that costs nothing: validation refuses it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NamedTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from gateway.limits.cost import MOST, Cost, FieldCost, Formula, Size, Variable, size_of
from schema.cost import (
    CONNECTION,
    INTROSPECTION_WEIGHT,
    MUTATION_WEIGHT,
    PAGE,
    ListSize,
    list_size_of,
    weight_of_field,
)

NESTING = 200
"""Selections within selections that are looked at: whatever is deeper is too deep."""

_INTROSPECTION = frozenset({"__schema", "__type"})


class Nested(Exception):
    """The document is nested more deeply than anything is looked at."""


@dataclass(slots=True)
class Tally:
    """What a selection comes to. ``sized``: the part of its cost that its parent's list size multiplies."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False
    cost: Cost | None = None
    sized: Cost | None = None

    def add(self, other: Tally) -> None:
        self.fields = min(self.fields + other.fields, MOST)
        self.aliases = min(self.aliases + other.aliases, MOST)
        self.directives = min(self.directives + other.directives, MOST)
        self.introspects = self.introspects or other.introspects


@dataclass(frozen=True, slots=True)
class Measured:
    """A document's counts: the highest of its operations and fragments, and each operation's cost."""

    depth: int
    fields: int
    aliases: int
    directives: int
    fragments: int
    list_items: int
    introspects: bool
    formula: Formula
    costs: Mapping[str | None, tuple[Cost, Mapping[str, int]]]

    def cost(self, operation_name: str | None, variables: Mapping[str, Any]) -> int:
        """The points of one of its operations; 0 where there is none of the name."""
        known = self.costs.get(operation_name)
        if known is None:
            return 0
        cost, defaults = known
        return self.formula.value(cost, variables, defaults) if cost.terms else cost.constant


class Costs:
    """What each field of a schema costs, worked out when it is first met."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._fields: dict[tuple[str, str], FieldCost] = {}

    def of(self, parent: Any, name: str) -> FieldCost:
        key = (parent.name, name)
        found = self._fields.get(key)
        if found is None:
            field = parent.fields[name]
            value = cast(Any, get_named_type)(field.type)
            weight = weight_of_field(parent.name, name, value.name) if is_composite_type(value) else 0
            if parent is self.schema.mutation_type:
                weight = MUTATION_WEIGHT
            found = self._fields[key] = FieldCost(weight, list_size_of(parent.name, name, field))
        return found


def measure(document: DocumentNode, costs: Costs) -> Measured:
    """Counts a document. Raises ``Nested``."""
    return _Measure(document, costs).measured()


class _Measure:
    def __init__(self, document: DocumentNode, costs: Costs) -> None:
        self._costs = costs
        self._types = costs.schema.type_map
        self._formula = Formula()
        self._operations = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Tally] = {}
        self._list_items = 0

    def measured(self) -> Measured:
        tallies: list[Tally] = []
        costs: dict[str | None, tuple[Cost, Mapping[str, int]]] = {}
        for operation in self._operations:
            defaults = {
                each.variable.name.value: size_of(self._literal(each.default_value), 0)
                for each in operation.variable_definitions or ()
                if each.default_value is not None
            }
            root = self._costs.schema.get_root_type(operation.operation)
            tally = self._selection(root, operation.selection_set, 0)
            tally.directives += len(operation.directives or ())
            tallies.append(tally)
            cost = tally.cost or Cost(0)
            if operation.operation is OperationType.SUBSCRIPTION:
                cost = self._formula.cost(1, [(1, cost)])
            costs[operation.name.value if operation.name else None] = (cost, defaults)
        if len(self._operations) == 1:
            costs[None] = next(iter(costs.values()))
        tallies += [self._fragment(name, 0) for name in self._fragments]
        return Measured(
            depth=max((each.depth for each in tallies), default=0),
            fields=max((each.fields for each in tallies), default=0),
            aliases=max((each.aliases for each in tallies), default=0),
            directives=max((each.directives for each in tallies), default=0),
            fragments=len(self._fragments),
            list_items=self._list_items,
            introspects=any(each.introspects for each in tallies),
            formula=self._formula,
            costs=costs,
        )

    def _selection(self, parent: Any, selection: SelectionSetNode, level: int) -> Tally:
        if level > NESTING:
            raise Nested
        tally = Tally()
        constant = 0
        plain: list[tuple[Size, Cost]] = []
        sized: list[tuple[Size, Cost]] = []
        for node in selection.selections:
            tally.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                tally.fields += 1
                tally.aliases += node.alias is not None
                name = node.name.value
                if name in _INTROSPECTION:
                    tally.introspects = True
                    constant += INTROSPECTION_WEIGHT
                within = self._field(parent, node, level, plain, sized)
                tally.depth = max(tally.depth, within.depth + 1)
            else:
                within = self._spread(parent, node, level)
                tally.depth = max(tally.depth, within.depth)
                if within.cost is not None:
                    plain.append((1, within.cost))
                if within.sized is not None:
                    sized.append((1, within.sized))
            tally.add(within)
        tally.cost = self._formula.cost(constant, plain)
        tally.sized = self._formula.cost(0, sized) if sized else None
        return tally

    def _spread(self, parent: Any, node: Any, level: int) -> Tally:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value, level)
        assert isinstance(node, InlineFragmentNode)
        condition = node.type_condition
        narrowed = parent if condition is None else self._type(condition)
        return self._selection(narrowed, node.selection_set, level + 1)

    def _type(self, condition: NamedTypeNode) -> Any:
        """The type that a fragment is on; None where it has no fields."""
        found = self._types.get(condition.name.value)
        return found if isinstance(found, (GraphQLObjectType, GraphQLInterfaceType)) else None

    def _fragment(self, name: str, level: int) -> Tally:
        found = self._known.get(name)
        if found is None:
            fragment = self._fragments.get(name)
            # While it is looked at, it counts as nothing: a fragment within itself is refused by validation.
            self._known[name] = Tally()
            if fragment is None:
                return self._known[name]
            found = self._selection(self._type(fragment.type_condition), fragment.selection_set, level + 1)
            found.directives += len(fragment.directives or ())
            self._known[name] = found
        return found

    def _field(
        self,
        parent: Any,
        node: FieldNode,
        level: int,
        plain: list[tuple[Size, Cost]],
        sized: list[tuple[Size, Cost]],
    ) -> Tally:
        """The field's own counts; its cost goes to ``plain`` or ``sized``."""
        for argument in node.arguments or ():
            if not isinstance(argument.value, (VariableNode, IntValueNode)):
                self._literal(argument.value)
        name = node.name.value
        known = None if parent is None else parent.fields.get(name)
        value: Any = None if known is None else cast(Any, get_named_type)(known.type)
        if not isinstance(value, (GraphQLObjectType, GraphQLInterfaceType)):
            value = None
        within = Tally()
        if node.selection_set is not None:
            within = self._selection(value, node.selection_set, level + 1)
        if known is None:
            return within
        cost = self._costs.of(parent, name)
        terms: list[tuple[Size, Cost]] = [] if within.cost is None else [(1, within.cost)]
        size = None if cost.size is None else self._size(cost.size, node)
        if size is not None and cost.size is not None and cost.size.sized:
            if within.sized is not None:
                terms.append((size, within.sized))
            size = None
        elif within.sized is not None:
            terms.append((1, within.sized))
        total = self._formula.cost(cost.weight, terms)
        if cost.size is None and name in PAGE and cast(Any, parent).name.endswith(CONNECTION):
            sized.append((1, total))
        else:
            plain.append((1 if size is None else size, total))
        return within

    def _size(self, size: ListSize, node: FieldNode) -> Size:
        given: ArgumentNode | None = next(
            (each for each in node.arguments or () if each.name.value == size.slicing), None
        )
        if given is None:
            return size.assumed
        if isinstance(given.value, VariableNode):
            return Variable(given.value.name.value, size.assumed)
        return size_of(self._literal(given.value), size.assumed)

    def _literal(self, node: ValueNode) -> Any:
        """A literal as far as sizes are concerned; the longest list is noted on the way."""
        if isinstance(node, IntValueNode):
            # Wider numbers are no Int; Python would take its time over them.
            return int(node.value) if len(node.value) <= 16 else None
        if isinstance(node, ListValueNode):
            self._list_items = max(self._list_items, len(node.values))
            return [self._literal(each) for each in node.values]
        if isinstance(node, ObjectValueNode):
            for field in node.fields:
                self._literal(field.value)
        return None
