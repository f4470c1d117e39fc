"""Where an object lives: its record in each system, with a link to open it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType, System
from resolvers.entity import Entity
from resolvers.identity import Located

if TYPE_CHECKING:
    from resolvers.context import RequestContext

_COUNTERPARTS = (System.SUBSCRIPTIONS, System.ERP, System.PAYMENTS)


@dataclass(frozen=True, slots=True)
class SystemRecord:
    system: System
    connection: str
    record_id: str
    url: str | None
    as_of: datetime | None
    stale: bool


async def records_of(context: RequestContext, entity: Entity) -> list[SystemRecord]:
    """The anchor first; then, for a customer, its counterparts. A system that is down is left out."""
    ref = entity.ref
    found = [(entity.anchor_system, Located(ref.connection, ref.record_id))]
    if ref.type is RecordType.CUSTOMER:
        for system in _COUNTERPARTS:
            if not context.systems.connections(
                system, RecordType.CUSTOMER
            ) or not context.viewer.reads_system(context.ownership, "Customer", system):
                continue
            try:
                located = await context.identity.customer_in(entity, system)
            except SystemFault:
                continue
            if located is not None:
                found.append((system, located))
    return [
        SystemRecord(
            system=system,
            connection=located.connection,
            record_id=located.record_id,
            url=context.systems.record_url(located.connection, ref.type, located.record_id),
            as_of=context.loads.read_at.get(located.connection),
            stale=False,
        )
        for system, located in found
    ]
