"""A change event as the inbox keeps it: its header, and the two columns that matter to the gateway.

The event's other columns hold personal data and are not kept. An UPDATE carries changed columns only: a
column that is null and not among ``nulledFields`` did not change
(https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from adapters.contracts.errors import Malformed
from adapters.contracts.events import Notice
from adapters.contracts.fields import FieldMap
from adapters.contracts.vocabulary import BusinessEventType, RecordType
from adapters.salesforce.record_id import canonical_id

OVERFLOW = "GAP_OVERFLOW"
"""More changed in one transaction than Salesforce tells of one by one: it names no record."""

HEADER = "ChangeEventHeader"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Kind(msgspec.Struct, frozen=True):
    """What a change type means. ``event`` is None where nothing is said to have happened but the end."""

    event: BusinessEventType | None
    verb: str
    deleted: bool = False


_CREATED = _Kind(BusinessEventType.CUSTOMER_CREATED, "created")
_UPDATED = _Kind(BusinessEventType.CUSTOMER_UPDATED, "updated")
_RESTORED = _Kind(BusinessEventType.CUSTOMER_UPDATED, "restored")
_DELETED = _Kind(None, "deleted", deleted=True)

KINDS: Mapping[str, _Kind] = {
    f"{gap}{change}": kind
    for gap in ("", "GAP_")
    for change, kind in {
        "CREATE": _CREATED,
        "UPDATE": _UPDATED,
        "UNDELETE": _RESTORED,
        "DELETE": _DELETED,
    }.items()
}
"""Change types. A gap event (GAP_…) says that something changed and not what: it carries no column."""

GIVES = frozenset(kind.event for kind in KINDS.values() if kind.event is not None)


class Header(msgspec.Struct, frozen=True):
    """The parts of a ChangeEventHeader that are kept, by their own names.

    commitTimestamp orders the events of a record: milliseconds since 1970, of the transaction's commit.
    ``commitNumber`` is for diagnosis alone, and starts anew when an org is moved.
    """

    entityName: str
    recordIds: list[str]
    changeType: str
    transactionKey: str
    sequenceNumber: int
    commitTimestamp: int
    changeOrigin: str = ""


class ChangeEvent(msgspec.Struct, frozen=True, rename={"header": HEADER}):
    """The message: the header, and the kept columns that the event carries; null for one that was cleared."""

    header: Header
    columns: dict[str, str | None] = {}

    @property
    def key(self) -> str:
        return f"{self.header.transactionKey}:{self.header.sequenceNumber}"


class Undecodable(msgspec.Struct, frozen=True, tag="undecodable", tag_field="kind"):
    """The message of an event that its schema does not fit: kept for whoever looks into it."""

    replay_id: str
    schema_id: str
    payload: bytes

    @property
    def key(self) -> str:
        return f"replay:{self.replay_id}"


def kept(event: Mapping[str, Any], columns: Iterable[str], nulled: frozenset[str]) -> ChangeEvent:
    """The message of a decoded event. Raises ``Malformed`` for one without a header."""
    try:
        header = msgspec.convert(event.get(HEADER), Header)
    except msgspec.ValidationError as error:
        raise Malformed("the event has no change event header") from error
    carried = {
        name: None if event[name] is None else str(event[name])
        for name in columns
        if name in event and (event[name] is not None or name in nulled)
    }
    return ChangeEvent(header, carried)


def read_status(columns: Mapping[str, str | None], column: str, fields: FieldMap) -> Enum | None:
    """The status that the event tells; None where it tells none."""
    return fields.read({column: columns[column]}, "status") if column in columns else None


def notices(
    event: ChangeEvent, *, fields: FieldMap, status_column: str, command_column: str | None
) -> Sequence[Notice]:
    """One notice for each account; none for other objects, and for an overflow, which names no record."""
    header, kind = event.header, KINDS.get(event.header.changeType)
    if header.entityName != fields.vendor_resource or kind is None:
        return ()
    try:
        occurred_at = _EPOCH + timedelta(milliseconds=header.commitTimestamp)
    except OverflowError as error:
        raise Malformed("the commit timestamp of an event is no time") from error
    status = read_status(event.columns, status_column, fields)
    ids = (canonical_id(record_id) for record_id in header.recordIds)
    return [
        Notice(
            key=f"{event.key}:{record_id}",
            type=RecordType.CUSTOMER,
            record_id=record_id,
            occurred_at=occurred_at,
            event=kind.event,
            status=status,
            version=header.commitTimestamp,
            customer_in_crm=record_id,
            command_key=event.columns.get(command_column) if command_column is not None else None,
            summary=f"account {record_id} was {kind.verb} in Salesforce",
            deleted=kind.deleted,
        )
        # "001*" stands for every record of an object whose column changed its type: not for one.
        for record_id in ids
        if record_id is not None
    ]
