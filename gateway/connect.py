"""From a configuration to its systems, to who owns what there, and to the policy: what takes no store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters import registry
from adapters.contracts.vocabulary import RecordType, System
from gateway.observability.upstream import UpstreamWatch
from gateway.policy.engine import Policy, PolicyError
from gateway.settings import Config, ConfigError
from gateway.systems.connection import Connection
from gateway.systems.systems import ConnectedSystems
from resolvers.mutations.mutation import WRITES
from schema.ownership import Ownership, OwnershipError, declared_ownership

if TYPE_CHECKING:
    from gateway.observability.traces import Traces


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
