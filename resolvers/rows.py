"""Whether an object is one that the viewer sees. To others it is as if it did not exist.

Every object is its customer's; a customer is held against the viewer's limits by what its systems say of
it. An invoice that names a legal entity of its own must be of the viewer's besides, and a payment is held
against the invoice that it pays. What cannot be known now is an error, never a yes.

The rules are functions of values; ``RowLimits`` reads what they take.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import Conflict, NotFound
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.begun import begun
from resolvers.edges import INVOICE, Edge
from resolvers.ids import Ref
from resolvers.viewer import Rows

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.entity import Entity

LEGAL_ENTITY, ACCOUNT_MANAGER = "legal_entity", "account_manager"


def manages(rows: Rows, manager: Any) -> bool:
    """Whether a customer's account manager, a ``Person`` or None, is whose portfolio the rows are."""
    if rows.portfolio is None:
        return True
    email = getattr(manager, "email", None)
    return bool(rows.portfolio) and isinstance(email, str) and email.lower() == rows.portfolio


def sells_to(rows: Rows, legal_entity: Any) -> bool:
    """Whether a customer's ``LegalEntity`` is one of the rows'. A customer without one is of none."""
    return rows.legal_entities is None or getattr(legal_entity, "code", None) in rows.legal_entities


def invoiced_by(rows: Rows, legal_entity: Any) -> bool:
    """Whether an invoice's own ``LegalEntity`` is one of the rows'; without one it is as its customer is."""
    return legal_entity is None or sells_to(rows, legal_entity)


def has_own_limit(rows: Rows | None, record_type: RecordType) -> bool:
    """Whether a type's objects are held against the rows themselves, beside their customer."""
    return (
        rows is not None
        and rows.legal_entities is not None
        and record_type in (RecordType.INVOICE, RecordType.PAYMENT)
    )


def is_sifted(rows: Rows | None, edge: Edge) -> bool:
    """Whether a viewer may see some children only of a parent that it sees.

    A customer's own are its own. What is found by a subscription or an invoice can be another customer's,
    as where somebody else is billed for it: it is seen there by whom it would be seen by its id.
    """
    if rows is None:
        return False
    return edge.parent is not RecordType.CUSTOMER or has_own_limit(rows, edge.child)


def needed(rows: Rows | None, record_type: RecordType) -> frozenset[str]:
    """The fields that have to be read beside what was selected, to hold a record against the limits.

    Links are not among them: those of limited viewers are always read.
    """
    if rows is None:
        return frozenset()
    wanted: set[str] = set()
    if rows.portfolio is not None and record_type is RecordType.CUSTOMER:
        wanted.add(ACCOUNT_MANAGER)
    if rows.legal_entities is not None and record_type in (RecordType.CUSTOMER, RecordType.INVOICE):
        wanted.add(LEGAL_ENTITY)
    return frozenset(wanted)


class RowLimits:
    """The limits of one request's viewer."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._customers: dict[Ref, asyncio.Future[bool]] = {}

    async def sees(self, entity: Entity) -> bool:
        """Raises a ``SystemFault`` where a system that has to say cannot be asked."""
        if self._context.viewer.rows is None:
            return True
        customer = await self._context.identity.customer_of(entity)
        # What the object itself says is read already, or is one reading away: its customer is more.
        return customer is not None and await self.sees_own(entity) and await self.sees_customer(customer)

    async def sees_child(self, edge: Edge, child: Entity) -> bool:
        """``sees`` for a child of an object that is seen, by what ``is_sifted`` says. Raises as it does."""
        return await (self.sees_own if edge.parent is RecordType.CUSTOMER else self.sees)(child)

    async def sees_customer(self, ref: Ref | None) -> bool:
        """Of whom nobody knows the customer is nobody's to see who is limited."""
        rows = self._context.viewer.rows
        if rows is None:
            return True
        if ref is None or (rows.customers is not None and ref not in rows.customers):
            return False
        found = self._customers.get(ref)
        if found is None:
            found = self._customers[ref] = begun(self._work_out(ref, rows))
        return await asyncio.shield(found)

    async def sees_own(self, entity: Entity) -> bool:
        """Whether an object of a customer that is seen is seen itself. Raises as ``sees`` does."""
        rows = self._context.viewer.rows
        if rows is None or not has_own_limit(rows, entity.ref.type):
            return True
        if entity.ref.type is RecordType.INVOICE:
            return await self._invoice(entity, rows)
        anchor = await self._anchor(entity)
        if anchor is None:
            return False
        row, fields = anchor
        paid = fields.read(row, INVOICE) if INVOICE in fields else None
        if paid is None:
            # A payment of no invoice is its customer's and nothing more.
            return True
        try:
            located = self._context.identity.locate(System.ERP, RecordType.INVOICE, str(paid))
        except Conflict:
            return False
        ref = Ref(RecordType.INVOICE, located.connection, located.record_id)
        return await self._invoice(self._context.entity(ref), rows)

    async def sees_subject(self, ref: Ref | None) -> bool:
        """The same for what an event is about. What is of a connection that is gone is nobody's to judge."""
        if ref is None or not has_own_limit(self._context.viewer.rows, ref.type):
            return True
        if ref.connection not in self._context.systems.connections(ANCHORS[ref.type], ref.type):
            return False
        return await self.sees_own(self._context.entity(ref))

    async def _invoice(self, invoice: Entity, rows: Rows) -> bool:
        anchor = await self._anchor(invoice)
        if anchor is None:
            return False
        row, fields = anchor
        return invoiced_by(rows, fields.read(row, LEGAL_ENTITY) if LEGAL_ENTITY in fields else None)

    async def _work_out(self, ref: Ref, rows: Rows) -> bool:
        customer = self._context.entity(ref)
        if rows.portfolio is not None and not manages(rows, await self._read(customer, ACCOUNT_MANAGER)):
            return False
        return rows.legal_entities is None or sells_to(rows, await self._read(customer, LEGAL_ENTITY))

    async def _read(self, customer: Entity, name: str) -> Any:
        found = await self._slice(customer, self._context.ownership.owner(customer.graph_type, name))
        return None if found is None or name not in found[1] else found[1].read(found[0], name)

    async def _anchor(self, entity: Entity) -> tuple[Row, FieldMap] | None:
        return await self._slice(entity, entity.anchor_system)

    async def _slice(self, entity: Entity, system: System) -> tuple[Row, FieldMap] | None:
        try:
            return await asyncio.shield(entity.slice(system))
        except (Conflict, NotFound):
            # Nobody can say whose it is, today or later: it is nobody's who is limited.
            return None
