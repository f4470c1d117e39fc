"""Events of commands: written to the outbox in the transaction of the change of status they tell of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.vocabulary import ANCHORS, BusinessEventType, EventOrigin, RecordType, System
from gateway.events import codec
from gateway.events.tables import outbox
from resolvers.event_port import Event
from resolvers.ids import Ref


async def tell(tx: AsyncConnection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Makes an event of each entry of the audit by which a command's status changed."""
    events = [_event(entry) for entry in entries if entry["before"] != entry["after"]]
    if events:
        await put(tx, events)


async def put(tx: AsyncConnection, events: Sequence[Event]) -> None:
    """Leaves events for the log, in order."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    unless_known = dialect.insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.id])
    await tx.execute(unless_known, [{"id": event.id, "body": codec.encode(event)} for event in events])


def _event(entry: Mapping[str, Any]) -> Event:
    after = entry["after"]
    return Event(
        id=str(uuid.uuid4()),
        cursor="",
        type=BusinessEventType.COMMAND_STATUS_CHANGED,
        origin=EventOrigin.SOURCE,
        system=System.GATEWAY,
        connection=entry["connection"],
        occurred_at=entry["at"],
        observed_at=entry["at"],
        subject=None,
        customer=_customer(entry),
        correlation_id=entry["correlation_id"],
        command_id=entry["command_id"],
        previous=entry["before"],
        current=after,
        superseded=False,
        summary=f"{entry['verb']} is {after}",
    )


def _customer(entry: Mapping[str, Any]) -> Ref | None:
    """The customer that is written. Whom an invoice or a payment concerns would have to be looked up."""
    if entry["record_type"] != RecordType.CUSTOMER.value:
        return None
    if System(entry["system"]) is not ANCHORS[RecordType.CUSTOMER]:
        return None
    return Ref(RecordType.CUSTOMER, entry["connection"], entry["record_id"])
