"""From a configuration to the parts of a gateway."""

from __future__ import annotations

from pathlib import Path

from adapters import registry
from adapters.contracts.vocabulary import RecordType, System
from gateway.app import Parts
from gateway.settings import Config, ConfigError
from gateway.store.cross_references import SqlCrossReferences
from gateway.systems.connection import Connection
from gateway.systems.systems import ConnectedSystems
from schema.ownership import Ownership, OwnershipError, declared_ownership


def connect(config: Config) -> ConnectedSystems:
    """Every configured connection. Nothing is sent: the gateway starts with all of them down."""
    return ConnectedSystems(
        [
            Connection(
                each.name,
                each.system,
                each.adapter,
                registry.manifest(each.adapter).connect(each.name, each.settings),
                deadline_s=each.settings.deadline_s,
                max_concurrency=each.settings.max_concurrency,
            )
            for each in config.connections
        ]
    )


def ownership_of(config: Config, systems: ConnectedSystems) -> Ownership:
    """The ownership table with the configuration's overrides.

    Raises ``ConfigError`` for a field that does not exist, and for an owner whose adapter cannot supply
    the field.
    """
    try:
        ownership = declared_ownership().overridden(config.ownership)
    except OwnershipError as error:
        raise ConfigError([str(error)]) from error
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
            problems.append(
                f"ownership.{entry.key}: no {entry.system.value} connection has {entry.type} records"
            )
        elif unable:
            problems.append(f"ownership.{entry.key}: {', '.join(unable)} cannot supply {entry.graph_name}")
    if problems:
        raise ConfigError(problems)
    return ownership


async def compose(config: Config, folder: Path) -> Parts:
    """The parts of a gateway; its files are kept in ``folder``."""
    systems = connect(config)
    ownership = ownership_of(config, systems)
    references = await SqlCrossReferences.open(folder / "gateway.sqlite")
    return Parts(systems, ownership, references)
