"""From a configuration to the events of a gateway."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta

from adapters.contracts.events import EventSource
from adapters.contracts.vocabulary import RecordType, System
from gateway.commands.clock import Clock, SystemClock
from gateway.events.broker import Broker
from gateway.events.inbox import Inbox
from gateway.events.leases import Leases
from gateway.events.log import Log, Retention
from gateway.events.log_sql import SqlLog
from gateway.events.overdue import OverdueClock
from gateway.events.pollers import Poller
from gateway.events.readings import Readings
from gateway.events.service import Bell, EventService
from gateway.events.settings import EventSettings
from gateway.events.worker import InboxWorker
from gateway.observability.metrics import EVENT_AGE, EVENTS
from gateway.store.database import Database
from gateway.systems.systems import ConnectedSystems
from resolvers.event_port import Event


def open_log(settings: EventSettings, database: Database, leases: Leases, clock: Clock) -> Log:
    """The log that is configured. Nothing is sent yet."""
    retention = Retention(timedelta(days=settings.retention_days), settings.retention_count)
    if settings.broker is None:
        return SqlLog(database, retention, clock)
    # The client is an extra: a gateway without NATS does without it.
    from gateway.events.log_jetstream import JetStreamLog

    return JetStreamLog(settings.broker.get_secret_value(), database, leases, retention, clock)


def sources_of(systems: ConnectedSystems) -> Mapping[str, EventSource]:
    """The connections that tell of changes."""
    return {
        connection.name: connection.adapter.events
        for connection in systems.all()
        if connection.adapter.events is not None
    }


def open_events(
    settings: EventSettings,
    database: Database,
    systems: ConnectedSystems,
    *,
    clock: Clock | None = None,
    outgoing: Bell | None = None,
) -> EventService:
    """The events; they work once they are started. The database is the caller's to close, afterwards."""
    clock = clock or SystemClock()
    leases = Leases(database, str(uuid.uuid4()), timedelta(seconds=settings.lease_s))
    log = open_log(settings, database, leases, clock)
    sources = sources_of(systems)
    bells = {name: Bell() for name in sources}
    inbox = Inbox(database, sources, clock, lambda name: bells[name].ring())
    readings = Readings(systems)

    def heard(event: Event) -> None:
        connection = connections.get(event.connection)
        if connection is not None and event.system is connection.system:
            connection.last_event_at = event.observed_at
        if connection is not None:
            EVENTS.labels(event.connection, event.type.value).inc()
            late_s = (event.observed_at - event.occurred_at).total_seconds()
            EVENT_AGE.labels(event.connection).observe(max(0.0, late_s))

    connections = {connection.name: connection for connection in systems.all()}
    return EventService(
        database,
        log,
        Broker(log, queue=settings.queue, listeners=[heard]),
        inbox,
        leases,
        [InboxWorker(name, each, database, log, readings, leases, clock) for name, each in sources.items()],
        [Poller(connections[name], each, inbox, database, leases, clock) for name, each in sources.items()],
        [
            OverdueClock(name, systems, database, log, readings, clock)
            for name in systems.connections(System.ERP, RecordType.INVOICE)
        ],
        bells,
        outgoing or Bell(),
    )
