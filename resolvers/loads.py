"""The loads of one request: coalesced per (connection, kind of record), each row read once.

A load asked for while the loop turns joins the others of its kind in one batch; the gateway cuts
batches to the vendor's caps. Rows that arrive by a list or a relation serve later loads by id. A
connection that let its deadline pass is not waited for again: a slow system costs a request one
deadline, however deep the query goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar, cast

from aiodataloader import DataLoader

from adapters.contracts.errors import OutcomeUnknown
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Order, Page
from adapters.contracts.vocabulary import RecordType, System
from resolvers.ports import CrossReferences, Relation, Systems
from resolvers.projection import Projection

T = TypeVar("T")


class _ById(DataLoader[str, Row | None]):
    def __init__(self, loads: Loads, connection: str, record_type: RecordType) -> None:
        super().__init__()
        self._loads, self._connection, self._type = loads, connection, record_type

    async def batch_load_fn(self, keys: list[str]) -> list[Row | BaseException | None]:  # type: ignore[override]
        loads = self._loads
        select = loads.projection.select(self._connection, self._type)
        rows = await loads.ask(
            self._connection, lambda: loads.systems.read_many(self._connection, self._type, keys, select)
        )
        loads.note(self._connection, self._type, rows.values())
        return [rows.get(key) for key in keys]


class _Related(DataLoader[tuple[str, int | None], Page]):
    """Keys are (value, rows wanted); a batch asks for the most that any of its keys wants."""

    def __init__(self, loads: Loads, relation: Relation) -> None:
        super().__init__()
        self._loads, self._relation = loads, relation

    async def batch_load_fn(self, keys: list[tuple[str, int | None]]) -> list[Page | BaseException]:  # type: ignore[override]
        loads, relation = self._loads, self._relation
        counts = [first for _, first in keys]
        most = None if None in counts else max(cast(list[int], counts))
        pages = await loads.ask(
            relation.connection,
            lambda: loads.systems.related(
                relation,
                list(dict.fromkeys(value for value, _ in keys)),
                loads.projection.select(relation.connection, relation.type),
                most,
            ),
        )
        for page in pages.values():
            loads.remember(relation.connection, relation.type, page.rows)
        return [pages[value].cut(first) for value, first in keys]


class Loads:
    """All loads of one request. ``read_at`` tells when each connection was last read."""

    def __init__(self, systems: Systems, projection: Projection, references: CrossReferences) -> None:
        self.systems = systems
        self._references = references
        self.projection = projection
        self.read_at: dict[str, datetime] = {}
        self._timed_out: dict[str, OutcomeUnknown] = {}
        self._by_id: dict[tuple[str, RecordType], _ById] = {}
        self._related: dict[Relation, _Related] = {}

    def by_id(self, connection: str, record_type: RecordType, record_id: str) -> asyncio.Future[Row | None]:
        return self._ids(connection, record_type).load(record_id)

    def related(self, relation: Relation, value: str, first: int | None) -> asyncio.Future[Page]:
        loader = self._related.get(relation)
        if loader is None:
            loader = self._related[relation] = _Related(self, relation)
        return loader.load((value, first))

    async def page(
        self,
        connection: str,
        record_type: RecordType,
        where: tuple[Condition, ...],
        order: Order | None,
        first: int,
        after: str | None,
    ) -> Page:
        select = self.projection.select(connection, record_type)
        page = await self.ask(
            connection,
            lambda: self.systems.page(connection, record_type, select, where, order, first, after),
        )
        self.remember(connection, record_type, page.rows)
        return page

    async def ask(self, connection: str, read: Callable[[], Awaitable[T]]) -> T:
        """Reads from a connection, unless it has let its deadline pass earlier in this request."""
        if (earlier := self._timed_out.get(connection)) is not None:
            again = OutcomeUnknown(earlier.message, timed_out=True)
            again.system = earlier.system
            raise again
        try:
            return await read()
        except OutcomeUnknown as fault:
            if fault.timed_out:
                self._timed_out[connection] = fault
            raise

    def remember(self, connection: str, record_type: RecordType, rows: Sequence[Row]) -> None:
        """Rows that came with the request's full projection need not be read again by id."""
        self.note(connection, record_type, rows)
        fields = self.systems.resource(connection, record_type).fields
        loader = self._ids(connection, record_type)
        for row in rows:
            loader.prime(str(fields.read(row, "id")), row)

    def note(self, connection: str, record_type: RecordType, rows: Iterable[Row]) -> None:
        """Keeps when a connection was read, and the links that the CRM's customers carry."""
        self.read_at[connection] = datetime.now(UTC)
        if record_type is not RecordType.CUSTOMER or self.systems.system_of(connection) is not System.CRM:
            return
        fields = self.systems.resource(connection, record_type).fields
        for row in rows:
            for link in fields.links:
                if (value := fields.read(row, link)) is not None:
                    self._references.learn(connection, str(fields.read(row, "id")), link, str(value))

    def _ids(self, connection: str, record_type: RecordType) -> _ById:
        loader = self._by_id.get((connection, record_type))
        if loader is None:
            loader = self._by_id[connection, record_type] = _ById(self, connection, record_type)
        return loader
