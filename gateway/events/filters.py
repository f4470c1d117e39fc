"""Whether an event is wanted."""

from __future__ import annotations

from collections.abc import Hashable

from adapters.contracts.vocabulary import BusinessEventType
from resolvers.event_port import Event, EventFilter


def is_change(event: Event) -> bool:
    """Whether a status changed by it."""
    return event.current is not None and not event.superseded


def wants(wanted: EventFilter, event: Event) -> bool:
    """Whether everything that is asked for holds."""
    return (
        (wanted.types is None or event.type in wanted.types)
        and (wanted.system is None or event.system is wanted.system)
        and (wanted.customer is None or event.customer == wanted.customer)
        and (wanted.subject is None or event.subject == wanted.subject)
        and (
            wanted.subject_type is None
            or (event.subject is not None and event.subject.type is wanted.subject_type)
        )
        and (wanted.command_id is None or event.command_id == wanted.command_id)
        and (not wanted.commands or event.type is BusinessEventType.COMMAND_STATUS_CHANGED)
        and (not wanted.changes or is_change(event))
    )


def topic_of(wanted: EventFilter) -> Hashable:
    """The narrowest thing a filter asks for, so that an event is held against few filters; None for all."""
    for name in ("command_id", "subject", "customer"):
        value = getattr(wanted, name)
        if value is not None:
            return (name, value)
    return None


def topics_of(event: Event) -> tuple[Hashable, ...]:
    """Every topic under which somebody may have asked for the event."""
    return (
        None,
        *((name, value) for name in ("command_id", "subject", "customer") if (value := getattr(event, name))),
    )
