"""From a configuration to the parts of a gateway."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from gateway.app import Parts
from gateway.auth.compose import open_authenticator
from gateway.commands.boundaries import Boundary, Observer
from gateway.commands.compose import SQLITE_FILE, open_commands
from gateway.connect import connect, ownership_of, policy_of
from gateway.documents.persisted import PersistedDocuments, load_trusted
from gateway.documents.settings import Trust
from gateway.events.compose import open_events
from gateway.events.service import Bell
from gateway.limits.rate import open_rate
from gateway.observability.traces import open_traces
from gateway.settings import Config, ConfigError
from gateway.store.cross_references import SqlCrossReferences
from gateway.transport.origins import Origins


async def compose(config: Config, *, on_boundary: Observer | None = None, development: bool = False) -> Parts:
    """The parts of a gateway. Raises ``ConfigError`` where its files or its database cannot be had.

    ``on_boundary`` is told of each step of each command. ``development`` lets in who says nothing.
    """
    traces = open_traces(config.observability)
    systems = connect(config, traces)
    ownership = ownership_of(config, systems)
    try:
        rate = open_rate(config.limits.rate)
    except ValueError as error:
        raise ConfigError([config.fault(("limits", "rate", "redis"), str(error))]) from error
    policy = policy_of(config)
    persisted = _persisted(config)
    folder = config.state.folder
    bell = Bell()

    def observe(boundary: Boundary, command_id: str) -> None:
        bell.ring()
        if on_boundary is not None:
            on_boundary(boundary, command_id)

    try:
        references = await SqlCrossReferences.open(folder / "gateway.sqlite")
    except (OSError, DBAPIError) as error:
        message = f"{folder} cannot hold the gateway's files: {_why(error)}"
        raise ConfigError([config.fault(("state", "folder"), message)]) from error
    try:
        commands = await open_commands(config.state, config.commands, systems.all(), on_boundary=observe)
    except (OSError, DBAPIError) as error:
        await references.aclose()
        key = "folder" if config.state.database is None else "database"
        # The driver's own words can quote the URL, and with it the password.
        message = (
            f"the database of commands cannot be opened: {_why(error)}" if key == "folder" else _NO_DATABASE
        )
        raise ConfigError([config.fault(("state", key), message)]) from error
    events = open_events(config.events, commands.database, systems, outgoing=bell)
    file = folder / SQLITE_FILE if commands.database.is_sqlite else None
    authenticator = open_authenticator(config.auth, policy, commands.database, file, development=development)
    return Parts(
        systems,
        ownership,
        references,
        commands,
        events,
        authenticator,
        observability=config.observability,
        traces=traces,
        limits=config.limits,
        rate=rate,
        persisted=persisted,
        origins=Origins(config.server.origins),
        compress_over_bytes=config.server.compress_over_bytes,
    )


def _persisted(config: Config) -> PersistedDocuments:
    settings = config.documents
    if settings.trusted is Trust.OFF:
        return PersistedDocuments(settings)
    try:
        if settings.path is None:
            raise ValueError(f"needed where documents.trusted is {settings.trusted.value}")
        return PersistedDocuments(settings, load_trusted(settings.path))
    except ValueError as error:
        raise ConfigError([config.fault(("documents", "path"), str(error))]) from error


_NO_DATABASE = "the database cannot be reached with this URL, or its tables cannot be brought up to date"


def _why(error: OSError | DBAPIError) -> object:
    return error.strerror if isinstance(error, OSError) else error.orig
