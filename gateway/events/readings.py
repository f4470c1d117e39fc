"""Reading records again, many at once, where what was told of them is not enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
from gateway.events.canonical import Reading
from gateway.events.journal import Key
from gateway.systems.systems import ConnectedSystems
from resolvers.ids import Ref

CUSTOMER_IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)
_WANTED = ("status", CUSTOMER_IN_CRM, "due_on")


class Readings:
    """Reads what the journal keeps of records."""

    def __init__(self, systems: ConnectedSystems) -> None:
        self._systems = systems

    def anchored(self, connection: str, record_type: RecordType) -> bool:
        """Whether records of the connection are the objects of the graph, and not another view of them."""
        system = ANCHORS.get(record_type)
        return system is not None and connection in self._systems.connections(system, record_type)

    async def read(self, connection: str, keys: Iterable[Key], now: datetime) -> dict[Key, Reading]:
        """The records as they are now. Raises a ``SystemFault`` where they cannot be read."""
        by_type: dict[RecordType, list[str]] = defaultdict(list)
        for record_type, record_id in keys:
            by_type[record_type].append(record_id)
        found: dict[Key, Reading] = {}
        for record_type, ids in by_type.items():
            fields = self._systems.resource(connection, record_type).fields
            select = frozenset(name for name in _WANTED if name in fields)
            rows = await self._systems.read_many(connection, record_type, ids, select)
            for record_id in ids:
                row = rows.get(record_id)
                read = {} if row is None else {name: fields.read(row, name) for name in select}
                customer = read.get(CUSTOMER_IN_CRM)
                found[record_type, record_id] = Reading(
                    status=read.get("status"),
                    customer_in_crm=None if customer is None else str(customer),
                    due_on=read.get("due_on"),
                    at=now,
                )
        return found

    def customer(self, customer_in_crm: str | None) -> Ref | None:
        """The customer that a link to the CRM names: ``"id"``, or ``"connection:id"``."""
        if not customer_in_crm:
            return None
        names = self._systems.connections(System.CRM, RecordType.CUSTOMER)
        name, _, rest = customer_in_crm.partition(":")
        if rest and name in names:
            return Ref(RecordType.CUSTOMER, name, rest)
        # Among several a bare id would be a guess.
        return Ref(RecordType.CUSTOMER, names[0], customer_in_crm) if len(names) == 1 else None

    def system_of(self, connection: str) -> System:
        return self._systems.system_of(connection) or System.GATEWAY
