"""What changed in an org, as it tells it: change events of accounts over the Pub/Sub API.

``fetch`` keeps a subscription open and gives what has arrived. Its mark carries the replay id of the last
event given, and the time of its commit. Salesforce retains events for 72 hours: where the replay id is lost,
or so much changed at once that it says so without naming records (GAP_OVERFLOW), the accounts changed since
are read instead, by SystemModstamp. Accounts deleted in such a gap are not seen.

https://developer.salesforce.com/docs/platform/pub-sub-api/guide/event-message-durability.html
https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_other_events_gap.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.contracts.convert import utc_from_iso
from adapters.contracts.errors import Malformed, Rejected, Unauthorised
from adapters.contracts.events import Batch, EventSource, Notice
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.polling import changed_row, message_of, notice_of, row_in
from adapters.contracts.vocabulary import RecordType
from adapters.salesforce import soql
from adapters.salesforce.change_event import (
    GIVES,
    HEADER,
    OVERFLOW,
    ChangeEvent,
    Undecodable,
    kept,
    notices,
    read_status,
)
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.position import Keyset
from adapters.salesforce.settings import SalesforceSettings

if TYPE_CHECKING:
    from adapters.salesforce.pubsub import PubSub
    from adapters.salesforce.subscription import Arrived, Subscription

MISSING = (
    "organization_id turns change events on, and they need packages that are not installed: "
    "pip install 'fieldgate[salesforce-events]'"
)
MARGIN = timedelta(minutes=2)
"""How far behind a moment it is read again: clocks differ, and transactions take their time to commit."""

CATCH_UP_ROWS = 500

_BY_CHANGE = Keyset("SystemModstamp", is_time=True)


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the subscription stands.

    at:       milliseconds since 1970: everything committed before is known.
    replay:   the replay id to continue behind, in hexadecimal digits; None before there is one: then all
              that is retained is asked for, and what was committed before ``at`` is passed over.
    since:    milliseconds since 1970; not None while the accounts changed since are being read.
    position: the place of the last of these.
    """

    at: int
    replay: str | None = None
    since: int | None = None
    position: str | None = None


