"""The port the graph reads through: connections by role, and loads cut to each vendor's caps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

from adapters.contracts.adapter import Adapter
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Lists, Order, Page, PageRequest, Resource, count_of, longest
from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Writer
from gateway.observability.upstream import Asked, Work
from gateway.systems.coalescing import Coalescer
from gateway.systems.connection import Connection
from resolvers.budget import answer_budget
from resolvers.ports import Health, Relation

T = TypeVar("T")

_NAMES = {each: each.value for each in RecordType}
"""Looked up for every call, where ``value`` is a property in Python."""


class ConnectedSystems:
    """Every configured connection. Implements ``resolvers.ports.Systems``."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = {connection.name: connection for connection in connections}
        self.coalescer = Coalescer()
        self._names: dict[tuple[System, RecordType], Sequence[str]] = {}
        for connection in connections:
            for record_type in connection.adapter.resources:
                key = connection.system, record_type
                self._names[key] = (*self._names.get(key, ()), connection.name)

    def connections(self, system: System, record_type: RecordType) -> Sequence[str]:
        return self._names.get((system, record_type), ())

    def all(self) -> Sequence[Connection]:
        """The connections themselves, in the order of configuration."""
        return list(self._connections.values())

    def system_of(self, connection: str) -> System | None:
        found = self._connections.get(connection)
        return None if found is None else found.system

    def adapter_of(self, system: System) -> str | None:
        vendors = dict.fromkeys(each.vendor for each in self._connections.values() if each.system is system)
        return ", ".join(vendors) or None

    def adapters(self) -> Mapping[str, Adapter]:
        return {name: connection.adapter for name, connection in self._connections.items()}

    def resource(self, connection: str, record_type: RecordType) -> Resource:
        return self._connections[connection].adapter.resources[record_type]

    def writer(self, connection: str) -> Writer | None:
        return self._connections[connection].adapter.writer

    def vendor(self, connection: str) -> str:
        return self._connections[connection].vendor

    def record_url(self, connection: str, record_type: RecordType, record_id: str) -> str | None:
        return self._connections[connection].adapter.record_url(record_type, record_id)

    async def read_many(
        self, connection: str, record_type: RecordType, ids: Sequence[str], select: frozenset[str]
    ) -> Mapping[str, Row]:
        kind = ("read_many", connection, record_type, select)
        load = partial(self._read_many, connection, record_type, select)
        found = await self.coalescer.load(kind, ids, None, load)
        _count(len(found))
        return found

    def _read_many(
        self,
        connection: str,
        record_type: RecordType,
        select: frozenset[str],
        ids: Sequence[str],
        most: int | None,
    ) -> Coroutine[Any, Any, Mapping[str, Row]]:
        held = self._connections[connection]
        resource = held.adapter.resources[record_type]
        size = resource.caps.ids_per_call
        if 0 < len(ids) <= size:
            asked = Asked(Work.READ_MANY, _NAMES[record_type], len(ids))
            return held.call(partial(resource.read_many, ids, select), asked)
        return _in_parts(partial(self._read_many, connection, record_type, select), ids, most, size)

    async def related(
        self, relation: Relation, values: Sequence[str], select: frozenset[str], first: int | None
    ) -> Mapping[str, Page]:
        load = partial(self._related, relation, select)
        found = await self.coalescer.load((relation, select), values, first, load)
        if first is not None and longest(found) > first:
            found = {value: page.cut(first) for value, page in found.items()}
        _count(count_of(found))
        return found

    def _related(
        self, relation: Relation, select: frozenset[str], values: Sequence[str], most: int | None
    ) -> Coroutine[Any, Any, Mapping[str, Page]]:
        connection, record_type, key, where, after = relation
        held = self._connections[connection]
        resource = held.adapter.resources[record_type]
        # A position belongs to one value.
        size = resource.caps.keys(key) if after is None else 1
        if 0 < len(values) <= size:
            asked = Asked(Work.RELATED, _NAMES[record_type], len(values))
            return held.call(partial(resource.related, key, values, select, where, most, after), asked)
        return _in_parts(partial(self._related, relation, select), values, most, size)

    async def page(
        self,
        connection: str,
        record_type: RecordType,
        select: frozenset[str],
        where: tuple[Condition, ...],
        order: Order | None,
        first: int,
        after: str | None,
    ) -> Page:
        resource = self.resource(connection, record_type)
        request = PageRequest(select, where, order, first, after)

        async def load(_: Sequence[str], __: int | None) -> Mapping[str, Page]:
            asked = Asked(Work.PAGE, record_type.value)
            return {"": await self._connections[connection].call(lambda: resource.page(request), asked)}

        kind = ("page", connection, record_type, select, where, order, first, after)
        page = (await self.coalescer.load(kind, ("",), None, load))[""]
        _count(len(page.rows))
        return page

    def health(self) -> Sequence[Health]:
        now = datetime.now(UTC)
        return [
            Health(
                system=each.system,
                connection=each.name,
                adapter=each.vendor,
                status=each.status,
                circuit=each.breaker.state,
                latency_ms=each.latency_ms,
                error_rate=each.error_rate,
                throttled_until=each.throttled_until
                if each.throttled_until is not None and each.throttled_until > now
                else None,
                last_event_at=each.last_event_at,
            )
            for each in self._connections.values()
        ]

    async def aclose(self) -> None:
        await asyncio.gather(*(each.adapter.aclose() for each in self._connections.values()))


def _count(rows: int) -> None:
    """Tells the operation at hand what was read for it."""
    budget = answer_budget.get()
    if budget is not None:
        budget.read(rows)


async def _in_parts(
    load: Callable[[Sequence[str], int | None], Coroutine[Any, Any, Mapping[str, T]]],
    keys: Sequence[str],
    most: int | None,
    size: int,
) -> Mapping[str, T]:
    """More keys than go in one call, in several at the same time."""
    chunks = [keys[start : start + size] for start in range(0, len(keys), size)]
    parts = await asyncio.gather(*(load(chunk, most) for chunk in chunks))
    if parts and all(isinstance(each, Lists) for each in parts):
        first_part, *others = cast("list[Lists]", parts)
        return cast("Mapping[str, T]", first_part.beside(others))
    return {key: found for part in parts for key, found in part.items()}
