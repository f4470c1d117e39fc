"""Limits of rows as conditions that a vendor applies itself: what it leaves out is never read.

Where a vendor can filter by what a limit is about, it is asked to. Otherwise the viewer's own customers are
found first, where these are few, and the vendor is asked for what is theirs, as it is when a relation of
theirs is followed. What comes is held against the limits all the same; where neither is possible, a list is
read and sifted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from adapters.contracts.errors import Conflict, Unsupported
from adapters.contracts.fields import Condition, FieldMap, Op, Row
from adapters.contracts.resource import Page, Resource
from adapters.contracts.vocabulary import ANCHORS, RecordType, System, link_field
from resolvers.begun import begun
from resolvers.edges import CUSTOMER_IN_CRM, EDGES, Key
from resolvers.ids import Ref
from resolvers.ports import Relation
from resolvers.rows import ACCOUNT_MANAGER, LEGAL_ENTITY
from resolvers.viewer import Rows

if TYPE_CHECKING:
    from resolvers.context import RequestContext

MOST_OWN = 1_000
"""Customers that are found beforehand. A viewer of more meets its own often enough by reading on."""

Found = tuple[str, Row, FieldMap]
"""A connection, a row of a customer there, and what reads it."""

_CUSTOMER = RecordType.CUSTOMER
_KEYS: Mapping[RecordType, tuple[Key, ...]] = {
    _CUSTOMER: (Key("id", "id"),),
    RecordType.SUBSCRIPTION: EDGES[_CUSTOMER, "subscriptions"].keys,
    RecordType.INVOICE: EDGES[_CUSTOMER, "invoices"].keys,
    RecordType.PAYMENT: EDGES[_CUSTOMER, "payments"].keys,
}
"""By what an object names its customer, and which of the customer's ids that is."""


