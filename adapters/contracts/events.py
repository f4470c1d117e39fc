"""The port by which a vendor tells of changes: webhooks verified on their raw bytes, event lists, polling.

A vendor's message becomes ``Notice``s: what changed, in canonical terms, with what it takes to put notices
of one object in order. The gateway makes business events of them; adapters conclude nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from adapters.contracts.vocabulary import BusinessEventType, RecordType


class Unverified(Exception):
    """The message does not prove that it comes from the vendor. Nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened to one record, as the vendor told it.

    key:             the vendor's own id of the event, unique per connection; a poller makes one of the record
                     id and its version, so that the same change found again has the same key.
    type, record_id: what it happened to, at this connection.
    event:           what happened, by the vendor's table; None where the message only says "changed": the
                     gateway then concludes it from the status it last knew.
    status:          the canonical status after it (a member of the type's status enum), where the message
                     tells it; None where it does not and the record would have to be read.
    version:         orders the notices of one record: greater is later. None where the vendor has nothing to
                     order by: the gateway then reads the record again.
    occurred_at:     by the vendor's clock, aware UTC.
    customer_in_crm: the CRM's id of the customer concerned, where the message has it.
    command_key:     the ``Write.key`` that caused it, where the vendor carries our marker or key along.
    summary:         one line for people without personal values: ``"INV-US-000123 was posted"``.
    deleted:         the record is gone.
    created:         the record came into being since the gateway listens: heard of for the first time, it is
                     told of as created.
    """

    key: str
    type: RecordType
    record_id: str
    occurred_at: datetime
    event: BusinessEventType | None = None
    status: Enum | None = None
    version: int | None = None
    customer_in_crm: str | None = None
    command_key: str | None = None
    summary: str | None = None
    deleted: bool = False
    created: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of notices that were fetched, oldest first.

    messages: (event key, raw body) as if each had come by webhook, so that both ways meet in one inbox.
    mark:     where to continue: opaque, kept durably by the gateway once the messages are.
    more:     whether to ask again at once.
    """

    messages: Sequence[tuple[str, bytes]]
    mark: str
    more: bool


class EventSource(ABC):
    """How one connection tells of changes. Everything it tells passes through ``parse``."""

    webhooks: bool = False
    """Whether the vendor pushes to ``POST /webhooks/{connection}``."""

    poll_s: float | None = None
    """Seconds between fetches where fetching is the way (polling); None where it only catches up."""

    gives: frozenset[BusinessEventType] = frozenset()
    """The business events that the vendor itself tells of (origin SOURCE)."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime, path_secret: str | None) -> None:
        """Checks the proof of origin on the raw bytes. Header names are lower-case.

        Raises ``Unverified``. Vendors without webhooks refuse everything.
        """
        raise Unverified("this connection takes no webhooks")

    @abstractmethod
    def key(self, body: bytes) -> str:
        """The event's key in a raw message. Raises ``Malformed``."""

    @abstractmethod
    def parse(self, body: bytes) -> Sequence[Notice]:
        """The notices in a raw message; empty for a kind of event that concerns nothing of the graph.

        Raises ``Malformed``: the message is then kept as a dead letter with the reason.
        """

    async def fetch(self, mark: str | None) -> Batch | None:
        """Messages behind a mark: the vendor's event list, a replay, or a poll. None where there is no way.

        ``mark`` None begins now (for polling: with what changes from now on). Raises a fault of the tree.
        """
        return None
