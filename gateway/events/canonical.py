"""From what a system tells of a record to what happened, in the company's words.

Pure: what is known of the record goes in, and what to log and to know from now on comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from adapters.contracts.events import Notice
from adapters.contracts.vocabulary import (
    BusinessEventType,
    EventOrigin,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    SubscriptionStatus,
)
from gateway.events.journal import Known

_S, _I, _P, _E = SubscriptionStatus, InvoiceStatus, PaymentStatus, BusinessEventType

STATUS_CHANGED: Mapping[RecordType, BusinessEventType] = {
    RecordType.CUSTOMER: _E.CUSTOMER_STATUS_CHANGED,
    RecordType.SUBSCRIPTION: _E.SUBSCRIPTION_STATUS_CHANGED,
    RecordType.INVOICE: _E.INVOICE_STATUS_CHANGED,
    RecordType.PAYMENT: _E.PAYMENT_STATUS_CHANGED,
}
"""What a change of status is where no word of its own exists for it."""

CREATED: Mapping[RecordType, BusinessEventType] = {
    RecordType.CUSTOMER: _E.CUSTOMER_CREATED,
    RecordType.SUBSCRIPTION: _E.SUBSCRIPTION_CREATED,
    RecordType.INVOICE: _E.INVOICE_CREATED,
    RecordType.PAYMENT: _E.PAYMENT_CREATED,
}
"""What the first news of a record is that came into being since."""

UNCHANGED: Mapping[RecordType, BusinessEventType] = {RecordType.CUSTOMER: _E.CUSTOMER_UPDATED}
"""What a change that left the status alone is. For other types there is no word: nothing is logged."""


def _moves(
    before: tuple[Enum, ...], after: tuple[Enum, ...], event: BusinessEventType
) -> dict[tuple[Enum, Enum], BusinessEventType]:
    return {(one, other): event for one in before for other in after if one is not other}


_RUNNING = (_S.TRIAL, _S.ACTIVE, _S.NON_RENEWING)
_UNPAID = (_I.DRAFT, _I.PENDING_APPROVAL, _I.OPEN, _I.PARTIALLY_PAID, _I.OVERDUE)
_UNDER_WAY = (_P.PENDING, _P.PROCESSING, _P.REQUIRES_ACTION, _P.FAILED)
_COLLECTED = (*_UNDER_WAY, _P.SUCCEEDED, _P.PARTIALLY_REFUNDED, _P.DISPUTED)

TRANSITIONS: Mapping[tuple[Enum, Enum], BusinessEventType] = {
    **_moves((*_RUNNING, _S.FUTURE, _S.PAUSED), (_S.SUSPENDED,), _E.SUBSCRIPTION_SUSPENDED),
    **_moves((*_RUNNING, _S.FUTURE, _S.SUSPENDED), (_S.PAUSED,), _E.SUBSCRIPTION_PAUSED),
    **_moves((_S.PAUSED,), _RUNNING, _E.SUBSCRIPTION_RESUMED),
    **_moves((_S.SUSPENDED, _S.CANCELLED, _S.EXPIRED), _RUNNING, _E.SUBSCRIPTION_REACTIVATED),
    **_moves((_S.NON_RENEWING,), (_S.ACTIVE,), _E.SUBSCRIPTION_REACTIVATED),
    **_moves((*_RUNNING, _S.FUTURE, _S.PAUSED, _S.SUSPENDED), (_S.CANCELLED,), _E.SUBSCRIPTION_CANCELLED),
    **_moves((_S.TRIAL,), (_S.ACTIVE,), _E.TRIAL_CONVERTED),
    **_moves((_I.DRAFT, _I.PENDING_APPROVAL), (_I.OPEN,), _E.INVOICE_POSTED),
    **_moves(_UNPAID, (_I.PAID,), _E.INVOICE_PAID),
    **_moves((_I.DRAFT, _I.PENDING_APPROVAL, _I.OPEN, _I.PARTIALLY_PAID), (_I.OVERDUE,), _E.INVOICE_OVERDUE),
    **_moves((*_UNPAID, _I.PAID), (_I.VOID,), _E.INVOICE_VOIDED),
    **_moves(_UNDER_WAY, (_P.SUCCEEDED,), _E.PAYMENT_SUCCEEDED),
    **_moves((_P.PENDING, _P.PROCESSING, _P.REQUIRES_ACTION, _P.SUCCEEDED), (_P.FAILED,), _E.PAYMENT_FAILED),
    **_moves(_COLLECTED, (_P.REFUNDED, _P.PARTIALLY_REFUNDED), _E.PAYMENT_REFUNDED),
    **_moves(_COLLECTED, (_P.DISPUTED,), _E.PAYMENT_DISPUTED),
}
"""A change of status -> what happened. Statuses of different types never meet."""

_OPEN = (_I.OPEN, _I.PARTIALLY_PAID)

SKEW = timedelta(seconds=30)
"""By how much a system's clock may be ahead of the gateway's."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A record as it was read. ``status`` is None where there is no such record any more.

    at: the record was asked then, by the gateway's clock; nothing that happened before is news of it.
    """

    status: Enum | None
    customer_in_crm: str | None = None
    due_on: date | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One event to log. ``part`` tells apart the events of one notice."""

    type: BusinessEventType
    origin: EventOrigin
    previous: Enum | None = None
    current: Enum | None = None
    superseded: bool = False
    part: str = ""


