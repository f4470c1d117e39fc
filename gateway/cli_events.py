"""``fieldgate events``: what an operator sees of the log, and can do about messages that were not understood.

They work on the database and the broker of the configuration, whether a gateway runs or not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.contracts.vocabulary import BusinessEventType, System
from gateway.settings import load_config
from resolvers.event_port import BadCursor, CursorExpired, Event, EventFilter

if TYPE_CHECKING:
    from gateway.events.service import EventService

events_app = typer.Typer(help="The business events: tail, replay, dead-letters.", no_args_is_help=True)

T = TypeVar("T")

TABLE_WIDTH = 200

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
_DEFAULT_CONFIG = Path("fieldgate.yaml")


@events_app.command()
def tail(
    config: ConfigFile = _DEFAULT_CONFIG,
    last: Annotated[int, typer.Option(min=0, max=10_000, help="Begin with the last so many.")] = 20,
    after: Annotated[str | None, typer.Option(help="Begin behind this cursor instead.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")] = False,
    type: Annotated[
        list[BusinessEventType] | None, typer.Option(help="Only these types; may be given again.")
    ] = None,
    system: Annotated[System | None, typer.Option(help="Only of this system.")] = None,
) -> None:
    """Prints the log, oldest first: a line for each event."""
    wanted = EventFilter(types=frozenset(type) if type else None, system=system)

    async def act(service: EventService) -> None:
        place = after
        if place is None:
            events, _ = await service.events.newest(wanted, max(last, 1), None)
            for event in reversed(events[:last]):
                _print(_line(event))
            place = events[0].cursor if events else None
        else:
            async for event in service.events.until_now(wanted, place):
                _print(_line(event))
                place = event.cursor
        if follow:
            service.broker.start()
            async for event in service.events.follow(wanted, place):
                _print(_line(event))

    _run(config, act)


@events_app.command()
def replay(
    seq: Annotated[
        int | None, typer.Argument(help="The number of a dead letter, as listed; all without it.")
    ] = None,
    config: ConfigFile = _DEFAULT_CONFIG,
    connection: Annotated[str | None, typer.Option(help="Only of this connection.")] = None,
) -> None:
    """Puts dead letters back into the inbox; a running gateway works them off."""
    from gateway.events.dead_letters import replay as put_back

    async def act(service: EventService) -> tuple[int, int]:
        now = datetime.now(UTC)
        return await put_back(service.database, service.inbox.sources, now, seq=seq, connection=connection)

    back, left = _run(config, act)
    if seq is not None and not back and not left:
        typer.echo("there is no such dead letter", err=True)
        raise typer.Exit(2)
    _print(f"{back} put back" + (f", {left} still not understood" if left else ""))


@events_app.command("dead-letters")
def list_dead_letters(
    config: ConfigFile = _DEFAULT_CONFIG,
    connection: Annotated[str | None, typer.Option(help="Only of this connection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    body: Annotated[
        int | None, typer.Option(help="Print the raw bytes of this one, and nothing else.")
    ] = None,
) -> None:
    """Lists verified messages that could not be understood, newest first, each with the reason."""
    from gateway.events.dead_letters import dead_letters, get_dead_letter

    if body is not None:
        letter = _run(config, lambda service: get_dead_letter(service.database, body))
        if letter is None:
            typer.echo("there is no such dead letter", err=True)
            raise typer.Exit(2)
        typer.echo(letter.body, nl=False)
        return
    found = _run(config, lambda service: dead_letters(service.database, connection=connection, limit=limit))
    table = Table("Number", "Received", "Connection", "Key", "Bytes", "Reason", box=None)
    for each in found:
        table.add_row(
            str(each.seq),
            _time(each.received_at),
            each.connection,
            escape(each.key),
            str(len(each.body)),
            escape(each.reason),
        )
    _print(table)


def _run(config: Path, act: Callable[[EventService], Awaitable[T]]) -> T:
    from gateway.commands.compose import open_database
    from gateway.connect import connect
    from gateway.events.compose import open_events

    settings = load_config(config, os.environ)

    async def run() -> T:
        systems = connect(settings)
        database = await open_database(settings.state)
        service = open_events(settings.events, database, systems)
        try:
            return await act(service)
        finally:
            await service.aclose()
            await database.aclose()
            await systems.aclose()

    try:
        return asyncio.run(run())
    except BadCursor:
        message = "after: not a cursor of the log of events"
    except CursorExpired as error:
        message = str(error)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _line(event: Event) -> str:
    change = "" if event.current is None else f" {event.previous or '?'} > {event.current}"
    late = " (late)" if event.superseded else ""
    correlation = "" if event.correlation_id is None else f" [{event.correlation_id}]"
    return escape(
        f"{_time(event.observed_at)} {event.cursor} {event.type.value}{change}{late}"
        f" {event.connection}: {event.summary}{correlation}"
    )


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _print(what: Table | str) -> None:
    # Natural width: a pipe has no width of its own, and half a cursor helps nobody.
    Console(width=TABLE_WIDTH, highlight=False, soft_wrap=isinstance(what, str)).print(what)
