"""Whether an object is one that the viewer sees. To others it is as if it did not exist.

Every object is its customer's; a customer is held against the viewer's limits by what its systems say of
it. What cannot be known now is an error, never a yes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import Conflict, NotFound
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.vocabulary import RecordType
from resolvers.ids import Ref
from resolvers.viewer import Rows

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.entity import Entity


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
        return customer is not None and await self.sees_customer(customer)

    async def sees_customer(self, ref: Ref | None) -> bool:
        """Of whom nobody knows the customer is nobody's to see who is limited."""
        rows = self._context.viewer.rows
        if rows is None:
            return True
        if ref is None or (rows.customers is not None and ref not in rows.customers):
            return False
        found = self._customers.get(ref)
        if found is None:
            found = self._customers[ref] = asyncio.ensure_future(self._work_out(ref, rows))
        return await asyncio.shield(found)

    async def _work_out(self, ref: Ref, rows: Rows) -> bool:
        customer = self._context.entity(ref)
        if rows.portfolio is not None:
            manager = await self._read(customer, "account_manager")
            email = getattr(manager, "email", None)
            if not rows.portfolio or not isinstance(email, str) or email.lower() != rows.portfolio:
                return False
        if rows.legal_entities is not None:
            entity = await self._read(customer, "legal_entity")
            if getattr(entity, "code", None) not in rows.legal_entities:
                return False
        return True

    async def _read(self, customer: Entity, name: str) -> Any:
        system = self._context.ownership.owner(customer.graph_type, name)
        try:
            found: tuple[Row, FieldMap] | None = await asyncio.shield(customer.slice(system))
        except (Conflict, NotFound):
            # Nobody can say whose it is, today or later: it is nobody's who is limited.
            return None
        return None if found is None or name not in found[1] else found[1].read(found[0], name)


def needed(rows: Rows | None, record_type: RecordType) -> frozenset[str]:
    """The fields that have to be read beside what was selected, to hold a record against the limits."""
    if rows is None or record_type is not RecordType.CUSTOMER:
        return frozenset()
    wanted = (("account_manager", rows.portfolio), ("legal_entity", rows.legal_entities))
    return frozenset(name for name, limit in wanted if limit is not None)
