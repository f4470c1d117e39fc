"""Which command caused what a system tells of, so that both become one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.events import Notice
from adapters.contracts.vocabulary import BusinessEventType
from adapters.contracts.writes import WRITINGS, Verb
from gateway.commands.ids import vendor_key
from gateway.commands.tables import command
from gateway.events.journal import Key
from schema.enums import CommandStatus

_E = BusinessEventType

WINDOW = timedelta(minutes=2)
"""How long after a command's end news of its record can still be its own."""

_SKEW = timedelta(seconds=30)
"""By how much a system's clock may be behind the gateway's."""

CAUSES: Mapping[Verb, frozenset[BusinessEventType]] = {
    Verb.UPDATE_CUSTOMER: frozenset({_E.CUSTOMER_UPDATED, _E.CUSTOMER_STATUS_CHANGED}),
    Verb.UPDATE_CUSTOMER_BILLING: frozenset({_E.CUSTOMER_UPDATED}),
    Verb.AMEND_SUBSCRIPTION: frozenset({_E.SUBSCRIPTION_AMENDED}),
    Verb.PAUSE_SUBSCRIPTION: frozenset({_E.SUBSCRIPTION_PAUSED}),
    Verb.RESUME_SUBSCRIPTION: frozenset({_E.SUBSCRIPTION_RESUMED}),
    Verb.CANCEL_SUBSCRIPTION: frozenset({_E.SUBSCRIPTION_CANCELLED, _E.SUBSCRIPTION_STATUS_CHANGED}),
    Verb.REACTIVATE_SUBSCRIPTION: frozenset({_E.SUBSCRIPTION_REACTIVATED}),
    Verb.POST_INVOICE: frozenset({_E.INVOICE_POSTED, _E.INVOICE_STATUS_CHANGED}),
    Verb.VOID_INVOICE: frozenset({_E.INVOICE_VOIDED, _E.INVOICE_STATUS_CHANGED}),
    Verb.UPDATE_INVOICE: frozenset[BusinessEventType](),
    Verb.COLLECT_PAYMENT: frozenset({_E.PAYMENT_CREATED, _E.PAYMENT_SUCCEEDED, _E.PAYMENT_FAILED}),
    Verb.RETRY_PAYMENT: frozenset({_E.PAYMENT_SUCCEEDED, _E.PAYMENT_FAILED}),
    Verb.REFUND_PAYMENT: frozenset({_E.PAYMENT_REFUNDED}),
}
"""What a command of each verb makes happen to the record it writes."""

_MAY_HAVE_BEEN_DONE = (CommandStatus.RUNNING, CommandStatus.UNCERTAIN, CommandStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Cause:
    """A command that is under way, or ended a short while ago."""

    id: str
    correlation_id: str
    verb: Verb
    record: Key | None
    requested_at: datetime


class Causes:
    """The commands that what a connection tells now can be news of."""

    def __init__(self, found: Sequence[Cause]) -> None:
        self._by_key = {vendor_key(each.id): each for each in found}
        self._by_record: dict[Key, list[Cause]] = {}
        for each in found:
            if each.record is not None:
                self._by_record.setdefault(each.record, []).append(each)

    def of(self, notice: Notice, event: BusinessEventType) -> Cause | None:
        """The command behind a notice: by its key, or as the last that makes this happen to the record."""
        by_key = self._by_key.get(notice.command_key or "")
        if by_key is not None:
            return by_key
        for each in reversed(self._by_record.get((notice.type, notice.record_id), ())):
            if event in CAUSES[each.verb] and notice.occurred_at >= each.requested_at - _SKEW:
                return each
        return None


async def recent(tx: AsyncConnection, connection: str, now: datetime) -> Causes:
    """The connection's commands that may have been done, and were so lately, oldest first."""
    columns = command.c
    query = (
        select(
            columns.id,
            columns.correlation_id,
            columns.verb,
            columns.record_id,
            columns.result_id,
            columns.requested_at,
        )
        .where(
            columns.connection == connection,
            or_(columns.finished_at.is_(None), columns.finished_at >= now - WINDOW),
            columns.status.in_([status.value for status in _MAY_HAVE_BEEN_DONE]),
        )
        .order_by(columns.seq)
    )
    return Causes(
        [
            Cause(
                row.id,
                row.correlation_id,
                Verb(row.verb),
                _record(Verb(row.verb), row.record_id, row.result_id),
                row.requested_at,
            )
            for row in await tx.execute(query)
        ]
    )


def _record(verb: Verb, record_id: str, result_id: str | None) -> Key | None:
    """The record that changes: the one named, or the one that was made, once that is known."""
    writing = WRITINGS[verb]
    if writing.result is writing.type:
        return writing.type, record_id
    return None if result_id is None else (writing.result, result_id)
