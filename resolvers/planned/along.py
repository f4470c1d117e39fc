"""What comes along with a customer for its descendants, at run time: see ``hoist``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import (
    Malformed,
    OutcomeUnknown,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
)
from adapters.contracts.fields import Row
from adapters.contracts.resource import Lists, Page, lists_by, rows_of
from adapters.contracts.vocabulary import RecordType
from resolvers.loads import Relation
from resolvers.planned.item import Batch
from resolvers.planned.plan import Hoist

if TYPE_CHECKING:
    from resolvers.planned.fetch import Fetch

HOISTED_ROWS = 500
"""Most rows of one customer that are fetched for its descendants; with more, these ask by their own keys."""

_Found = Mapping[str, list[Row]] | SystemFault | None
"""What came along with an ancestor, by the parent it is of; why nothing did; None: it does not suffice."""

_ILL: tuple[type[SystemFault], ...] = (Unreachable, OutcomeUnknown, Throttled, Malformed, Unauthorised)
"""Faults of the system, however it is asked."""


class Along:
    """The hoists of one request: loads that began with an ancestor, and what came of them."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._loading: dict[int, asyncio.Future[_Found]] = {}

    def begin(self, hoists: Sequence[Hoist], batch: Batch) -> list[Coroutine[Any, Any, None]]:
        """Loads what descendants will need; whoever needs it waits for it."""
        return [self._load(each, self._expected(each), batch) for each in hoists if self._worth(each, batch)]

    def _expected(self, hoist: Hoist) -> asyncio.Future[_Found]:
        future: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        self._loading[id(hoist)] = future
        return future

    def _worth(self, hoist: Hoist, batch: Batch) -> bool:
        """A key that takes one value a call is used ahead of time for one customer only."""
        return hoist.link is not None or sum(map(len, batch.values())) == 1

    async def _load(self, hoist: Hoist, future: asyncio.Future[_Found], batch: Batch) -> None:
        found: _Found = None
        try:
            found = await self._by_ancestor(hoist, batch)
        except SystemFault as fault:
            # A system that is ill is not asked again by whoever needs it; what was refused for how it was
            # asked for is.
            if isinstance(fault, _ILL) and fault.system is hoist.edge.system:
                found = fault
        finally:
            if not future.done():
                future.set_result(found)

    async def _by_ancestor(self, hoist: Hoist, batch: Batch) -> dict[str, list[Row]] | None:
        """The children by the descendant each belongs to; None where a customer has too many."""
        edge, name = hoist.edge, hoist.connection
        relation = Relation(name, edge.child, hoist.key.child, (), None)
        if hoist.link is None:
            values = await self._fetch.edges.values(edge, RecordType.CUSTOMER, hoist.key, name, batch)
            known = [each for found in values.values() for each in found.values() if isinstance(each, str)]
            if known:
                await self._fetch.loads.related(relation, known, None)
            return None
        ids = [each for group in batch.values() for each in group]
        pages = await self._fetch.loads.related(relation, ids, HOISTED_ROWS)
        if not isinstance(pages, Lists) and any(page.has_more for page in pages.values()):
            return None
        rows = rows_of(pages)
        owners = self._fetch.systems.resource(name, edge.child).fields.column(hoist.link)
        named = owners(rows)
        return lists_by(list(dict.fromkeys(named)), named, rows)

    async def pages(self, hoist: Hoist, ids: Sequence[str]) -> Mapping[str, Page] | SystemFault | None:
        """The pages of descendants, or why there are none; None where what came along does not suffice."""
        future = self._loading.get(id(hoist))
        if future is None:
            return None
        found = future.result() if future.done() else await asyncio.shield(future)
        if found is None or isinstance(found, SystemFault):
            return found
        # Nobody asks for places in them: see ``hoist``.
        lists = dict(zip(ids, map(found.get, ids, repeat(())), strict=True))
        return Lists(lists, lambda rows: ("",) * len(rows))
