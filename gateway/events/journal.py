"""The journal: the last known status of every object that was heard of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    SubscriptionStatus,
)
from gateway.events.tables import journal
from gateway.store.database import Database
from resolvers.ids import Ref, decode_id

STATUSES: Mapping[RecordType, type[Enum]] = {
    RecordType.CUSTOMER: CustomerStatus,
    RecordType.SUBSCRIPTION: SubscriptionStatus,
    RecordType.INVOICE: InvoiceStatus,
    RecordType.PAYMENT: PaymentStatus,
}
"""The types that are kept here: those with a place in the graph."""

_MOST = 500
"""Ids in one query."""

Key = tuple[RecordType, str]
"""A record of one connection."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a record; nothing yet, by default. ``read_at``: the record itself said so then."""

    status: Enum | None = None
    version: int | None = None
    customer: Ref | None = None
    due_on: date | None = None
    read_at: datetime | None = None


NOTHING = Known()


async def look_up(tx: AsyncConnection, connection: str, keys: Iterable[Key]) -> dict[Key, Known]:
    """What is known of records; those that were never heard of are left out."""
    wanted = set(keys)
    found: dict[Key, Known] = {}
    for ids in _batches(sorted({record_id for _, record_id in wanted})):
        query = select(journal).where(journal.c.connection == connection, journal.c.record_id.in_(ids))
        for row in await tx.execute(query):
            key = (RecordType(row.record_type), row.record_id)
            if key in wanted:
                found[key] = known_of(row)
    return found


async def write(
    tx: AsyncConnection, database: Database, connection: str, entries: Mapping[Key, Known]
) -> None:
    """Keeps what is known from now on."""
    if not entries:
        return
    insert = (sqlite if database.is_sqlite else postgresql).insert(journal)
    changing = ("status", "version", "customer", "due_on", "read_at")
    statement = insert.on_conflict_do_update(
        index_elements=[journal.c.connection, journal.c.record_type, journal.c.record_id],
        set_={name: insert.excluded[name] for name in changing},
    )
    await tx.execute(statement, [_row(connection, key, known) for key, known in entries.items()])


def known_of(row: Any) -> Known:
    """What a row of the table says."""
    statuses = STATUSES[RecordType(row.record_type)]
    return Known(
        status=None if row.status is None else statuses(row.status),
        version=row.version,
        customer=None if row.customer is None else decode_id(row.customer),
        due_on=row.due_on,
        read_at=row.read_at,
    )


def _row(connection: str, key: Key, known: Known) -> dict[str, Any]:
    return {
        "connection": connection,
        "record_type": key[0].value,
        "record_id": key[1],
        "status": None if known.status is None else known.status.value,
        "version": known.version,
        "customer": None if known.customer is None else known.customer.encode(),
        "due_on": known.due_on,
        "read_at": known.read_at,
    }


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _MOST] for start in range(0, len(ids), _MOST)]
