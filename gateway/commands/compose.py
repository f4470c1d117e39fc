"""From a configuration to the engine of its commands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy.engine import URL

from adapters.contracts.writes import Settled, Write
from gateway.commands.boundaries import Observer
from gateway.commands.engine import CommandEngine
from gateway.commands.policy import Policy
from gateway.commands.settings import CommandSettings
from gateway.commands.target import WriterTarget
from gateway.observability.upstream import Asked, Work
from gateway.store.database import Database, postgresql_url, sqlite_url
from gateway.store.settings import StateSettings
from gateway.systems.connection import Connection

SQLITE_FILE = "state.sqlite"


class ConnectionTarget:
    """A connection's writer, within the connection's circuit and budget."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writer = WriterTarget(
            connection.adapter.writer, connection.max_concurrency, connection.adapter.resources
        )
        self.concurrency = self._writer.concurrency

    async def perform(self, write: Write) -> str:
        return await self._connection.once(
            lambda: self._writer.perform(write), Asked(Work.WRITE, write.verb.value, 1)
        )

    async def settle(self, write: Write) -> Settled:
        return await self._connection.once(
            lambda: self._writer.settle(write), Asked(Work.SETTLE, write.verb.value, 1)
        )


async def open_database(state: StateSettings) -> Database:
    """The durable store that is configured, with its tables up to date."""
    return await Database.open(_url(state))


def database_as_it_is(state: StateSettings) -> Database | None:
    """The store that is configured, to look into; None for a SQLite file that is not there yet."""
    if state.database is None and not (state.folder / SQLITE_FILE).exists():
        return None
    return Database.as_it_is(_url(state))


def _url(state: StateSettings) -> URL:
    if state.database is None:
        return sqlite_url(state.folder / SQLITE_FILE)
    return postgresql_url(state.database.get_secret_value())


async def open_commands(
    state: StateSettings,
    settings: CommandSettings,
    connections: Iterable[Connection],
    *,
    on_boundary: Observer | None = None,
) -> CommandEngine:
    """The engine; it works off commands once it is started, and closes its database when it is closed."""
    return CommandEngine(
        await open_database(state),
        {connection.name: ConnectionTarget(connection) for connection in connections},
        policy_of(settings),
        on_boundary=on_boundary,
    )


def policy_of(settings: CommandSettings) -> Policy:
    """The numbers of the engine, as configured."""
    return Policy(
        workers=settings.workers,
        deadline=timedelta(hours=settings.deadline_h),
        max_attempts=settings.max_attempts,
        caller_deadline_s=settings.caller_deadline_s,
        lease_s=settings.lease_s,
    )
