"""``commandStatusChanged``."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from resolvers.command import command_id_of
from resolvers.context import RequestContext
from resolvers.event_port import EventFilter
from resolvers.streams.status_change import StatusChange, given
from resolvers.streams.watch import Watch
from schema.enums import CommandStatus


def command_status_changed(info: Info[RequestContext, Any], id: str | None, after: str | None) -> Watch:
    """Of every command, or of one."""
    context = info.context
    context.start(info)
    command_id = None if given(id) is None else command_id_of(str(id))
    return Watch(
        context,
        EventFilter(command_id=command_id, commands=True, changes=True),
        given(after),
        lambda event, own: StatusChange(event, own, CommandStatus),
    )
