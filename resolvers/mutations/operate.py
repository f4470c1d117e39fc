"""replayCommand and cancelCommand: what an operator can do about a command."""

from __future__ import annotations

from typing import Any

from strawberry import Info

from resolvers.command import CommandObject, command_id_of, sees
from resolvers.command_port import WrongState
from resolvers.context import RequestContext
from resolvers.mutations.outcome import Outcome, Refused, refusal
from schema.payloads import UserErrorCode


async def replay_command(info: Info[Any, Any], id: str) -> Any:
    return await _operate(info, id, "replay")


async def cancel_command(info: Info[Any, Any], id: str) -> Any:
    return await _operate(info, id, "cancel")


async def _operate(info: Info[Any, Any], id: str, what: str) -> Any:
    context: RequestContext = info.context
    context.start(info)
    command_id = command_id_of(id)
    known = await context.commands.get(command_id)
    if known is None or not sees(context.viewer, known):
        return refusal(Refused(UserErrorCode.NOT_FOUND, "id: there is no such command", "id").mistake)
    act = context.commands.replay if what == "replay" else context.commands.cancel
    try:
        command = await act(command_id, context.viewer.subject)
    except WrongState as wrong:
        return refusal(Refused(UserErrorCode.WRONG_STATE, f"id: {wrong}", "id").mistake)
    if command is None:
        return refusal(Refused(UserErrorCode.NOT_FOUND, "id: there is no such command", "id").mistake)
    return Outcome(command=CommandObject(command, context))