class SalesforceEvents(EventSource):
    """The change events of one org's accounts."""

    gives = GIVES
    poll_s = 0.1
    """Fetching waits for events itself."""

    def __init__(
        self,
        client: SalesforceClient,
        settings: SalesforceSettings,
        fields: FieldMap,
        *,
        wait_s: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ``ValueError`` where the extra is not installed."""
        self._client = client
        self._settings = settings
        self._fields = fields
        self._wait_s = wait_s
        self._clock = clock
        self._pubsub = _pubsub(self._credentials, settings)
        self._token = ""
        self._subscription: Subscription | None = None
        self._given: str | None = None
        columns = (settings.status_column, settings.command_column)
        self._columns = tuple(column for column in columns if column is not None)

    def key(self, body: bytes) -> str:
        message = _message(body)
        return row_in(body).key if message is None else message.key

    def parse(self, body: bytes) -> Sequence[Notice]:
        message = _message(body)
        if message is None:
            notice = notice_of(row_in(body))
            return () if notice is None else (notice,)
        if isinstance(message, Undecodable):
            raise Malformed("the event does not fit its schema")
        return notices(
            message,
            fields=self._fields,
            status_column=self._settings.status_column,
            command_column=self._settings.command_column,
        )

    async def fetch(self, mark: str | None) -> Batch:
        """What has arrived behind the mark; waits for it up to a second."""
        known = _mark(mark) if mark is not None else Mark(_millis(self._clock() - MARGIN))
        if known.since is not None:
            return await self._catch_up(known, known.since)
        if self._subscription is None or mark != self._given:
            await self._subscribe(known, newest=mark is None)
        try:
            arrived = await self._arrived(known)
        except Rejected as fault:
            if not _is_replay_lost(fault):
                raise
            await self._end()
            return self._batch([], Mark(known.at, since=known.at - _MARGIN_MS), more=True)
        messages, moved = await self._decoded(arrived, known)
        return self._batch(messages, moved, more=moved.since is not None)

    async def topic(self) -> bool:
        """Whether the topic is there and may be subscribed to. Raises a fault of the tree."""
        info = await self._pubsub.topic(self._settings.pubsub_topic)
        return bool(info.can_subscribe)

    async def aclose(self) -> None:
        await self._end()
        await self._pubsub.aclose()

    async def _credentials(self) -> Mapping[str, str]:
        self._token = await self._client.access_token()
        return {
            "accesstoken": self._token,
            "instanceurl": self._settings.root,
            "tenantid": self._settings.organization_id or "",
        }

    async def _subscribe(self, mark: Mark, *, newest: bool) -> None:
        from adapters.salesforce.pubsub import CUSTOM, EARLIEST, LATEST
        from adapters.salesforce.subscription import Subscription

        await self._end()
        topic = self._settings.pubsub_topic
        if mark.replay is not None:
            subscription = Subscription(topic, CUSTOM, bytes.fromhex(mark.replay))
        else:
            subscription = Subscription(topic, LATEST if newest else EARLIEST)
        await subscription.open(self._pubsub)
        self._subscription = subscription

    async def _arrived(self, mark: Mark) -> Sequence[Arrived]:
        """Events of the subscription. One that a session ended is opened again, once, with a new session."""
        assert self._subscription is not None
        try:
            return await self._subscription.take(self._wait_s)
        except Unauthorised:
            await self._client.session_refused(self._token)
            await self._subscribe(mark, newest=False)
            try:
                return await self._subscription.take(self._wait_s)
            except BaseException:
                await self._end()
                raise
        except BaseException:
            await self._end()
            raise

    async def _decoded(self, arrived: Sequence[Arrived], mark: Mark) -> tuple[list[tuple[str, bytes]], Mark]:
        """The messages of what arrived, and the mark behind it; not further than an overflow."""
        messages: list[tuple[str, bytes]] = []
        at, replay, passed_over = mark.at, mark.replay, mark.at if mark.replay is None else 0
        for each in arrived:
            replay = each.replay_id.hex()
            if each.payload is None:
                continue
            message = await self._message_of(each, each.payload)
            if isinstance(message, ChangeEvent):
                committed = message.header.commitTimestamp
                if committed < passed_over:
                    continue
                at = max(at, committed)
                if message.header.changeType == OVERFLOW:
                    await self._end()
                    messages.append((message.key, msgspec.json.encode(message)))
                    return messages, Mark(at, replay, since=committed - _MARGIN_MS)
            messages.append((message.key, msgspec.json.encode(message)))
        return messages, Mark(at, replay)

    async def _message_of(self, arrived: Arrived, payload: bytes) -> ChangeEvent | Undecodable:
        try:
            schema = await self._pubsub.schema(arrived.schema_id)
            event = schema.read(payload)
            header: Any = event.get(HEADER) or {}
            nulled = schema.fields_in(header.get("nulledFields") or ())
            return kept(event, self._columns, nulled)
        except Malformed:
            return Undecodable(arrived.replay_id.hex(), arrived.schema_id, payload)
        except BaseException:
            # What was taken out of the subscription is asked for again from the old mark.
            await self._end()
            raise

    async def _catch_up(self, mark: Mark, since: int) -> Batch:
        """A page of the accounts that changed since, and behind the last of them the stream again."""
        column = self._settings.status_column
        behind = "" if mark.position is None else f" AND ({_BY_CHANGE.behind(mark.position)})"
        # Names come from validated settings, values through the literals of ``soql``.
        asked = f"SELECT Id, SystemModstamp, {column} FROM {self._fields.vendor_resource}"  # noqa: S608
        where = f"SystemModstamp >= {soql.moment(_EPOCH + timedelta(milliseconds=since))}{behind}"
        batch = await self._client.query(
            f"{asked} WHERE {where} ORDER BY {_BY_CHANGE.order_by} LIMIT {CATCH_UP_ROWS}"
        )
        messages = [self._row(row) for row in batch.rows]
        newest = max([mark.at, *(_millis(_modstamp(row)) for row in batch.rows)])
        if batch.rows and (batch.next_url is not None or len(batch.rows) == CATCH_UP_ROWS):
            position = _BY_CHANGE.position(batch.rows[-1])
            return self._batch(messages, Mark(newest, mark.replay, since, position), more=True)
        # Without a replay id: all that is retained, less what was committed well before the newest row.
        at = newest if mark.replay is not None else newest - _MARGIN_MS
        return self._batch(messages, Mark(at, mark.replay), more=False)

    def _row(self, row: Row) -> tuple[str, bytes]:
        column = self._settings.status_column
        record_id = str(row["Id"])
        return message_of(
            changed_row(
                RecordType.CUSTOMER,
                record_id,
                _modstamp(row),
                status=read_status({column: row.get(column)}, column, self._fields),
                customer_in_crm=record_id,
                summary=f"account {record_id} was changed in Salesforce",
            )
        )

    def _batch(self, messages: Sequence[tuple[str, bytes]], mark: Mark, *, more: bool) -> Batch:
        self._given = msgspec.json.encode(mark).decode()
        return Batch(messages, self._given, more)

    async def _end(self) -> None:
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            await subscription.aclose()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARGIN_MS = MARGIN // timedelta(milliseconds=1)


def _pubsub(credentials: Callable[[], Any], settings: SalesforceSettings) -> PubSub:
    try:
        from adapters.salesforce.pubsub import PubSub
    except ImportError as error:
        raise ValueError(MISSING) from error
    return PubSub(
        settings.pubsub_endpoint, credentials, tls=settings.pubsub_tls, timeout_s=settings.deadline_s
    )


def _is_replay_lost(fault: Rejected) -> bool:
    from adapters.salesforce.pubsub import ReplayLost

    return isinstance(fault, ReplayLost)


def _message(body: bytes) -> ChangeEvent | Undecodable | None:
    """The message of an event; None for the message of a row that was read. Raises ``Malformed``."""
    try:
        raw = msgspec.json.decode(body, type=dict[str, Any])
        if HEADER in raw:
            return msgspec.convert(raw, ChangeEvent)
        return msgspec.convert(raw, Undecodable) if "replay_id" in raw else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("the message is not that of a change event") from error


def _mark(mark: str) -> Mark:
    try:
        known = msgspec.json.decode(mark, type=Mark)
        bytes.fromhex(known.replay or "")
    except (msgspec.DecodeError, ValueError) as error:
        raise Rejected("not a mark of this subscription", vendor_code="bad_position") from error
    return known


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _modstamp(row: Row) -> datetime:
    moment = utc_from_iso(row.get("SystemModstamp"))
    if moment is None:
        raise Malformed("Account: a row came without its SystemModstamp")
    return moment
