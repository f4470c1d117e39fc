"""What changed in an account, by polling: NetSuite pushes nothing of its own.

Customers and invoices are read by ``lastmodifieddate``, deletions from ``deletedrecord``. Only whole seconds
that are over by NetSuite's own clock are read: times of change have no fraction, and a record could change
once more in the same second. The clock is asked for with every poll, as NetSuite advises for
synchronisation (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/article_0528010158.html).

Not verified against a live account: the columns of ``deletedrecord``, and that applying a payment moves the
``lastmodifieddate`` of the invoice. Customer payments themselves are not polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.contracts.polling import ChangedRow, ChangedRows, PollingSource, Window, changed_row
from adapters.contracts.vocabulary import RecordType, System, link_field
from adapters.netsuite.client import PAGE_LIMIT, NetSuiteClient
from adapters.netsuite.manifest import NetSuiteSettings
from adapters.netsuite.query import QueryResource
from adapters.netsuite.suiteql import Clause, is_internal_id, iso_time

IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)
DELETIONS = "deletions"

_CHANGED: Mapping[RecordType, str] = {
    RecordType.CUSTOMER: "c.lastmodifieddate",
    RecordType.INVOICE: "t.lastmodifieddate",
}
_KEYS: Mapping[RecordType, str] = {RecordType.CUSTOMER: "c.id", RecordType.INVOICE: "t.id"}

_WANTED = frozenset({"id", "number", "status", "updated_at", "posted_at", IN_CRM})
"""``posted_at`` is the time at which an invoice was created."""

_DELETED_TYPES: Mapping[str, RecordType] = {
    "customer": RecordType.CUSTOMER,
    "custjob": RecordType.CUSTOMER,
    "invoice": RecordType.INVOICE,
    "custinvc": RecordType.INVOICE,
}
"""``deletedrecord.type`` in lower case, as a script or as the table of transactions names the type."""

_DELETED_QUERY = (
    f"SELECT d.recordid AS id, LOWER(d.type) AS type, {iso_time('d.deleteddate')} AS deleteddate"  # noqa: S608
    " FROM deletedrecord d WHERE LOWER(d.type) IN ({types}) AND {window} ORDER BY d.deleteddate, d.recordid"
)


class NetSuiteEvents(PollingSource):
    """One account's changes. ``resources`` are those that customers and invoices are read with."""

    def __init__(
        self,
        client: NetSuiteClient,
        settings: NetSuiteSettings,
        resources: Mapping[RecordType, QueryResource],
    ) -> None:
        super().__init__(poll_s=settings.poll_s, overlap_s=settings.poll_overlap_s)
        self._client = client
        self._zone = ZoneInfo(settings.timezone)
        self._resources = {record_type.value: resources[record_type] for record_type in _CHANGED}
        self.streams = (*self._resources, *((DELETIONS,) if settings.poll_deletions else ()))

    async def begin(self) -> Mapping[str, datetime]:
        return dict.fromkeys(self.streams, await self._over())

    async def read(self, windows: Mapping[str, Window]) -> Mapping[str, ChangedRows]:
        until = await self._over()
        pages = await asyncio.gather(
            *(
                self._deleted(window, until) if stream == DELETIONS else self._changed(stream, window, until)
                for stream, window in windows.items()
            )
        )
        return dict(zip(windows, pages, strict=True))

    async def _over(self) -> datetime:
        """The end of the last second that is over at NetSuite."""
        return (await self._client.server_time()).replace(microsecond=0)

    async def _changed(self, stream: str, window: Window, until: datetime) -> ChangedRows:
        resource = self._resources[stream]
        column = _CHANGED[resource.type]
        result = await resource.in_order_of(
            column,
            _WANTED & resource.fields.supplies(),
            [Clause(self._window(column, _KEYS[resource.type], window, until))],
        )
        rows = [self._row(resource, row, window, until) for row in result.rows]
        return ChangedRows(rows, result.has_more, until)

    async def _deleted(self, window: Window, until: datetime) -> ChangedRows:
        condition = self._window("d.deleteddate", "d.recordid", window, until)
        types = ", ".join(f"'{name}'" for name in _DELETED_TYPES)
        sql = _DELETED_QUERY.format(types=types, window=f"({condition})")
        result = await self._client.query(sql, limit=PAGE_LIMIT)
        return ChangedRows([self._deletion(row, until) for row in result.rows], result.has_more, until)

    def _row(
        self, resource: QueryResource, row: Row, window: Window, until: datetime
    ) -> tuple[datetime, ChangedRow]:
        changed_at = self._moment(row.get("lastmodifieddate"), until)
        fields, supplies = resource.fields, resource.fields.supplies()
        record_id = str(fields.read(row, "id"))
        number = fields.read(row, "number") if "number" in supplies else None
        name = f"invoice {number or record_id}" if "number" in supplies else f"customer {record_id}"
        return changed_at, changed_row(
            resource.type,
            record_id,
            changed_at,
            status=fields.read(row, "status") if "status" in supplies else None,
            customer_in_crm=fields.read(row, IN_CRM),
            summary=f"{name} was changed in NetSuite",
            created="createddate" in row and self._moment(row["createddate"], until) >= window.begun,
        )

    def _deletion(self, row: Row, until: datetime) -> tuple[datetime, ChangedRow]:
        deleted_at = self._moment(row.get("deleteddate"), until)
        record_type = _DELETED_TYPES.get(row.get("type", ""))
        record_id = str(row.get("id"))
        if record_type is None or not is_internal_id(record_id):
            raise Malformed("a row of deletedrecord names no record")
        summary = f"{record_type.value.lower()} {record_id} was deleted in NetSuite"
        return deleted_at, changed_row(record_type, record_id, deleted_at, summary=summary, deleted=True)

    def _moment(self, text: object, until: datetime) -> datetime:
        """A time of the account's zone. In the hour that clocks repeat it is the later one that is not yet
        to come: a version must not go back."""
        try:
            local = datetime.fromisoformat(str(text)).replace(tzinfo=self._zone)
        except ValueError as error:
            raise Malformed("a changed row came without the time of its change") from error
        later = local.replace(fold=1).astimezone(UTC)
        return later if later < until else local.astimezone(UTC)

    def _window(self, column: str, key: str, window: Window, until: datetime) -> str:
        """The condition of a window and a position. Where clocks are put back within it, it is the wider."""
        since, end = self._local(window.since), self._local(until)
        length = until - window.since
        condition = (
            f"{column} >= {_literal(min(since, end - length))}"
            f" AND {column} < {_literal(max(end, since + length))}"
        )
        if window.after is None:
            return condition
        changed_at, record_id = window.after
        if not is_internal_id(record_id):
            raise Malformed("the position of a poll names no record")
        at = _literal(self._local(changed_at))
        return f"{condition} AND ({column} > {at} OR ({column} = {at} AND {key} > {record_id}))"

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None)


def _literal(local: datetime) -> str:
    """A time as the account's clocks show it."""
    return f"TO_DATE('{local:%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"
