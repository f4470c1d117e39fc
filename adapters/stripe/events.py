"""Stripe's events: signed webhooks, and the list of the last 30 days for what they missed.

https://docs.stripe.com/api/events. An event carries its object as it was then. Stripe promises no order and
numbers nothing; an event's time is in whole seconds. So notices are ordered by that time and, within a
second, by how far a payment has come (``_RANK``): a payment fails before it succeeds, and is refunded after;
where that does not tell either, two notices have the same version.
Events whose object does not tell the payment's status have no version: the payment is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.contracts.convert import utc_from_unix
from adapters.contracts.errors import Malformed
from adapters.contracts.events import Batch, EventSource, Notice
from adapters.contracts.vocabulary import BusinessEventType, PaymentStatus, RecordType
from adapters.stripe import signature
from adapters.stripe.client import StripeClient
from adapters.stripe.event_list import EventList
from adapters.stripe.marker import MARKER
from adapters.stripe.payment import status_after_success, status_of
from adapters.stripe.settings import StripeSettings

_B = BusinessEventType
_S = PaymentStatus

_RANK: Mapping[PaymentStatus, int] = {
    _S.PENDING: 0,
    _S.FAILED: 1,
    _S.REQUIRES_ACTION: 1,
    _S.PROCESSING: 1,
    _S.CANCELLED: 2,
    _S.SUCCEEDED: 3,
    _S.PARTIALLY_REFUNDED: 4,
    _S.DISPUTED: 5,
    _S.REFUNDED: 6,
}
"""Which status is the later one of two in one second. Attempts follow each other in any order: a tie between
two of them, which only reading the payment again can settle."""

_RANKS_A_SECOND = 1000


class _Data(msgspec.Struct):
    object: dict[str, Any]
    previous_attributes: dict[str, Any] | None = None


class _Request(msgspec.Struct):
    idempotency_key: str | None = None


class _Event(msgspec.Struct, tag="event", tag_field="object"):
    """The envelope, as far as it is read. ``request`` is that of the call which caused it, if one did."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    type: str
    created: int
    data: _Data
    request: _Request | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What an object tells: the record, its status where it says so, and what it carries along."""

    type: RecordType
    record_id: str
    status: PaymentStatus | None = None
    customer_in_crm: str | None = None
    marker: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of event: what it is in the company's words, how its object is read, how people are told.

    again: what the object tells is not enough; the record must be read again.
    """

    event: BusinessEventType | None
    read: Callable[[_Event, str], _Told | None]
    words: str
    again: bool = False


class StripeEvents(EventSource):
    """The events of one account."""

    webhooks = True

    def __init__(
        self, client: StripeClient, settings: StripeSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        self._crm_id_key = settings.crm_id_key
        self._list = EventList(client, tuple(_KINDS), clock)
        self.gives = frozenset(kind.event for kind in _KINDS.values() if kind.event is not None)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime, path_secret: str | None) -> None:
        signature.verify(headers.get(signature.HEADER), body, self._secrets, now.timestamp())

    def key(self, body: bytes) -> str:
        return _event(body).id

    def parse(self, body: bytes) -> Sequence[Notice]:
        event = _event(body)
        kind = _KINDS.get(event.type)
        if kind is None:
            return ()
        try:
            notice = self._notice(event, kind)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"{event.type}: the object is not as documented") from error
        return () if notice is None else (notice,)

    async def fetch(self, mark: str | None) -> Batch | None:
        return await self._list.behind(mark)

    def _notice(self, event: _Event, kind: _Kind) -> Notice | None:
        told = kind.read(event, self._crm_id_key)
        occurred_at = utc_from_unix(event.created)
        if told is None or occurred_at is None:
            return None
        return Notice(
            key=event.id,
            type=told.type,
            record_id=told.record_id,
            occurred_at=occurred_at,
            event=kind.event,
            status=told.status,
            version=None if kind.again else _version(event.created, told.status),
            customer_in_crm=told.customer_in_crm,
            # A marker stays on an intent for ever: who asked for this very change is told by the request.
            command_key=(event.request and event.request.idempotency_key) or told.marker,
            summary=f"{told.record_id} {kind.words}",
            deleted=told.deleted,
        )


def _version(created: int, status: PaymentStatus | None) -> int | None:
    """Rises with the second, and within one with the payment's progress; none for an unknown status."""
    rank = 0 if status is None else _RANK.get(status)
    return None if rank is None else created * _RANKS_A_SECOND + rank


