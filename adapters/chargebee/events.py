"""Chargebee's events: webhooks, and the list of events for what they missed.

https://apidocs.chargebee.com/docs/api/events. An event carries its subscription and customer as they were
then, each with a ``resource_version`` in milliseconds, which orders what arrives out of order. Webhooks are
not signed: they prove themselves by basic authentication, by a secret in the path, or by both
(https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings). An event does not say which
request caused it, and carries no idempotency key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.chargebee.client import ChargebeeClient
from adapters.chargebee.event_list import EventList
from adapters.chargebee.settings import ChargebeeSettings
from adapters.chargebee.subscription import STATUSES
from adapters.contracts.convert import status_from, utc_from_unix
from adapters.contracts.errors import Malformed
from adapters.contracts.events import Batch, EventSource, Notice, Unverified
from adapters.contracts.vocabulary import BusinessEventType, RecordType, SubscriptionStatus

_B = BusinessEventType


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of event: the resource it is about, what it is in the company's words, how people are told."""

    resource: str
    event: BusinessEventType | None
    words: str
    deleted: bool = False


_TYPES: Mapping[str, RecordType] = {
    "subscription": RecordType.SUBSCRIPTION,
    "customer": RecordType.CUSTOMER,
}


def _subscription(event: BusinessEventType | None, words: str, *, deleted: bool = False) -> _Kind:
    return _Kind("subscription", event, words, deleted)


def _customer(words: str, *, deleted: bool = False) -> _Kind:
    return _Kind("customer", _B.CUSTOMER_UPDATED, words, deleted)


_KINDS: Mapping[str, _Kind] = {
    "subscription_created": _subscription(_B.SUBSCRIPTION_CREATED, "was created"),
    "subscription_created_with_backdating": _subscription(_B.SUBSCRIPTION_CREATED, "was created"),
    "subscription_started": _subscription(None, "started"),
    "subscription_activated": _subscription(_B.TRIAL_CONVERTED, "was converted from its trial"),
    "subscription_activated_with_backdating": _subscription(
        _B.TRIAL_CONVERTED, "was converted from its trial"
    ),
    "subscription_trial_extended": _subscription(_B.SUBSCRIPTION_AMENDED, "has a longer trial"),
    "subscription_changed": _subscription(_B.SUBSCRIPTION_AMENDED, "was amended"),
    "subscription_changed_with_backdating": _subscription(_B.SUBSCRIPTION_AMENDED, "was amended"),
    "subscription_changes_scheduled": _subscription(
        _B.SUBSCRIPTION_AMENDED, "was amended from its next term on"
    ),
    "subscription_scheduled_changes_removed": _subscription(
        _B.SUBSCRIPTION_AMENDED, "will not be amended after all"
    ),
    "subscription_ramp_applied": _subscription(_B.SUBSCRIPTION_AMENDED, "was amended"),
    "subscription_paused": _subscription(_B.SUBSCRIPTION_PAUSED, "was paused"),
    "subscription_pause_scheduled": _subscription(None, "is to be paused"),
    "subscription_scheduled_pause_removed": _subscription(None, "will not be paused after all"),
    "subscription_resumed": _subscription(_B.SUBSCRIPTION_RESUMED, "was resumed"),
    "subscription_resumption_scheduled": _subscription(None, "is to be resumed"),
    "subscription_scheduled_resumption_removed": _subscription(None, "will not be resumed after all"),
    "subscription_renewed": _subscription(_B.SUBSCRIPTION_RENEWED, "was renewed"),
    "subscription_cancellation_scheduled": _subscription(None, "is to be cancelled"),
    "subscription_scheduled_cancellation_removed": _subscription(
        _B.SUBSCRIPTION_REACTIVATED, "will not be cancelled after all"
    ),
    "subscription_cancelled": _subscription(_B.SUBSCRIPTION_CANCELLED, "was cancelled"),
    "subscription_canceled_with_backdating": _subscription(_B.SUBSCRIPTION_CANCELLED, "was cancelled"),
    "subscription_reactivated": _subscription(_B.SUBSCRIPTION_REACTIVATED, "was reactivated"),
    "subscription_reactivated_with_backdating": _subscription(_B.SUBSCRIPTION_REACTIVATED, "was reactivated"),
    "subscription_deleted": _subscription(None, "was deleted", deleted=True),
    "customer_created": _customer("was created"),
    "customer_changed": _customer("was updated"),
    "customer_deleted": _customer("was deleted", deleted=True),
}
"""``event_type`` of what concerns the graph (https://apidocs.chargebee.com/docs/api/events, event types).

What only repeats another event (``mrr_updated``, ``subscription_items_renewed``) or reminds of one is left
out. ``subscription_activated`` is sent when a trial becomes active, and then only. The CRM says who a
customer is: what becomes of one here is an update."""