class Narrowing:
    """For the lists of one request. The viewer's own customers are found once."""

    def __init__(self, context: RequestContext, rows: Rows) -> None:
        self._context = context
        self._systems = context.systems
        self._rows = rows
        self._own: asyncio.Future[frozenset[Ref] | None] | None = None

    async def conditions(self, connection: str, record_type: RecordType) -> tuple[Condition, ...] | None:
        """What to ask of a connection beside the caller's own filter; none where it cannot be asked.

        None where the viewer sees nothing there. Raises the fault of a system that has to say.
        """
        rows = self._rows
        if rows.portfolio == "" or rows.legal_entities == frozenset() or rows.customers == frozenset():
            return None
        resource = self._systems.resource(connection, record_type)
        told = tuple(each for each in self._by_what_it_says(connection, record_type) if _able(resource, each))
        # An invoice says nothing of its customer but who that is.
        bound = rows.customers is not None
        if told and not (record_type is RecordType.INVOICE and (bound or rows.portfolio is not None)):
            return told
        # To read all for the sake of some customers that are known by name is never meant.
        otherwise = () if bound else told
        key = next((each for each in _KEYS[record_type] if resource.finds_by(each.child)), None)
        own = None if key is None else await self._customers()
        if key is None or own is None:
            return otherwise
        values = await self._values(own, key, connection, record_type)
        if values is None or len(values) > resource.caps.keys(key.child):
            return otherwise
        if not values:
            return None
        theirs = Condition(key.child, Op.IN, tuple(sorted(values)))
        return (*told, theirs) if _able(resource, theirs) else otherwise

    def _by_what_it_says(self, connection: str, record_type: RecordType) -> Iterator[Condition]:
        """Conditions on what the objects themselves say."""
        rows = self._rows
        if record_type is RecordType.INVOICE and rows.legal_entities is not None:
            # Invoices without an entity are as their customer is.
            yield Condition(LEGAL_ENTITY, Op.IN, (*sorted(rows.legal_entities), None))
        if record_type is _CUSTOMER:
            system = self._systems.system_of(connection)
            if rows.portfolio is not None and self._owner(ACCOUNT_MANAGER) is system:
                yield Condition(ACCOUNT_MANAGER, Op.IN, (rows.portfolio,))
            if rows.legal_entities is not None and self._owner(LEGAL_ENTITY) is system:
                yield Condition(LEGAL_ENTITY, Op.IN, tuple(sorted(rows.legal_entities)))

    def _owner(self, field: str) -> System:
        return self._context.ownership.owner(_CUSTOMER.value, field)

    async def _customers(self) -> frozenset[Ref] | None:
        """The customers that the limits may let through; None where nobody lists them, or they are many."""
        if self._own is None:
            self._own = begun(self._find_own())
        return await asyncio.shield(self._own)

    async def _find_own(self) -> frozenset[Ref] | None:
        rows = self._rows
        if rows.customers is not None:
            return rows.customers
        if rows.portfolio is not None:
            system, field, values = self._owner(ACCOUNT_MANAGER), ACCOUNT_MANAGER, (rows.portfolio,)
        else:
            assert rows.legal_entities is not None
            system, field, values = (
                self._owner(LEGAL_ENTITY),
                LEGAL_ENTITY,
                tuple(sorted(rows.legal_entities)),
            )
        found = await self._records(system, Condition(field, Op.IN, values))
        return None if found is None else await self._anchored(system, found)

    async def _records(self, system: System, condition: Condition) -> list[Found] | None:
        """The records of customers that meet a condition, at every connection of their system."""
        found: list[Found] = []
        for name in self._systems.connections(system, _CUSTOMER):
            resource = self._systems.resource(name, _CUSTOMER)
            if not _able(resource, condition):
                return None
            position = None
            while True:
                page = await self._page(name, resource, condition, position)
                found += [(name, row, resource.fields) for row in page.rows]
                if not page.has_more or not page.rows:
                    break
                if len(found) >= MOST_OWN:
                    return None
                position = page.positions[-1]
        return found if len(found) <= MOST_OWN else None

    async def _page(self, name: str, resource: Resource, condition: Condition, position: str | None) -> Page:
        select = frozenset({"id", CUSTOMER_IN_CRM}) & resource.fields.supplies()
        loads = self._context.loads
        return await loads.ask(
            name,
            lambda: self._systems.page(name, _CUSTOMER, select, (condition,), None, MOST_OWN, position),
        )

    async def _anchored(self, system: System, found: Iterable[Found]) -> frozenset[Ref] | None:
        """The customers of the CRM that the records are of, as ``resolvers.identity`` has it."""
        records = [(name, str(fields.read(row, "id")), row, fields) for name, row, fields in found]
        if system is System.CRM:
            return frozenset(Ref(_CUSTOMER, name, record_id) for name, record_id, _, _ in records)
        link = link_field(_CUSTOMER, system)
        refs: set[Ref] = set()
        several = len(self._systems.connections(system, _CUSTOMER)) > 1
        for crm in self._systems.connections(System.CRM, _CUSTOMER):
            resource = self._systems.resource(crm, _CUSTOMER)
            if link in resource.fields:
                if not resource.finds_by(link):
                    return None
                relation = Relation(crm, _CUSTOMER, link, (), None)
                values = [
                    f"{name}:{record_id}" if several else record_id for name, record_id, _, _ in records
                ]
                pages = await asyncio.gather(
                    *(self._context.loads.related(relation, value, None) for value in values)
                )
                refs.update(
                    Ref(_CUSTOMER, crm, str(resource.fields.read(row, "id")))
                    for page in pages
                    for row in page.rows
                )
        for _, _, row, fields in records:
            named = fields.read(row, CUSTOMER_IN_CRM) if CUSTOMER_IN_CRM in fields else None
            if named is not None:
                try:
                    place = self._context.identity.locate(System.CRM, _CUSTOMER, str(named))
                except Conflict:
                    continue
                refs.add(Ref(_CUSTOMER, place.connection, place.record_id))
        return frozenset(refs)

    async def _values(
        self, own: frozenset[Ref], key: Key, connection: str, record_type: RecordType
    ) -> set[str] | None:
        """What the objects of the viewer's customers have in a key; None where that cannot be told."""
        if record_type is _CUSTOMER:
            return {ref.record_id for ref in own if ref.connection == connection}
        if key.parent == "id":
            values = {ref.record_id for ref in own}
            if len(self._systems.connections(System.CRM, _CUSTOMER)) > 1:
                values |= {f"{ref.connection}:{ref.record_id}" for ref in own}
            return values
        identity, context = self._context.identity, self._context
        try:
            places = await asyncio.gather(
                *(identity.customer_in(context.entity(ref), ANCHORS[record_type]) for ref in own)
            )
        except Conflict:
            return None
        return {place.record_id for place in places if place is not None and place.connection == connection}


def _able(resource: Resource, condition: Condition) -> bool:
    """Whether the vendor can apply a condition, with these values."""
    try:
        resource.fields.condition(condition)
    except Unsupported:
        return False
    return True
