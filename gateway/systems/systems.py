"""The port the graph reads through: connections by role, and loads cut to each vendor's caps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

from adapters.contracts.adapter import Adapter
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Lists, Order, Page, PageRequest, Resource, count_of, cut_each
from adapters.contracts.vocabulary import RecordType, System
from adapters.contracts.writes import Writer
from gateway.observability.upstream import Asked, Work
from gateway.systems.coalescing import Coalescer, Load, part_of
from gateway.systems.connection import Connection
from resolvers.ports import Health, Relation

T = TypeVar("T")

_KEPT = 1_000
"""Loads by id, and as many by relations, of which is kept whom they ask, and how."""


class ConnectedSystems:
    """Every configured connection. Implements ``resolvers.ports.Systems``."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = {connection.name: connection for connection in connections}
        self.coalescer = Coalescer()
        self._by_id: dict[tuple[str, RecordType, frozenset[str]], Load[Row]] = {}
        self._related: dict[tuple[Relation, frozenset[str]], Load[Page]] = {}
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

    def read_many(
        self, connection: str, record_type: RecordType, ids: Sequence[str], select: frozenset[str]
    ) -> Coroutine[Any, Any, Mapping[str, Row]]:
        kind = connection, record_type, select
        load = self._by_id.get(kind)
        if load is None:
            load = self._by_id[kind] = self._loading_by_id(*kind)
        return self.coalescer.load(kind, ids, None, load)

    def _loading_by_id(self, connection: str, record_type: RecordType, select: frozenset[str]) -> Load[Row]:
        held = self._connections[connection]
        resource, name = held.adapter.resources[record_type], record_type.value
        size = resource.caps.ids_per_call

        def load(ids: Sequence[str], most: int | None) -> Coroutine[Any, Any, Mapping[str, Row]]:
            if 0 < len(ids) <= size:
                asked = Asked(Work.READ_MANY, name, len(ids))
                return held.call(partial(resource.read_many, ids, select), asked)
            return _in_parts(load, ids, most, size)

        _make_room(self._by_id)
        return load

    def related(
        self, relation: Relation, values: Sequence[str], select: frozenset[str], first: int | None
    ) -> Coroutine[Any, Any, Mapping[str, Page]]:
        kind = relation, select
        load = self._related.get(kind)
        if load is None:
            load = self._related[kind] = self._loading_related(*kind)
        return self.coalescer.load(kind, values, first, load, _pages_of, count_of)

    def _loading_related(self, relation: Relation, select: frozenset[str]) -> Load[Page]:
        key, where, after = relation.key, relation.where, relation.after
        held = self._connections[relation.connection]
        resource, name = held.adapter.resources[relation.type], relation.type.value
        # A position belongs to one value.
        size = resource.caps.keys(key) if after is None else 1

        def load(values: Sequence[str], most: int | None) -> Coroutine[Any, Any, Mapping[str, Page]]:
            if 0 < len(values) <= size:
                asked = Asked(Work.RELATED, name, len(values))
                return held.call(partial(resource.related, key, values, select, where, most, after), asked)
            return _in_parts(load, values, most, size)

        _make_room(self._related)
        return load

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
        return (await self.coalescer.load(kind, ("",), None, load, count=count_of))[""]

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


def _make_room(loads: dict[Any, Any]) -> None:
    """For one more: filters and cursors are the callers' own, and there is no end of them."""
    if len(loads) >= _KEPT:
        loads.clear()


def _pages_of(found: Mapping[str, Page], own: Sequence[str], first: int | None) -> Mapping[str, Page]:
    """One caller's part of pages that were read for several: others may have asked for longer ones."""
    return cut_each(part_of(found, own, first), first)


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
