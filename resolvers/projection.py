"""Which canonical fields to ask each system for, worked out from the operation's selection."""

from __future__ import annotations

from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
from resolvers.edges import CUSTOMER_IN_CRM, EDGES, REFERENCES
from resolvers.ports import Systems
from resolvers.rows import needed
from resolvers.selection import Selection
from resolvers.viewer import Rows
from schema.ownership import Ownership

_VALUES = frozenset({RecordType.CONTRACT_TERMS, RecordType.LEDGER_ENTRY})
"""Records without identity in the graph; their type there has the record type's name."""

_LINKING = frozenset(
    {"records", "recurring_revenue", *(field for _, field in EDGES), *(f for _, f in REFERENCES)}
)
"""Fields that need links of their object to be known."""


class Projection:
    """For each (connection, kind of record) the fields that this operation may read of it."""

    def __init__(
        self, selection: Selection, ownership: Ownership, systems: Systems, rows: Rows | None = None
    ) -> None:
        self._selection = selection
        self._ownership = ownership
        self._systems = systems
        self._rows = rows
        self._selects: dict[tuple[str, RecordType], frozenset[str]] = {}

    def select(self, connection: str, record_type: RecordType) -> frozenset[str]:
        """The canonical fields to ask a connection for."""
        key = connection, record_type
        found = self._selects.get(key)
        if found is None:
            found = self._selects[key] = self._work_out(connection, record_type)
        return found

    def _work_out(self, connection: str, record_type: RecordType) -> frozenset[str]:
        supplied = self._systems.resource(connection, record_type).fields.supplies()
        selected = self._selection.of(record_type.value) | needed(self._rows, record_type)
        if record_type in _VALUES:
            return (selected & supplied) | {"id"}
        system = self._systems.system_of(connection)
        wanted = {
            name for name in selected if name in supplied and self._owner(record_type, name) is system
        } | {"id"}
        if self._selection.has("Customer", "recurring_revenue") and record_type is RecordType.SUBSCRIPTION:
            wanted |= {"recurring_revenue", "status"}
        if system is ANCHORS[record_type]:
            wanted |= self._links(record_type, supplied)
        elif system is not None and record_type is RecordType.CUSTOMER and not self._linked_by_crm(system):
            # Where the CRM has no link to the system, its own rows tell whose they are.
            wanted.add(CUSTOMER_IN_CRM)
        return frozenset(wanted & supplied)

    def _linked_by_crm(self, system: System) -> bool:
        link = link_field(RecordType.CUSTOMER, system)
        return any(
            self._systems.resource(name, RecordType.CUSTOMER).finds_by(link)
            for name in self._systems.connections(System.CRM, RecordType.CUSTOMER)
        )

    def _owner(self, record_type: RecordType, name: str) -> System | None:
        owned = self._ownership.fields.get((record_type.value, name))
        return None if owned is None else owned.system

    def _links(self, record_type: RecordType, supplied: frozenset[str]) -> set[str]:
        links = {name for name in supplied if "_in_" in name}
        # The CRM's links are a column each and serve when the CRM is down; those of others can cost a join.
        linking = self._rows is not None or self._selection.of(record_type.value) & _LINKING
        if record_type is RecordType.CUSTOMER or linking:
            return links
        return links & self._links_to_parents(record_type)

    def _links_to_parents(self, record_type: RecordType) -> set[str]:
        """By what objects are told apart that may come for all descendants of a customer at once."""
        return {
            key.only or key.child
            for edge in EDGES.values()
            if edge.child is record_type
            and edge.parent is not RecordType.CUSTOMER
            and self._selection.has(edge.parent.value, edge.field)
            for key in edge.keys
        }
