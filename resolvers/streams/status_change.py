"""A change of status at run time, and what every stream of such changes has in common."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Any

import strawberry

from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    SubscriptionStatus,
)
from resolvers.context import RequestContext
from resolvers.event import EventObject
from resolvers.event_port import Event, EventFilter
from resolvers.reference import reference
from resolvers.streams.watch import Admits, Watch, watch

_STATUSES: dict[RecordType, type[Enum]] = {
    RecordType.CUSTOMER: CustomerStatus,
    RecordType.SUBSCRIPTION: SubscriptionStatus,
    RecordType.INVOICE: InvoiceStatus,
    RecordType.PAYMENT: PaymentStatus,
}


class StatusChange:
    """A change of an object's status. The object is read when it is asked for."""

    def __init__(self, event: Event, context: RequestContext, statuses: type[Enum]) -> None:
        self._event = event
        self._context = context
        self._statuses = statuses

    @property
    def event(self) -> EventObject:
        return EventObject(self._event, self._context)

    @property
    def previous(self) -> Enum | None:
        return None if self._event.previous is None else self._status(self._event.previous)

    @property
    def current(self) -> Enum | None:
        return None if self._event.current is None else self._status(self._event.current)

    @property
    def object(self) -> Awaitable[Any] | None:
        return self.event.subject

    customer = subscription = invoice = payment = command = object

    def _status(self, name: str) -> Enum:
        # The log may have been written by another version of the gateway, with words of its own.
        return self._statuses[name if name in self._statuses.__members__ else "UNKNOWN"]


def changes(
    info: strawberry.Info[RequestContext, Any],
    record_type: RecordType,
    after: str | None,
    *,
    customer_id: str | None,
    subject_id: str | None = None,
    subject_argument: str = "id",
    admits: Admits | None = None,
) -> Watch:
    """Changes of status of one type of object; of one customer's, or of one object, where ids are given."""
    context = info.context
    context.start(info)
    customer = subject = None
    if given(customer_id) is not None:
        customer = reference(context, str(customer_id), RecordType.CUSTOMER, "customerId")
    if given(subject_id) is not None:
        subject = reference(context, str(subject_id), record_type, subject_argument)
    statuses = _STATUSES[record_type]
    return watch(
        context,
        EventFilter(customer=customer, subject_type=record_type, subject=subject, changes=True),
        given(after),
        lambda event, own: StatusChange(event, own, statuses),
        admits,
    )


def given(value: str | None) -> str | None:
    """An argument's value; None where it is absent or null."""
    return None if value is None or value is strawberry.UNSET else value
