"""``fieldgate commands`` and ``fieldgate audit``: what an operator sees of the writes, and can do about them.

They work on the database of the configuration, whether a gateway runs on it or not.
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.settings import load_config
from resolvers.command_port import Command, CommandQuery, WrongState
from resolvers.ids import BadId, decode_command_id
from schema.enums import CommandStatus

if TYPE_CHECKING:
    from gateway.commands.engine import CommandEngine

commands_app = typer.Typer(help="The writes: list, show, replay, cancel.", no_args_is_help=True)

T = TypeVar("T")

TABLE_WIDTH = 200

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
CommandId = Annotated[str, typer.Argument(help="The command's id, as listed or as the API gives it.")]
_DEFAULT_CONFIG = Path("fieldgate.yaml")


@commands_app.command("list")
def list_commands(
    config: ConfigFile = _DEFAULT_CONFIG,
    status: Annotated[
        list[CommandStatus] | None, typer.Option(help="Only these statuses; may be given again.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only this mutation, as in postInvoice.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
) -> None:
    """Lists commands, newest first."""
    query = CommandQuery(status=status or None, kind=kind, first=limit)
    found, more = _run(config, lambda engine: engine.find(query))
    table = Table("Id", "Asked", "Kind", "Connection", "Record", "Status", "Tries", "Problem", box=None)
    for each in found:
        table.add_row(
            each.id,
            _time(each.requested_at),
            each.verb.value,
            each.connection,
            escape(each.record_id),
            each.status.value,
            str(len(each.attempts)),
            escape(_problem(each)),
        )
    _print(table)
    if more:
        _print(f"More than {limit}: raise --limit to see them.")


@commands_app.command()
def show(command_id: CommandId, config: ConfigFile = _DEFAULT_CONFIG) -> None:
    """Shows a command and every attempt of it."""
    found = _run(config, lambda engine: engine.get(_own_id(command_id)))
    _print_command(_existing(found))


@commands_app.command()
def replay(command_id: CommandId, config: ConfigFile = _DEFAULT_CONFIG) -> None:
    """Puts a DEAD or UNCERTAIN command back in its queue; what may have been done is read first."""
    found = _run(config, lambda engine: engine.replay(_own_id(command_id), _operator()))
    _print_command(_existing(found))


@commands_app.command()
def cancel(command_id: CommandId, config: ConfigFile = _DEFAULT_CONFIG) -> None:
    """Gives up a command that is known not to be done."""
    found = _run(config, lambda engine: engine.cancel(_own_id(command_id), _operator()))
    _print_command(_existing(found))


def audit(
    config: ConfigFile = _DEFAULT_CONFIG,
    command_id: Annotated[str | None, typer.Option("--command", help="Only of this command.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="The last so many entries.")] = 100,
) -> None:
    """Prints who asked for what, what was sent to which record, and how it ended."""
    from gateway.commands.audit import entries

    own_id = None if command_id is None else _own_id(command_id)
    found = _run(config, lambda engine: entries(engine.database, command_id=own_id, last=last))
    table = Table(
        "At", "Who", "What", "Kind", "Connection", "Record", "Fields", "Problem", "Command", "Correlation",
        box=None,
    )  # fmt: skip
    for each in found:
        moved = each.after if each.before in (None, each.after) else f"{each.before} > {each.after}"
        table.add_row(
            _time(each.at),
            escape(each.actor or "gateway"),
            f"{each.action} {moved}",
            each.verb,
            each.connection,
            escape(each.record_id),
            escape(each.fields or ""),
            escape(": ".join(part for part in (each.fault, each.message) if part)),
            each.command_id,
            escape(each.correlation_id),
        )
    _print(table)


def _run(config: Path, act: Callable[[CommandEngine], Awaitable[T]]) -> T:
    from gateway.commands.compose import open_commands

    settings = load_config(config, os.environ)

    async def run() -> T:
        engine = await open_commands(settings.state, settings.commands, ())
        try:
            return await act(engine)
        finally:
            await engine.aclose()

    try:
        return asyncio.run(run())
    except WrongState as error:
        raise _refusal(str(error)) from None


def _own_id(given: str) -> str:
    try:
        return decode_command_id(given)
    except BadId:
        return given


def _existing(found: Command | None) -> Command:
    if found is None:
        raise _refusal("there is no such command")
    return found


def _refusal(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(2)


def _operator() -> str:
    return f"operator:{getpass.getuser()}"


def _problem(command: Command) -> str:
    return ": ".join(part for part in (command.fault, command.vendor_code, command.message) if part)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _print_command(command: Command) -> None:
    facts = {
        "Command": command.id,
        "Kind": command.verb.value,
        "Status": command.status.value,
        "Connection": f"{command.connection} ({command.system.value})",
        "Record": f"{command.record_type.value} {command.record_id}",
        "Result": command.result_id or "",
        "Problem": _problem(command),
        "Asked by": command.requested_by or "",
        "Asked at": _time(command.requested_at),
        "Next look": _time(command.next_attempt_at),
        "Given up at": "" if command.finished_at else _time(command.deadline),
        "Ended at": _time(command.finished_at),
        "Idempotency key": command.idempotency_key,
        "Correlation id": command.correlation_id,
    }
    for name, value in facts.items():
        if value:
            _print(f"{name:<16} {escape(value)}")
    table = Table("Attempt", "Began", "Ended", "Outcome", "Problem", box=None)
    for each in command.attempts:
        table.add_row(
            str(each.number),
            _time(each.started_at),
            _time(each.finished_at),
            each.outcome or "under way",
            escape(each.error or ""),
        )
    if command.attempts:
        _print(table)


def _print(what: Table | str) -> None:
    # Natural width: a pipe has no width of its own, and half an id helps nobody.
    Console(width=TABLE_WIDTH, highlight=False, soft_wrap=isinstance(what, str)).print(what)