def _event(body: bytes) -> _Event:
    """The envelope. Raises ``Malformed``."""
    try:
        return msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("this is not an event of Stripe's") from error


def _intent(event: _Event, crm_id_key: str) -> _Told:
    intent = event.data.object
    metadata = intent["metadata"]
    return _Told(
        RecordType.PAYMENT,
        intent["id"],
        status_of(intent, None),
        metadata.get(crm_id_key) or None,
        metadata.get(MARKER),
    )


def _charge(event: _Event, crm_id_key: str) -> _Told | None:
    """A charge that no intent made is not a payment of the graph."""
    charge = event.data.object
    if charge["payment_intent"] is None:
        return None
    crm_id = charge["metadata"].get(crm_id_key) or None
    return _Told(RecordType.PAYMENT, charge["payment_intent"], status_after_success(charge), crm_id)


def _dispute(event: _Event, crm_id_key: str) -> _Told | None:
    intent = event.data.object["payment_intent"]
    return None if intent is None else _Told(RecordType.PAYMENT, intent, PaymentStatus.DISPUTED)


def _consequence(event: _Event, crm_id_key: str) -> _Told | None:
    """Of a refund or a dispute, which name the payment and not where it stands now."""
    intent = event.data.object["payment_intent"]
    return None if intent is None else _Told(RecordType.PAYMENT, intent)


def _customer(event: _Event, crm_id_key: str) -> _Told:
    customer = event.data.object
    deleted = event.type == "customer.deleted"
    crm_id = customer["metadata"].get(crm_id_key) or None
    return _Told(RecordType.CUSTOMER, customer["id"], customer_in_crm=crm_id, deleted=deleted)


def _method(event: _Event, crm_id_key: str) -> _Told | None:
    """A method that was detached names its customer only among what it was before."""
    customer = event.data.object["customer"] or (event.data.previous_attributes or {}).get("customer")
    return None if customer is None else _Told(RecordType.CUSTOMER, customer)


_KINDS: Mapping[str, _Kind] = {
    "payment_intent.created": _Kind(_B.PAYMENT_CREATED, _intent, "was created"),
    "payment_intent.requires_action": _Kind(None, _intent, "waits for the customer"),
    "payment_intent.processing": _Kind(None, _intent, "is being processed"),
    "payment_intent.amount_capturable_updated": _Kind(None, _intent, "was authorised"),
    "payment_intent.succeeded": _Kind(_B.PAYMENT_SUCCEEDED, _intent, "succeeded"),
    "payment_intent.payment_failed": _Kind(_B.PAYMENT_FAILED, _intent, "failed"),
    "payment_intent.canceled": _Kind(None, _intent, "was cancelled"),
    "charge.refunded": _Kind(_B.PAYMENT_REFUNDED, _charge, "was refunded"),
    "refund.failed": _Kind(None, _consequence, "could not be refunded", again=True),
    "charge.dispute.created": _Kind(_B.PAYMENT_DISPUTED, _dispute, "was disputed"),
    "charge.dispute.updated": _Kind(None, _consequence, "has news of its dispute", again=True),
    "charge.dispute.closed": _Kind(None, _consequence, "is no longer disputed", again=True),
    "charge.dispute.funds_withdrawn": _Kind(None, _consequence, "lost its funds", again=True),
    "charge.dispute.funds_reinstated": _Kind(None, _consequence, "has its funds again", again=True),
    "customer.created": _Kind(_B.CUSTOMER_UPDATED, _customer, "was created"),
    "customer.updated": _Kind(_B.CUSTOMER_UPDATED, _customer, "was updated"),
    "customer.deleted": _Kind(_B.CUSTOMER_UPDATED, _customer, "was deleted"),
    "payment_method.attached": _Kind(_B.CUSTOMER_UPDATED, _method, "has a new payment method"),
    "payment_method.automatically_updated": _Kind(
        _B.CUSTOMER_UPDATED, _method, "has a renewed payment method"
    ),
    "payment_method.detached": _Kind(_B.CUSTOMER_UPDATED, _method, "has lost a payment method"),
}
"""Types of events that concern the graph (https://docs.stripe.com/api/events/types): at most 20, which is as
many as the list of events can be filtered by. Charges and refunds that an intent's own event tells of as
well are left out. The CRM says who a customer is: what becomes of one here is an update."""
