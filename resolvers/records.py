"""Where an object lives: its record in each system, with a link to open it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import ANCHORS, RecordType, System
from resolvers.entity import Entity
from resolvers.identity import Located
from resolvers.ids import Ref
from resolvers.ports import Systems

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
    found: list[tuple[System, Located]] = []
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
    return records_at(context.systems, context.loads.read_at, ref, found)


def records_at(
    systems: Systems,
    read_at: Mapping[str, datetime],
    ref: Ref,
    counterparts: Iterable[tuple[System, Located | SystemFault | None]],
) -> list[SystemRecord]:
    """The anchor's record and those counterparts that were found."""
    found = [(ANCHORS[ref.type], Located(ref.connection, ref.record_id))]
    found += [(system, place) for system, place in counterparts if isinstance(place, Located)]
    return [
        SystemRecord(
            system=system,
            connection=located.connection,
            record_id=located.record_id,
            url=systems.record_url(located.connection, ref.type, located.record_id),
            as_of=read_at.get(located.connection),
            stale=False,
        )
        for system, located in found
    ]
