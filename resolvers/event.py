"""Business events as objects of the graph."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.contracts.vocabulary import BusinessEventType, EventOrigin, System
from resolvers.command import command_by_own_id
from resolvers.errors import forbidden
from resolvers.event_access import shows, tells
from resolvers.event_port import Event
from resolvers.ids import Ref, encode_event_id

if TYPE_CHECKING:
    from resolvers.context import RequestContext


class EventObject:
    """An event, as the contract has it. Whom and what it concerns is read when it is asked for."""

    graph_type = "BusinessEvent"

    def __init__(self, event: Event, context: RequestContext) -> None:
        self._event = event
        self._context = context

    @property
    def id(self) -> str:
        return encode_event_id(self._event.id)

    @property
    def cursor(self) -> str:
        return self._event.cursor

    @property
    def type(self) -> BusinessEventType:
        return self._event.type

    @property
    def origin(self) -> EventOrigin:
        return self._event.origin

    @property
    def system(self) -> System:
        return self._event.system

    @property
    def occurred_at(self) -> datetime:
        return self._event.occurred_at

    @property
    def observed_at(self) -> datetime:
        return self._event.observed_at

    @property
    def correlation_id(self) -> str | None:
        return self._event.correlation_id

    @property
    def summary(self) -> str:
        return self._event.summary

    @property
    def refs(self) -> Mapping[str, Ref | str | None]:
        """What its fields name: objects of systems, or a command by its own id."""
        event = self._event
        of_command = event.type is BusinessEventType.COMMAND_STATUS_CHANGED and event.command_id is not None
        return {
            "customer": self._known(event.customer),
            "subject": event.command_id if of_command else self._known(event.subject),
        }

    @property
    def customer(self) -> Awaitable[Any] | None:
        return self._object("customer")

    @property
    def subject(self) -> Awaitable[Any] | None:
        return self._object("subject")

    def _object(self, field: str) -> Awaitable[Any] | None:
        named = self.refs[field]
        if named is None:
            return None
        if isinstance(named, Ref):
            return self._context.existing(named)
        return command_by_own_id(self._context, named)

    def _known(self, ref: Ref | None) -> Ref | None:
        # The log can be older than the configuration: a connection that is gone knows no objects.
        return None if ref is None or self._context.systems.system_of(ref.connection) is None else ref


async def event_by_own_id(context: RequestContext, event_id: str) -> EventObject | None:
    if not context.viewer.reads(EventObject.graph_type):
        raise forbidden(EventObject.graph_type)
    found = await context.events.get(event_id)
    if found is None or not tells(context.viewer, found.type) or not await shows(found, context):
        return None
    return EventObject(found, context)
