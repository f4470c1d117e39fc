"""The loads of one planned request: many keys at once, each read once.

What was read is kept for the request, faults included; what is being read is waited for, not asked again.
Loads of one turn of the loop become one upstream call in the gateway's systems, whichever request they are
of. A connection that let its deadline pass is not waited for again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from adapters.contracts.errors import OutcomeUnknown, SystemFault
from adapters.contracts.fields import Condition, Row
from adapters.contracts.resource import Lists, Order, Page, count_of, rows_of
from adapters.contracts.vocabulary import RecordType, System
from resolvers.edges import CUSTOMER_IN_CRM
from resolvers.planned.trace import PAGE, Trace, Traced
from resolvers.ports import CrossReferences, Relation, Systems
from resolvers.projection import Projection

T = TypeVar("T")

_ALL = 1 << 60
"""Rows wanted of a key where all are."""


_ID = "id"
"""The key of reads by id, for which rows are kept apart from their readings."""


class _Read(msgspec.Struct, eq=False):
    """One reading: of each of its keys at least so many rows, where there are as many.

    found: what it gave. fault: why it gave nothing. Neither while it is under way, nor where who was reading
    has given up. waiting: those who wait for its end.
    """

    keys: list[str]
    rows: int
    found: Any = None
    fault: SystemFault | None = None
    under_way: bool = True
    waiting: tuple[asyncio.Future[None], ...] = ()

    def wait(self) -> asyncio.Future[None]:
        """The end of it, however it ends. Each who waits has a future of its own, and may give up."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting = (*self.waiting, end)
        return end

    def tell(self) -> None:
        """Tells those who wait that it has ended."""
        for each in self.waiting:
            if not each.done():
                each.set_result(None)


