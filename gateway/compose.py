"""From a configuration to the parts of a gateway."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from adapters import registry
from adapters.contracts.vocabulary import RecordType, System
from gateway.app import Parts
from gateway.auth.compose import open_authenticator
from gateway.commands.boundaries import Boundary, Observer
from gateway.commands.compose import SQLITE_FILE, open_commands
from gateway.documents.persisted import PersistedDocuments, load_trusted
from gateway.documents.settings import Trust
from gateway.events.compose import open_events
from gateway.events.service import Bell
from gateway.limits.rate import open_rate
from gateway.observability.traces import Traces, open_traces
from gateway.observability.upstream import UpstreamWatch
from gateway.policy.engine import Policy, PolicyError
from gateway.settings import Config, ConfigError
from gateway.store.cross_references import SqlCrossReferences
from gateway.systems.connection import Connection
from gateway.systems.systems import ConnectedSystems
from gateway.transport.origins import Origins
from resolvers.mutations.mutation import WRITES
from schema.ownership import Ownership, OwnershipError, declared_ownership


def connect(config: Config, traces: Traces | None = None) -> ConnectedSystems:
    """Every configured connection. Nothing is sent: the gateway starts with all of them down.

    Raises ``ConfigError`` for settings that an adapter finds unusable, such as a key that cannot sign.
    """
    connections: list[Connection] = []
    problems: list[str] = []
    for index, each in enumerate(config.connections):
        try:
            adapter = registry.manifest(each.adapter).connect(each.name, each.settings)
        except ValueError as error:
            problems.append(config.fault(("connections", index, "settings"), str(error)))
            continue
        connections.append(
            Connection(
                each.name,
                each.system,
                each.adapter,
                adapter,
                deadline_s=each.settings.deadline_s,
                max_concurrency=each.settings.max_concurrency,
                watch=UpstreamWatch(each.name, None if traces is None else traces.tracer),
            )
        )
    if problems:
        raise ConfigError(problems)
    return ConnectedSystems(connections)


def ownership_of(config: Config, systems: ConnectedSystems) -> Ownership:
    """The ownership table with the configuration's overrides.

    Raises ``ConfigError`` for a field that does not exist, and for an owner whose adapter cannot supply
    the field.
    """
    try:
        ownership = declared_ownership(mutations=WRITES).overridden(config.ownership)
    except OwnershipError as error:
        raise ConfigError([config.fault(("ownership",), str(error).removeprefix("ownership: "))]) from error
    problems: list[str] = []
    for entry in ownership:
        if entry.key not in config.ownership or entry.system is System.GATEWAY:
            continue
        record_type = RecordType(entry.type)
        names = systems.connections(entry.system, record_type)
        unable = [
            name for name in names if entry.name not in systems.resource(name, record_type).fields.supplies()
        ]
        if not names:
            message = f"no {entry.system.value} connection has {entry.type} records"
            problems.append(config.fault(("ownership", entry.key), message))
        elif unable:
            message = f"{', '.join(unable)} cannot supply {entry.graph_name}"
            problems.append(config.fault(("ownership", entry.key), message))
    if problems:
        raise ConfigError(problems)
    return ownership


def policy_of(config: Config) -> Policy:
    """The policy as configured. Raises ``ConfigError`` for roles and fields that cannot be meant."""
    try:
        return Policy(config.policy)
    except PolicyError as error:
        raise ConfigError([config.fault(("policy", *error.path), str(error))]) from error


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
