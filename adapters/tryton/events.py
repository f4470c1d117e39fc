"""What changed in a Tryton database, by polling: Tryton pushes nothing to other systems.

A record has a ``create_date``, and a ``write_date`` from its first change on; both are the time at which the
transaction began, to the microsecond (``ModelSQL.create``, ``ModelSQL.write`` in
``trytond/model/modelsql.py``). Records that were written and records that were only created are streams of
their own, each in the order of its date.

Deletions are not told: Tryton keeps them in ``ir.model.log``, which it shows to administrators alone. Only
drafts of invoices, and parties that nothing refers to, can be deleted at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.contracts.polling import ChangedRow, ChangedRows, PollingSource, Window, changed_row
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.tryton.domain import Domain, record_id
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.wire import from_moment, moment

IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)

_WANTED = frozenset({"id", "number", "status", "created_at", IN_CRM})
_EVERY_AGE = datetime(1970, 1, 1, tzinfo=UTC)

_ARCHIVED: Mapping[RecordType, Domain] = {RecordType.CUSTOMER: [["active", "in", [True, False]]]}
"""Archiving is a change too; a search leaves archived records out unless it names the field."""

_KINDS: Mapping[str, tuple[str, Domain]] = {
    "created": ("create_date", [["write_date", "=", None]]),
    "written": ("write_date", []),
}
"""The date that a record is ordered by, and what tells the records that have it from the others."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """Records of one kind with one of the two dates."""

    resource: TrytonResource
    date: str
    domain: Domain


class TrytonEvents(PollingSource):
    """One database's changes, as its user sees them."""

    def __init__(self, settings: TrytonSettings, resources: Mapping[RecordType, TrytonResource]) -> None:
        super().__init__(poll_s=settings.poll_s, overlap_s=settings.poll_overlap_s)
        self._streams = {
            f"{record_type.value} {kind}": _Stream(
                resources[record_type], date, [*_ARCHIVED.get(record_type, []), *domain]
            )
            for record_type in (RecordType.CUSTOMER, RecordType.INVOICE)
            for kind, (date, domain) in _KINDS.items()
        }
        self.streams = tuple(self._streams)

    async def begin(self) -> Mapping[str, datetime]:
        """Just behind the newest change of each stream, so that no clock but Tryton's counts."""
        newest = await asyncio.gather(*(self._newest(stream) for stream in self._streams.values()))
        return dict(zip(self._streams, newest, strict=True))

    async def read(self, windows: Mapping[str, Window]) -> Mapping[str, ChangedRows]:
        pages = await asyncio.gather(
            *(self._changed(self._streams[name], window) for name, window in windows.items())
        )
        return dict(zip(windows, pages, strict=True))

    async def _newest(self, stream: _Stream) -> datetime:
        domain = [*stream.domain, [stream.date, "!=", None]]
        order = ((stream.date, "DESC"),)
        rows = await stream.resource.in_order_of(order, frozenset({"id"}), domain, limit=1)
        return _changed_at(rows[0], stream.date) + timedelta(microseconds=1) if rows else _EVERY_AGE

    async def _changed(self, stream: _Stream, window: Window) -> ChangedRows:
        resource, date = stream.resource, stream.date
        domain = [*stream.domain, *_behind(date, window)]
        limit = resource.caps.rows_per_call
        select = _WANTED & resource.fields.supplies()
        # One row more than a page has tells whether more follow.
        order = ((date, "ASC"), ("id", "ASC"))
        found = await resource.in_order_of(order, select, domain, limit=limit + 1)
        rows = [_row(resource, row, _changed_at(row, date), window.begun) for row in found[:limit]]
        return ChangedRows(rows, len(found) > limit, rows[-1][0] if rows else None)


def _behind(date: str, window: Window) -> Domain:
    if window.after is None:
        return [[date, ">=", from_moment(window.since)]]
    changed_at, last = window.after
    number = record_id(last)
    if number is None:
        raise Malformed("the position of a poll names no record")
    at = from_moment(changed_at)
    return [["OR", [date, ">", at], [[date, "=", at], ["id", ">", number]]]]


def _changed_at(row: Row, date: str) -> datetime:
    value: Any = row.get(date)
    changed_at = moment(value)
    if changed_at is None:
        raise Malformed(f"a changed row came without its {date}")
    return changed_at


def _row(
    resource: TrytonResource, row: Row, changed_at: datetime, begun: datetime
) -> tuple[datetime, ChangedRow]:
    fields, supplies = resource.fields, resource.fields.supplies()
    number = str(fields.read(row, "id"))
    called = fields.read(row, "number") if "number" in supplies else None
    return changed_at, changed_row(
        resource.type,
        number,
        changed_at,
        status=fields.read(row, "status") if "status" in supplies else None,
        customer_in_crm=fields.read(row, IN_CRM),
        summary=f"{resource.type.value.lower()} {called or number} was changed in Tryton",
        created=_changed_at(row, "create_date") >= begun,
    )