def must_read(notice: Notice, known: Known) -> bool:
    """Whether only the record itself can tell what the notice means."""
    if notice.deleted:
        return False
    if notice.version is None:
        return True
    if known.version is not None and notice.version <= known.version:
        # Two that no version puts in order, and that disagree; a lower one is simply late.
        disagree = notice.status is not None and notice.status is not known.status
        return notice.version == known.version and disagree
    if (
        known.read_at is not None
        and notice.occurred_at <= known.read_at + SKEW
        and notice.status not in (None, known.status)
    ):
        # Versions order notices among each other; the record may have told of later things already.
        return True
    if notice.status in _OPEN and known.status is InvoiceStatus.OVERDUE:
        return True  # the clock has said so; or it may be due later now
    return notice.event is None and notice.status is None


def conclude(notice: Notice, known: Known, reading: Reading | None) -> tuple[list[Happening], Known]:
    """What happened, and what is known from now on."""
    if notice.deleted:
        return _deleted(notice), replace(known, status=None, version=notice.version or known.version)
    if notice.version is not None and known.version is not None and notice.version < known.version:
        return [_late(notice)], known
    status = notice.status if reading is None else reading.status
    after = replace(
        known,
        status=known.status if status is None else status,
        version=known.version if notice.version is None else notice.version,
        read_at=known.read_at if reading is None else reading.at,
    )
    if reading is not None and notice.status is not None and notice.status is not reading.status:
        # The record has moved on since: the notice is late, and what it moved to is told with it.
        change = _change(notice.type, known.status, after.status, "read")
        return [_late(notice), *change], after
    return _told(notice, known.status, after.status), after


def _told(notice: Notice, before: Enum | None, after: Enum | None) -> list[Happening]:
    changed = after is not None and after is not before
    concluded = _type_of(notice.type, before, after) if changed else UNCHANGED.get(notice.type)
    if notice.created and before is None and changed:
        concluded = CREATED[notice.type]
    event = notice.event
    if event is None or (event is STATUS_CHANGED[notice.type] and changed):
        event = concluded
    if event is None:
        return []
    origin = EventOrigin.SOURCE if event is notice.event else EventOrigin.DERIVED
    told = Happening(event, origin, before, after) if changed else Happening(event, origin)
    if concluded is BusinessEventType.TRIAL_CONVERTED and event is not concluded:
        return [told, Happening(concluded, EventOrigin.DERIVED, part="converted")]
    return [told]


def _change(record_type: RecordType, before: Enum | None, after: Enum | None, part: str) -> list[Happening]:
    if after is None or after is before:
        return []
    event = _type_of(record_type, before, after)
    return [Happening(event, EventOrigin.DERIVED, before, after, part=part)]


def _type_of(record_type: RecordType, before: Enum | None, after: Enum | None) -> BusinessEventType:
    """From nothing known, nothing is concluded but that the status is another than it may have been."""
    if before is None or after is None:
        return STATUS_CHANGED[record_type]
    return TRANSITIONS.get((before, after), STATUS_CHANGED[record_type])


def _late(notice: Notice) -> Happening:
    event = notice.event or STATUS_CHANGED[notice.type]
    origin = EventOrigin.SOURCE if notice.event else EventOrigin.DERIVED
    return Happening(event, origin, current=notice.status, superseded=True)


def _deleted(notice: Notice) -> list[Happening]:
    event = notice.event or UNCHANGED.get(notice.type, STATUS_CHANGED[notice.type])
    return [Happening(event, EventOrigin.SOURCE if notice.event else EventOrigin.DERIVED)]
