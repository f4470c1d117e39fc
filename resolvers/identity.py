"""Who is who: from an object of one system to the records of the same customer in the others.

Links are link fields of the systems' own rows. What was seen is kept as cross-references, used only when
the system that knows a link is down. Two records that claim one counterpart are a conflict that is
reported, never silently picked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.contracts.errors import Conflict, SystemFault, Unreachable
from adapters.contracts.vocabulary import RecordType, System, link_field
from resolvers.edges import CUSTOMER_IN_CRM
from resolvers.entity import Slice
from resolvers.ids import Ref
from resolvers.ports import Relation, Systems

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.entity import Entity


@dataclass(frozen=True, slots=True)
class Located:
    """A record id and the connection it is of; None for a connection that is still to be asked."""

    connection: str
    record_id: str


class Identity:
    """Finds counterparts within one request, through the request's loads."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._systems = context.systems

    def locate(self, system: System, record_type: RecordType, value: str) -> Located:
        return located_in(self._systems, system, record_type, value)

    async def slice_of_customer(self, customer: Entity, system: System) -> Slice:
        """The customer's record in a system other than the CRM."""
        known, located = await self._known_by_crm(customer, system)
        if known:
            if located is None:
                return None
            row = await self._context.loads.by_id(located.connection, RecordType.CUSTOMER, located.record_id)
            if row is None:
                return None
            return row, self._systems.resource(located.connection, RecordType.CUSTOMER).fields
        found = await self._claims(customer, system)
        if len(found) > 1:
            records = ", ".join(sorted(each.record_id for each, _ in found))
            raise _at(
                system,
                Conflict(
                    f"{len(found)} {system.value} records claim this customer ({records}); none was picked"
                ),
            )
        return found[0][1] if found else None

    async def customer_in(self, customer: Entity, system: System) -> Located | None:
        """Where a customer's record in a system is; None where the system has none."""
        if system is System.CRM:
            return Located(customer.ref.connection, customer.ref.record_id)
        known, located = await self._known_by_crm(customer, system)
        if known:
            return located
        found = await self._claims(customer, system)
        if len(found) > 1:
            raise _at(system, Conflict(f"{len(found)} {system.value} records claim this customer"))
        return found[0][0] if found else None

    async def customer_of(self, entity: Entity) -> Ref | None:
        """The customer behind a subscription, invoice or payment; None where nobody in the CRM is."""
        if entity.ref.type is RecordType.CUSTOMER:
            return entity.ref
        direct = await entity.link(CUSTOMER_IN_CRM)
        if direct is not None:
            crm = self.locate(System.CRM, RecordType.CUSTOMER, direct)
            return Ref(RecordType.CUSTOMER, crm.connection, crm.record_id)
        link = link_field(RecordType.CUSTOMER, entity.anchor_system)
        own = await entity.link(link)
        if own is None:
            return None
        return await self._by_counterpart(entity, link, own)

    async def _by_counterpart(self, entity: Entity, link: str, own: str) -> Ref | None:
        """The CRM customer whose link names ``own``, or whom the system's own customer record names."""
        askable = [
            connection
            for connection in self._systems.connections(System.CRM, RecordType.CUSTOMER)
            if self._systems.resource(connection, RecordType.CUSTOMER).finds_by(link)
        ]
        if askable:
            several = len(self._systems.connections(entity.anchor_system, RecordType.CUSTOMER)) > 1
            value = f"{entity.ref.connection}:{own}" if several else own
            found = await self._find(askable, link, value)
            if len(found) > 1:
                raise _at(
                    System.CRM,
                    Conflict(f"{len(found)} customers claim one {entity.anchor_system.value} record"),
                )
            return Ref(RecordType.CUSTOMER, *found[0]) if found else None
        try:
            fields = self._systems.resource(entity.ref.connection, RecordType.CUSTOMER).fields
        except KeyError:
            return None
        row = await self._context.loads.by_id(entity.ref.connection, RecordType.CUSTOMER, own)
        value = None if row is None or CUSTOMER_IN_CRM not in fields else fields.read(row, CUSTOMER_IN_CRM)
        if value is None:
            return None
        crm = self.locate(System.CRM, RecordType.CUSTOMER, str(value))
        return Ref(RecordType.CUSTOMER, crm.connection, crm.record_id)

    async def _find(self, connections: list[str], key: str, value: str) -> list[tuple[str, str]]:
        relations = [Relation(connection, RecordType.CUSTOMER, key, (), None) for connection in connections]
        pages = await asyncio.gather(
            *(self._context.loads.related(relation, value, None) for relation in relations)
        )
        return [
            (
                relation.connection,
                str(self._systems.resource(relation.connection, RecordType.CUSTOMER).fields.read(row, "id")),
            )
            for relation, page in zip(relations, pages, strict=True)
            for row in page.rows
        ]

    async def _known_by_crm(self, customer: Entity, system: System) -> tuple[bool, Located | None]:
        """Whether the CRM's own row holds the link, and its value: now, or when it was last seen."""
        link = link_field(RecordType.CUSTOMER, system)
        ref = customer.ref
        if link not in self._systems.resource(ref.connection, RecordType.CUSTOMER).fields:
            return False, None
        try:
            value = await customer.link(link)
        except SystemFault:
            value = await self._context.references.recall(ref.connection, ref.record_id, link)
            if value is None:
                raise
        return True, None if value is None else self.locate(system, RecordType.CUSTOMER, value)

    async def _claims(self, customer: Entity, system: System) -> list[tuple[Located, Slice]]:
        """The system's records that name this customer, from all its connections."""
        askable = [
            connection
            for connection in self._systems.connections(system, RecordType.CUSTOMER)
            if self._systems.resource(connection, RecordType.CUSTOMER).finds_by(CUSTOMER_IN_CRM)
        ]
        loads = self._context.loads
        pages = await asyncio.gather(
            *(
                loads.related(
                    Relation(connection, RecordType.CUSTOMER, CUSTOMER_IN_CRM, (), None),
                    customer.ref.record_id,
                    None,
                )
                for connection in askable
            )
        )
        found: list[tuple[Located, Slice]] = []
        for connection, page in zip(askable, pages, strict=True):
            fields = self._systems.resource(connection, RecordType.CUSTOMER).fields
            found += [(Located(connection, str(fields.read(row, "id"))), (row, fields)) for row in page.rows]
        return found


def located_in(systems: Systems, system: System, record_type: RecordType, value: str) -> Located:
    """The connection of a record id as a link field has it: ``"id"``, or ``"connection:id"``.

    A bare id is enough where the system has one connection; among several it would be a guess.
    """
    connections = systems.connections(system, record_type)
    name, _, rest = value.partition(":")
    if rest and name in connections:
        return Located(name, rest)
    if len(connections) == 1:
        return Located(connections[0], value)
    if not connections:
        raise _at(system, Unreachable(f"no {system.value} connection has {record_type.value} records"))
    message = f"a link to {system.value} does not say which of {len(connections)} connections it means"
    raise _at(system, Conflict(message))


def _at(system: System, fault: SystemFault) -> SystemFault:
    fault.system = system
    return fault