class Loads:
    """All loads of one request. ``read_at`` tells when each connection was last read, where ``dated``.

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
        dated: bool = False,
    ) -> None:
        self.systems = systems
        self.read_at: dict[str, datetime] = {}
        self.rounds = 0
        """The longest chain of loads of which each began when the one before had ended."""
        self._references = references
        self._projection = projection
        self._again = again
        self._trace = trace
        self._dated = dated
        self._timed_out: dict[str, OutcomeUnknown] = {}
        self._rows: dict[tuple[str, RecordType], dict[str, Row | None]] = {}
        self._reads: dict[Relation, dict[str, _Read]] = {}

    def release(self) -> None:
        """Forgets all rows."""
        self._rows.clear()
        self._reads.clear()

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
            relation = Relation(connection, record_type, _ID, (), None)
            others = self._reads.get(relation)
            if others:
                await self._beside_others(others, relation, missing, 0)
            else:
                await self.related(relation, missing, 0)
        return known

    def has(self, relation: Relation, keys: Sequence[str], first: int) -> bool:
        """Whether so many rows of all keys were read, or are being read."""
        known = self._reads.get(relation)
        if not known:
            return False
        held = set(map(known.get, keys))
        return None not in held and all(each is not None and each.rows >= first for each in held)

    async def related(
        self, relation: Relation, values: Iterable[str], first: int | None, own: _Read | None = None
    ) -> Mapping[str, Any]:
        """For each value at least its ``first`` rows (None: all), where it has as many.

        own: what becomes of it, where nobody else is to be waited for.
        """
        known = self._reads.get(relation)
        if own is None:
            keys = list(values)
            if known:
                return await self._of_several(known, relation, keys, first)
            own = _Read(keys, _ALL if first is None else first)
        keys, before = own.keys, None
        if known is None:
            self._reads[relation] = dict.fromkeys(keys, own)
        else:
            before = {key: known[key] for key in keys if key in known}
            known.update(dict.fromkeys(keys, own))
        connection, record_type, by_id = relation.connection, relation.type, relation.key == _ID
        traced, own_round = None, 0
        try:
            if self._trace is not None:
                traced = self._traced(self._trace, connection, record_type, relation.key, len(keys))
            own_round = self._begin(connection) if self._timed_out else self.rounds + 1
            select = self._projection.select(connection, record_type)
            found: Mapping[str, Any] = await (
                self.systems.read_many(connection, record_type, keys, select)
                if by_id
                else self.systems.related(relation, keys, select, first)
            )
            if traced is not None:
                traced.rows = len(found) if by_id else count_of(found)
            if self._dated:
                self.read_at[connection] = datetime.now(UTC)
            if by_id:
                self._keep(connection, record_type, keys, found)
            elif record_type in self._again or (
                record_type is RecordType.CUSTOMER and relation.key != CUSTOMER_IN_CRM
            ):
                # Records of other systems that name the CRM's customer have no links.
                self._keep_rows(connection, record_type, rows_of(found))
            own.found = found
            return found
        except BaseException as error:
            self._gave_nothing(own, self._reads.get(relation, {}), before or {}, error)
            self._failed(connection, error)
            raise
        finally:
            if self.rounds < own_round:
                self.rounds = own_round
            own.under_way = False
            if own.waiting:
                own.tell()

    @staticmethod
    def _gave_nothing(
        own: _Read, known: dict[str, _Read], before: Mapping[str, _Read], error: BaseException
    ) -> None:
        """Notes why a reading gave nothing; what was ``before`` of its keys serves again."""
        if isinstance(error, SystemFault):
            own.fault, own.rows = error, _ALL
        for key in own.keys:
            if known.get(key) is not own:
                continue
            if key in before:
                known[key] = before[key]
            elif own.fault is None:
                del known[key]

    async def _of_several(
        self, known: dict[str, _Read], relation: Relation, keys: list[str], first: int | None
    ) -> Mapping[str, Page]:
        own = await self._beside_others(known, relation, keys, first)
        if not isinstance(own, _Read):
            return {value: own[value].found[value] for value in keys}
        pages: Mapping[str, Page] = own.found
        if keys == own.keys:
            return pages
        return pages.only(keys) if isinstance(pages, Lists) else {value: pages[value] for value in keys}

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
        traced = None if self._trace is None else self._traced(self._trace, connection, record_type, PAGE, 1)
        own_round = self._begin(connection)
        try:
            page = await self.systems.page(connection, record_type, select, where, order, first, after)
        except SystemFault as fault:
            self._failed(connection, fault)
            raise
        finally:
            self.rounds = max(self.rounds, own_round)
        if traced is not None:
            traced.rows = len(page.rows)
        if self._dated:
            self.read_at[connection] = datetime.now(UTC)
        self._keep_rows(connection, record_type, page.rows)
        return page

    def _traced(self, trace: Trace, connection: str, record_type: RecordType, key: str, keys: int) -> Traced:
        fields = self._projection.select(connection, record_type)
        traced = Traced(self.rounds + 1, connection, record_type, key, keys, fields)
        trace.loads.append(traced)
        return traced

    def _begin(self, connection: str) -> int:
        """The round of a load that begins now. Raises where the connection has let its deadline pass."""
        if (earlier := self._timed_out.get(connection)) is not None:
            again = OutcomeUnknown(earlier.message, timed_out=True)
            again.system = earlier.system
            raise again
        return self.rounds + 1

    def _failed(self, connection: str, error: BaseException) -> None:
        if isinstance(error, OutcomeUnknown) and error.timed_out:
            self._timed_out[connection] = error

    async def _beside_others(
        self, known: dict[str, _Read], relation: Relation, keys: list[str], first: int | None
    ) -> _Read | Mapping[str, _Read]:
        """Reads what nobody reads yet, and waits for what others read. The first fault is raised.

        Gives the reading that has all of the keys, or that of each.
        """
        rows = _ALL if first is None else first
        held = set(map(known.get, keys))
        if len(held) == 1 and (own := held.pop()) is not None and own.rows >= rows:
            if own.under_way:
                await own.wait()
            if own.found is not None:
                return own
        found = {key: was for key in keys if (was := known.get(key)) is not None and was.rows >= rows}
        others = dict.fromkeys(found.values())
        for other in others:
            if other.fault is not None:
                raise other.fault
        mine = [key for key in keys if key not in found] if found else keys
        if mine:
            read = _Read(mine, rows)
            await self.related(relation, mine, first, read)
            found |= dict.fromkeys(mine, read)
        for other in others:
            if other.under_way:
                await other.wait()
            if other.fault is not None:
                raise other.fault
            if other.found is None:
                # Who was reading has given up: that is no reason to.
                theirs = [key for key in keys if found[key] is other]
                again = await self._beside_others(known, relation, theirs, first)
                found |= dict.fromkeys(theirs, again) if isinstance(again, _Read) else again
        return found

    def _keep(
        self, connection: str, record_type: RecordType, ids: list[str], found: Mapping[str, Row]
    ) -> None:
        """Keeps rows that were read by id, and that there are none of the other ids."""
        self._rows[connection, record_type].update(zip(ids, map(found.get, ids), strict=True))
        if record_type is RecordType.CUSTOMER:
            self._learn(connection, found.values())

    def _keep_rows(self, connection: str, record_type: RecordType, rows: Sequence[Row]) -> None:
        """Keeps rows of lists that serve reads by id, and the links of customers."""
        if record_type in self._again:
            self._prime(connection, record_type, rows)
        if record_type is RecordType.CUSTOMER:
            self._learn(connection, rows)

    def _prime(self, connection: str, record_type: RecordType, rows: Sequence[Row]) -> None:
        ids = self.systems.resource(connection, record_type).fields.column("id")
        known = self._rows.setdefault((connection, record_type), {})
        deque(map(known.setdefault, map(str, ids(rows)), rows), maxlen=0)

    def _learn(self, connection: str, customers: Iterable[Row]) -> None:
        """Keeps the links that the CRM's customers carry."""
        fields = self.systems.resource(connection, RecordType.CUSTOMER).fields
        links = fields.links
        if not links or self.systems.system_of(connection) is not System.CRM:
            return
        for row in customers:
            for link in links:
                if (value := fields.read(row, link)) is not None:
                    self._references.learn(connection, str(fields.read(row, "id")), link, str(value))