class _Event(msgspec.Struct, tag="event", tag_field="object"):
    """The envelope, as far as it is read."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    event_type: str
    occurred_at: int
    content: dict[str, Any]


class ChargebeeEvents(EventSource):
    """The events of one site."""

    webhooks = True

    def __init__(
        self, client: ChargebeeClient, settings: ChargebeeSettings, clock: Callable[[], float] = time.time
    ) -> None:
        user, password = settings.webhook_username, settings.webhook_password
        path_secret = settings.webhook_path_secret
        self._pair = None if password is None else f"{user}:{password.get_secret_value()}".encode()
        self._path_secret = None if path_secret is None else path_secret.get_secret_value().encode()
        self._customer_in_crm = settings.customer_in_crm
        self._list = EventList(client, clock)
        self.gives = frozenset(kind.event for kind in _KINDS.values() if kind.event is not None)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime, path_secret: str | None) -> None:
        """All that is configured must be right; where nothing is, nothing is."""
        proofs = [
            hmac.compare_digest(expected, given)
            for expected, given in (
                (self._pair, _basic(headers.get("authorization", ""))),
                (self._path_secret, (path_secret or "").encode()),
            )
            if expected is not None
        ]
        if not proofs:
            raise Unverified("neither a password nor a secret path is configured")
        if not all(proofs):
            raise Unverified("the password or the secret path is wrong")

    def key(self, body: bytes) -> str:
        return _event(body).id

    def parse(self, body: bytes) -> Sequence[Notice]:
        event = _event(body)
        kind = _KINDS.get(event.event_type)
        if kind is None:
            return ()
        try:
            return (self._notice(event, kind),)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed(f"{event.event_type}: the content is not as documented") from error

    async def fetch(self, mark: str | None) -> Batch | None:
        return await self._list.behind(mark)

    def _notice(self, event: _Event, kind: _Kind) -> Notice:
        record = event.content[kind.resource]
        occurred_at = utc_from_unix(event.occurred_at)
        if occurred_at is None:
            raise ValueError("an event has a time")
        status = None
        if kind.resource == "subscription" and not kind.deleted:
            status = status_from(STATUSES, record["status"], SubscriptionStatus.UNKNOWN)
        customer: Mapping[str, Any] = event.content.get("customer") or {}
        return Notice(
            key=event.id,
            type=_TYPES[kind.resource],
            record_id=record["id"],
            occurred_at=occurred_at,
            event=kind.event,
            status=status,
            version=record.get("resource_version"),
            customer_in_crm=customer.get(self._customer_in_crm),
            summary=f"{record['id']} {kind.words}",
            deleted=kind.deleted,
        )


def _event(body: bytes) -> _Event:
    """The envelope. Raises ``Malformed``."""
    try:
        return msgspec.json.decode(body, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("this is not an event of Chargebee's") from error


def _basic(header: str) -> bytes:
    """User and password of a header; empty for any other."""
    scheme, _, proof = header.partition(" ")
    try:
        return base64.b64decode(proof, validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""
