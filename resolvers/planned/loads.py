"""The loads of one planned request: many keys at once, each read once.

What was read is kept for the request, faults included; what is being read is waited for, not asked again.
Loads of one turn of the loop become one upstream call in the gateway's systems, whichever request they are
of. A connection that let its deadline pass is not waited for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from adapters.contracts.errors import OutcomeUnknown, SystemFault
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Lists, Order, Page, count_of, rows_of
from adapters.contracts.vocabulary import RecordType, System
from resolvers.loads import Relation
from resolvers.planned.trace import PAGE, Trace, Traced
from resolvers.ports import CrossReferences, Systems
from resolvers.projection import Projection

T = TypeVar("T")

_ALL = 1 << 60
"""Rows wanted of a key where all are."""


class _Flying(NamedTuple):
    """What is being read: at least so many rows of each key."""

    keys: frozenset[str]
    rows: int
    done: asyncio.Future[Any]


class _Read:
    """What was read at once: of each key at least so many rows, where there are as many."""

    __slots__ = ("pages", "rows")

    def __init__(self, rows: int, pages: Mapping[str, Page]) -> None:
        self.rows = rows
        self.pages = pages


class Loads:
    """All loads of one request. ``read_at`` tells when each connection was last read.

    again: kinds of records whose rows serve later reads by id.
    trace: takes down each load, where the caller wants to be told.
    """

    def __init__(
        self,
        systems: Systems,
        projection: Projection,
        references: CrossReferences,
        again: Collection[RecordType],
        trace: Trace | None = None,
    ) -> None:
        self.systems = systems
        self.read_at: dict[str, datetime] = {}
        self.rounds = 0
        """The longest chain of loads of which each began when the one before had ended."""
        self._references = references
        self._projection = projection
        self._again = again
        self._trace = trace
        self._timed_out: dict[str, OutcomeUnknown] = {}
        self._rows: dict[tuple[str, RecordType], dict[str, Row | None]] = {}
        self._pages: dict[Relation, dict[str, _Read]] = {}
        self._flying: dict[Any, list[_Flying]] = {}
        self._faults: dict[Any, dict[str, SystemFault]] = {}

    def release(self) -> None:
        """Forgets all rows."""
        self._rows.clear()
        self._pages.clear()

    async def by_id(
        self, connection: str, record_type: RecordType, ids: Collection[str]
    ) -> Mapping[str, Row | None]:
        """Rows by id, None for an id that the system does not know; more than was asked for may be there."""
        key = (connection, record_type)
        known = self._rows.get(key)
        if known is None:
            known = self._rows[key] = {}
        missing = [each for each in ids if each not in known] if known else list(ids)
        if missing:
            select = self._projection.select(connection, record_type)

            async def read(wanted: list[str]) -> None:
                traced = self._traced(connection, record_type, "id", len(wanted))
                rows = await self.ask(
                    connection, lambda: self.systems.read_many(connection, record_type, wanted, select)
                )
                if traced is not None:
                    traced.rows = len(rows)
                self._note(connection, record_type, rows.values())
                for each in wanted:
                    known[each] = rows.get(each)

            await self._once(key, missing, 0, read)
        return known

    async def related(
        self, relation: Relation, values: Iterable[str], first: int | None
    ) -> Mapping[str, Page]:
        """For each value at least its ``first`` rows (None: all), where it has as many."""
        wanted = _ALL if first is None else first
        known = self._pages.get(relation)
        if known is None:
            known = self._pages[relation] = {}
        keys = list(values)
        missing = [each for each in keys if each not in known or known[each].rows < wanted] if known else keys
        if missing:

            async def read(missing: list[str]) -> None:
                traced = self._traced(relation.connection, relation.type, relation.key, len(missing))
                pages = await self.ask(
                    relation.connection,
                    lambda: self.systems.related(
                        relation.connection,
                        relation.type,
                        relation.key,
                        missing,
                        self._projection.select(relation.connection, relation.type),
                        relation.where,
                        first,
                        relation.after,
                    ),
                )
                if traced is not None:
                    traced.rows = count_of(pages)
                self._remember(relation, pages)
                # What somebody else has read meanwhile can be more.
                less = missing
                if known:
                    less = [each for each in missing if each not in known or known[each].rows < wanted]
                known.update(dict.fromkeys(less, _Read(wanted, pages)))

            await self._once(relation, missing, wanted, read)
        reads = set(map(known.__getitem__, keys))
        if len(reads) == 1 and isinstance(pages := reads.pop().pages, Lists):
            return pages.only(keys)
        return {value: known[value].pages[value] for value in keys}

    async def page(
        self,
        connection: str,
        record_type: RecordType,
        where: tuple[Condition, ...],
        order: Order | None,
        first: int,
        after: str | None,
    ) -> Page:
        select = self._projection.select(connection, record_type)
        traced = self._traced(connection, record_type, PAGE, 1)
        page = await self.ask(
            connection, lambda: self.systems.page(connection, record_type, select, where, order, first, after)
        )
        if traced is not None:
            traced.rows = len(page.rows)
        self._note(connection, record_type, page.rows)
        if record_type in self._again:
            self._prime(connection, record_type, page.rows)
        return page

    def _traced(self, connection: str, record_type: RecordType, key: str, keys: int) -> Traced | None:
        if self._trace is None:
            return None
        fields = self._projection.select(connection, record_type)
        traced = Traced(self.rounds + 1, connection, record_type, key, keys, fields)
        self._trace.loads.append(traced)
        return traced

    async def ask(self, connection: str, read: Callable[[], Awaitable[T]]) -> T:
        """Reads from a connection, unless it has let its deadline pass earlier in this request."""
        if (earlier := self._timed_out.get(connection)) is not None:
            again = OutcomeUnknown(earlier.message, timed_out=True)
            again.system = earlier.system
            raise again
        own_round = self.rounds + 1
        try:
            return await read()
        except OutcomeUnknown as fault:
            if fault.timed_out:
                self._timed_out[connection] = fault
            raise
        finally:
            self.rounds = max(self.rounds, own_round)

    async def _once(
        self, key: Any, missing: list[str], wanted: int, read: Callable[[list[str]], Awaitable[None]]
    ) -> None:
        """Reads what nobody reads yet, and waits for what others read. The first fault is raised."""
        faults = self._faults.get(key)
        if faults:
            for each in missing:
                if each in faults:
                    raise faults[each]
        flying = self._flying.get(key)
        if flying is None:
            flying = self._flying[key] = []
        others: list[tuple[asyncio.Future[Any], list[str]]] = []
        mine = missing
        for each in flying:
            if each.rows >= wanted and not each.keys.isdisjoint(mine):
                others.append((each.done, [key for key in mine if key in each.keys]))
                mine = [key for key in mine if key not in each.keys]
        if mine:
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            own = _Flying(frozenset(mine), wanted, done)
            flying.append(own)
            try:
                await read(mine)
            except BaseException as error:
                if isinstance(error, SystemFault):
                    self._faults.setdefault(key, {}).update(dict.fromkeys(mine, error))
                    done.set_exception(error)
                    # Whoever waits sees it; where nobody does, it was raised here.
                    done.exception()
                else:
                    done.cancel()
                raise
            finally:
                flying.remove(own)
            done.set_result(None)
        for future, theirs in others:
            await asyncio.wait((future,))
            if future.cancelled():
                # Who was reading has given up: that is no reason to.
                await self._once(key, theirs, wanted, read)
            else:
                future.result()

    def _remember(self, relation: Relation, pages: Mapping[str, Page]) -> None:
        rows: list[Row] = []
        again = relation.type in self._again
        if again or relation.type is RecordType.CUSTOMER:
            rows = rows_of(pages)
        self._note(relation.connection, relation.type, rows)
        if again:
            self._prime(relation.connection, relation.type, rows)

    def _prime(self, connection: str, record_type: RecordType, rows: Iterable[Row]) -> None:
        ids = self.systems.resource(connection, record_type).fields.column("id")
        known = self._rows.setdefault((connection, record_type), {})
        rows = list(rows)
        for own_id, row in zip(ids(rows), rows, strict=True):
            known.setdefault(str(own_id), row)

    def _note(self, connection: str, record_type: RecordType, rows: Iterable[Row]) -> None:
        """Keeps when a connection was read, and the links that the CRM's customers carry."""
        self.read_at[connection] = datetime.now(UTC)
        if record_type is not RecordType.CUSTOMER or self.systems.system_of(connection) is not System.CRM:
            return
        fields = self.systems.resource(connection, record_type).fields
        links = fields.links
        if not links:
            return
        for row in rows:
            for link in links:
                if (value := fields.read(row, link)) is not None:
                    self._references.learn(connection, str(fields.read(row, "id")), link, str(value))
