"""Commands as objects of the graph, and their list."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.contracts.vocabulary import System
from resolvers.command_port import Attempt, Command, CommandQuery
from resolvers.connection import Connection, ConnectionEdge, check_first, connection
from resolvers.errors import bad_user_input
from resolvers.ids import BadId, Ref, decode_command_id, decode_id, encode_command_id
from resolvers.viewer import Viewer
from schema.enums import CommandStatus

if TYPE_CHECKING:
    from resolvers.context import RequestContext
    from resolvers.entity import Entity


class CommandObject:
    """A command, as the contract has it."""

    graph_type = "Command"

    def __init__(self, command: Command, context: RequestContext) -> None:
        self._command = command
        self._context = context

    @property
    def id(self) -> str:
        return encode_command_id(self._command.id)

    @property
    def kind(self) -> str:
        return self._command.verb.value

    @property
    def status(self) -> CommandStatus:
        return self._command.status

    @property
    def system(self) -> System:
        return self._command.system

    @property
    def refs(self) -> Mapping[str, Ref | str | None]:
        """What its fields name: objects of systems."""
        ref = decode_id(self._command.target)
        # A command can be older than the configuration: a connection that is gone knows no objects.
        return {"target": None if self._context.systems.system_of(ref.connection) is None else ref}

    @property
    def target(self) -> Awaitable[Entity | None] | None:
        ref = self.refs["target"]
        return self._context.existing(ref) if isinstance(ref, Ref) else None

    @property
    def idempotency_key(self) -> str:
        return self._command.idempotency_key

    @property
    def requested_by(self) -> str | None:
        return self._command.requested_by

    @property
    def requested_at(self) -> datetime:
        return self._command.requested_at

    @property
    def deadline(self) -> datetime:
        return self._command.deadline

    @property
    def finished_at(self) -> datetime | None:
        return self._command.finished_at

    @property
    def next_attempt_at(self) -> datetime | None:
        return self._command.next_attempt_at

    @property
    def attempts(self) -> Sequence[Attempt]:
        return self._command.attempts

    @property
    def correlation_id(self) -> str:
        return self._command.correlation_id


def sees(viewer: Viewer, command: Command) -> bool:
    """Whether a viewer may know of a command: its own, or all of them."""
    return viewer.reads_all_commands or command.requested_by == viewer.subject


def command_id_of(text: str) -> str:
    """The command's own id in a global one. BAD_USER_INPUT for any other text."""
    try:
        return decode_command_id(text)
    except BadId:
        raise bad_user_input("id: not the id of a command") from None


async def command_by_id(context: RequestContext, text: str) -> CommandObject | None:
    return await command_by_own_id(context, command_id_of(text))


async def command_by_own_id(context: RequestContext, command_id: str) -> CommandObject | None:
    found = await context.commands.get(command_id)
    return CommandObject(found, context) if found is not None and sees(context.viewer, found) else None


async def list_commands(context: RequestContext, first: int, after: str | None, given: Any) -> Connection:
    """A page of commands, newest first; a cursor is the command's global id."""
    check_first(first)
    query = CommandQuery(
        status=getattr(given, "status", None) or None,
        target=_target(getattr(given, "target", None) or None),
        kind=getattr(given, "kind", None) or None,
        first=first,
        after=None if after is None else _after(after),
        requested_by=None if context.viewer.reads_all_commands else context.viewer.subject,
    )
    commands, has_more = await context.commands.find(query)
    edges = [ConnectionEdge(encode_command_id(each.id), CommandObject(each, context)) for each in commands]
    return connection(edges, has_more=has_more, after=after)


def _target(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return decode_id(text).encode()
    except BadId:
        raise bad_user_input("filter.target: not an id of this graph") from None


def _after(text: str) -> str:
    try:
        return decode_command_id(text)
    except BadId:
        raise bad_user_input("after: not a cursor of this list") from None
