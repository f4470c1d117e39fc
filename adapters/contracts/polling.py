"""Polling as a source of events: changed rows behind a durable high-water mark, told as small messages.

A pass reads what changed since the mark less an overlap, in the order of the vendor's own time of change and
then of the record id, a page at a time. The overlap is for changes that were stamped before they could be
seen: a transaction that took long. What is found again has the same key. What a poll cannot see: a record
that changed twice between two passes is told of once, as it then is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.events import Batch, EventSource, Notice
from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    SubscriptionStatus,
)

STATUSES: Mapping[RecordType, type[Enum]] = {
    RecordType.CUSTOMER: CustomerStatus,
    RecordType.SUBSCRIPTION: SubscriptionStatus,
    RecordType.INVOICE: InvoiceStatus,
    RecordType.PAYMENT: PaymentStatus,
}


class ChangedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The message of one changed row, as the inbox keeps it.

    type:    a ``RecordType``'s value; one that is none of the graph's entities is passed over.
    version: milliseconds since 1970 of the change, by the vendor's clock.
    status:  the name of the canonical status; None for records that have none here.
    """

    type: str
    id: str
    version: int
    status: str | None = None
    customer_in_crm: str | None = None
    summary: str | None = None
    deleted: bool = False
    created: bool = False

    @property
    def key(self) -> str:
        # Deleting a record can fall into the same second as its last change.
        return f"{self.type}:{self.id}:{self.version}{':deleted' if self.deleted else ''}"


def changed_row(
    record_type: RecordType,
    record_id: str,
    changed_at: datetime,
    *,
    status: Enum | None = None,
    customer_in_crm: str | None = None,
    summary: str | None = None,
    deleted: bool = False,
    created: bool = False,
) -> ChangedRow:
    """A row that changed at a moment, which is also its version."""
    version = (changed_at - _EPOCH) // _MILLISECOND
    name = None if status is None else status.name
    return ChangedRow(record_type.value, record_id, version, name, customer_in_crm, summary, deleted, created)


def message_of(row: ChangedRow) -> tuple[str, bytes]:
    """The key and the raw message of a row."""
    return row.key, msgspec.json.encode(row)


def row_in(body: bytes) -> ChangedRow:
    """The row in a raw message. Raises ``Malformed``."""
    try:
        return msgspec.json.decode(body, type=ChangedRow)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("the message is not that of a changed row") from error


def notice_of(row: ChangedRow) -> Notice | None:
    """The notice of a row; None for a type that is none of the graph's entities."""
    types = {record_type.value: record_type for record_type in STATUSES}
    record_type = types.get(row.type)
    if record_type is None:
        return None
    members = STATUSES[record_type].__members__
    try:
        occurred_at = _EPOCH + row.version * _MILLISECOND
    except OverflowError as error:
        raise Malformed("the version of a changed row is no time") from error
    return Notice(
        key=row.key,
        type=record_type,
        record_id=row.id,
        occurred_at=occurred_at,
        status=None if row.status is None else members.get(row.status, members["UNKNOWN"]),
        version=row.version,
        customer_in_crm=row.customer_in_crm,
        summary=row.summary,
        deleted=row.deleted,
        created=row.created,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What a pass asks of one stream: changes at ``since`` or later, behind the position ``after``.

    after: (time of change, record id) of the last row of the page before; None on the first page.
    begun: when the polling once began: what was created before is not new.
    """

    since: datetime
    after: tuple[datetime, str] | None
    begun: datetime


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """A page of one stream, in the order of (time of change, id), with the exact time of each row.

    edge: nothing more is expected that changed before this moment; None where the page does not say.
    """

    rows: Sequence[tuple[datetime, ChangedRow]]
    has_more: bool
    edge: datetime | None


class StreamMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the polling of one stream stands.

    high:  everything that changed before is known, save what the overlap is for.
    floor: where the polling once began; nothing older is news.
    after: the last position of a pass that is under way, and ``began`` its beginning by our clock.
    """

    high: datetime
    floor: datetime
    after: tuple[datetime, str] | None = None
    began: datetime | None = None


class PollingSource(EventSource):
    """A source that is polled. Whoever implements it reads pages of streams; it keeps the mark.

    A vendor's kinds of records, and its list of deletions, are streams of their own: each has its own order.
    """

    streams: tuple[str, ...]

    def __init__(
        self,
        *,
        poll_s: float,
        overlap_s: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.poll_s = poll_s
        self._overlap = timedelta(seconds=overlap_s)
        self._clock = clock

    @abstractmethod
    async def begin(self) -> Mapping[str, datetime]:
        """For each stream the moment, by the vendor's clock, from which on changes are news."""

    @abstractmethod
    async def read(self, windows: Mapping[str, Window]) -> Mapping[str, ChangedRows]:
        """A page of each stream named."""

    def key(self, body: bytes) -> str:
        return row_in(body).key

    def parse(self, body: bytes) -> Sequence[Notice]:
        notice = notice_of(row_in(body))
        return () if notice is None else (notice,)

    async def fetch(self, mark: str | None) -> Batch:
        """A page of every stream, or of those whose pass is under way. Raises a fault of the tree."""
        if mark is None:
            return Batch((), _encoded(await self._beginnings()), more=False)
        marks = _decoded(mark)
        if any(stream not in marks for stream in self.streams):
            # A stream that was switched on since.
            marks = {**await self._beginnings(), **marks}
        started = self._clock()
        # Streams begin at their own newest change: the newest of all is nearest to when that was.
        begun = max(each.floor for each in marks.values())
        under_way = [stream for stream in self.streams if marks[stream].after is not None]
        windows = {
            stream: Window(
                max(marks[stream].floor, marks[stream].high - self._overlap),
                marks[stream].after,
                begun,
            )
            for stream in under_way or self.streams
        }
        pages = await self.read(windows)
        found = [each for page in pages.values() for each in page.rows]
        found.sort(key=lambda each: each[0])
        moved = {stream: self._moved(marks[stream], page, started) for stream, page in pages.items()}
        return Batch(
            [message_of(row) for _, row in found],
            _encoded({**marks, **moved}),
            more=any(page.has_more for page in pages.values()),
        )

    async def _beginnings(self) -> dict[str, StreamMark]:
        return {stream: StreamMark(moment, moment) for stream, moment in (await self.begin()).items()}

    def _moved(self, mark: StreamMark, page: ChangedRows, started: datetime) -> StreamMark:
        began = mark.began or started
        if page.has_more:
            if not page.rows:
                # An empty page that claims more would be asked for for ever.
                raise Malformed("an empty page of changes says that more follow")
            changed_at, row = page.rows[-1]
            return StreamMark(mark.high, mark.floor, (changed_at, row.id), began)
        if page.edge is None:
            return StreamMark(mark.high, mark.floor)
        # The overlap is measured from the beginning of a pass: what became visible behind its back while it
        # was under way is found by the next one.
        edge = page.edge - max(self._clock() - began, timedelta(0))
        return StreamMark(max(mark.high, edge), mark.floor)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _encoded(marks: Mapping[str, StreamMark]) -> str:
    return msgspec.json.encode(marks).decode()


def _decoded(mark: str) -> dict[str, StreamMark]:
    try:
        return msgspec.json.decode(mark, type=dict[str, StreamMark])
    except msgspec.DecodeError as error:
        raise Rejected("not a mark of this poller", vendor_code="bad_position") from error
