"""Which events a viewer is told of: those about objects of which it may know, of customers that it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import BusinessEventType, System
from resolvers.errors import fault_of
from resolvers.event_port import Event, EventFilter
from resolvers.viewer import Viewer

if TYPE_CHECKING:
    from resolvers.context import RequestContext

_COMMAND = BusinessEventType.COMMAND_STATUS_CHANGED
_SUBJECTS: Mapping[str, str] = {
    "CUSTOMER": "Customer",
    "SUBSCRIPTION": "Subscription",
    "TRIAL": "Subscription",
    "INVOICE": "Invoice",
    "PAYMENT": "Payment",
}
"""The first word of an event's type -> the type of object that it is about."""


def permitted(viewer: Viewer, wanted: EventFilter) -> EventFilter:
    """The filter, narrowed to the types of events that the viewer may hear of."""
    types = frozenset(each for each in BusinessEventType if tells(viewer, each))
    if len(types) == len(BusinessEventType):
        return wanted
    return replace(wanted, types=types if wanted.types is None else wanted.types & types)


def tells(viewer: Viewer, event_type: BusinessEventType) -> bool:
    """Whether the viewer may hear of events of a type. Those of commands are for who sees all commands."""
    if event_type is _COMMAND:
        return viewer.reads_all_commands
    return viewer.reads(_SUBJECTS[event_type.value.partition("_")[0]])


async def shows(event: Event, context: RequestContext) -> bool:
    """Whether the viewer sees whom and what an event is about. Raises the fault of who has to say."""
    if context.viewer.rows is None:
        return True
    try:
        rows = context.rows
        return await rows.sees_customer(event.customer) and await rows.sees_subject(event.subject)
    except SystemFault as error:
        raise fault_of(error, System.CRM) from error
