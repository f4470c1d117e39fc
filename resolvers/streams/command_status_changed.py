"""``commandStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from resolvers.command import command_by_own_id, command_id_of
from resolvers.context import RequestContext
from resolvers.event_port import Event, EventFilter
from resolvers.streams.status_change import StatusChange, given
from resolvers.streams.watch import Watch
from schema.enums import CommandStatus


def command_status_changed(info: Info[RequestContext, Any], id: str | None, after: str | None) -> Watch:
    """Of every command, or of one."""
    context = info.context
    context.start(info)
    command_id = None if given(id) is None else command_id_of(str(id))
    everybody = context.viewer.reads_all_commands
    return Watch(
        context,
        EventFilter(command_id=command_id, commands=True, changes=True),
        given(after),
        lambda event, own: StatusChange(event, own, CommandStatus),
        None if everybody else _is_own,
        None if everybody else context.viewer.subject,
    )


async def _is_own(event: Event, context: RequestContext) -> bool:
    return event.command_id is not None and await command_by_own_id(context, event.command_id) is not None
