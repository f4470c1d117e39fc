"""The gauges that are read when somebody asks: circuits, commands that are not done, the inbox, sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contracts.vocabulary import CircuitState
from gateway.commands.states import FINISHED
from gateway.commands.tables import command
from gateway.events.tables import dead_letter, inbox, outbox
from gateway.store.database import Database
from resolvers.ports import Health
from schema.enums import CommandStatus

_log = structlog.get_logger(__name__)

STORE_TIMEOUT_S = 5.0

OPEN_STATUSES = tuple(
    status for status in CommandStatus if status not in FINISHED or status is CommandStatus.DEAD
)
"""Statuses that ask for somebody's eye. The others are counted as attempts: their rows are kept for ever."""


class GatewayState:
    """What one gateway is doing. Several who ask at once share one reading of the store."""

    def __init__(
        self,
        health: Callable[[], Sequence[Health]],
        database: Database,
        refused: Mapping[str, int],
        sockets: Callable[[], int],
        draining: Callable[[], bool],
    ) -> None:
        self._health = health
        self._database = database
        self._refused = refused
        self._sockets = sockets
        self._draining = draining
        self._reading: asyncio.Task[list[Metric]] | None = None

    async def families(self) -> list[Metric]:
        """Every gauge of the moment. Those of the store are missing while it does not answer."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._stored())
        stored = await asyncio.shield(self._reading)
        return [*self._connections(), *self._process(), *stored]

    def _connections(self) -> Iterable[Metric]:
        circuit = GaugeMetricFamily(
            "fieldgate_upstream_circuit",
            "1 for the state that a connection's circuit is in.",
            labels=("connection", "state"),
        )
        throttled = GaugeMetricFamily(
            "fieldgate_upstream_throttled",
            "1 while a connection has asked for patience.",
            labels=("connection",),
        )
        for each in self._health():
            for state in CircuitState:
                circuit.add_metric((each.connection, state.value), each.circuit is state)
            throttled.add_metric((each.connection,), each.throttled_until is not None)
        return circuit, throttled

    def _process(self) -> Iterable[Metric]:
        refused = CounterMetricFamily(
            "fieldgate_event_messages_refused",
            "Webhooks that did not prove where they come from.",
            labels=("connection",),
        )
        for connection, count in self._refused.items():
            refused.add_metric((connection,), count)
        sockets = GaugeMetricFamily("fieldgate_sockets", "Open WebSockets.", self._sockets())
        draining = GaugeMetricFamily(
            "fieldgate_draining", "1 once the gateway was told to end.", self._draining()
        )
        return refused, sockets, draining

    async def _stored(self) -> list[Metric]:
        up = GaugeMetricFamily("fieldgate_store_up", "1 where the database answered.", 0)
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                found = await self._database.read(_read)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("metrics: the database does not answer", fault=type(error).__name__)
            return [up]
        up.samples[0] = up.samples[0]._replace(value=1.0)
        return [up, *found]


async def _read(tx: AsyncConnection) -> list[Metric]:
    now = datetime.now(UTC)
    commands = GaugeMetricFamily(
        "fieldgate_commands",
        "Commands that are not done, by status: those that wait, run, are in doubt, or are dead.",
        labels=("kind", "status"),
    )
    counted = (
        select(command.c.verb, command.c.status, func.count())
        .where(command.c.status.in_([status.value for status in OPEN_STATUSES]))
        .group_by(command.c.verb, command.c.status)
    )
    for verb, status, count in await _rows(tx, counted):
        commands.add_metric((verb, status), count)

    waiting = GaugeMetricFamily(
        "fieldgate_inbox_messages", "Messages that are not worked off.", labels=("connection",)
    )
    lag = GaugeMetricFamily(
        "fieldgate_inbox_lag_seconds",
        "Age of the oldest message that is not worked off.",
        labels=("connection",),
    )
    pending = (
        select(inbox.c.connection, func.count(), func.min(inbox.c.received_at))
        .where(inbox.c.due_at.is_not(None))
        .group_by(inbox.c.connection)
    )
    for connection, count, oldest in await _rows(tx, pending):
        waiting.add_metric((connection,), count)
        lag.add_metric((connection,), max(0.0, (now - oldest).total_seconds()))

    dead = GaugeMetricFamily(
        "fieldgate_event_dead_letters",
        "Verified messages that could not be understood, and wait for somebody.",
        labels=("connection",),
    )
    buried = select(dead_letter.c.connection, func.count()).group_by(dead_letter.c.connection)
    for connection, count in await _rows(tx, buried):
        dead.add_metric((connection,), count)

    ((leaving,),) = await _rows(tx, select(func.count()).select_from(outbox))
    return [
        commands,
        waiting,
        lag,
        dead,
        GaugeMetricFamily("fieldgate_outbox_events", "Events on their way to the log.", leaving),
    ]


async def _rows(tx: AsyncConnection, query: Any) -> Sequence[Any]:
    return (await tx.execute(query)).all()
