"""What comes along with a customer for its descendants, at run time: see ``hoist``."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import (
    Malformed,
    OutcomeUnknown,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
)
from adapters.contracts.resource import Lists, Page, lists_by, rows_of
from adapters.contracts.vocabulary import RecordType
from resolvers.planned.item import Batch
from resolvers.planned.plan import Hoist

if TYPE_CHECKING:
    from resolvers.planned.fetch import Fetch

HOISTED_ROWS = 500
"""Most rows of one customer that are fetched for its descendants; with more, these ask by their own keys."""

_ILL: tuple[type[SystemFault], ...] = (Unreachable, OutcomeUnknown, Throttled, Malformed, Unauthorised)
"""Faults of the system, however it is asked."""


class Along:
    """The hoists of one request: what they are for, and what came of them."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._begun: dict[int, list[str]] = {}
        """The customers for whom each hoist was begun."""

    def begin(self, hoists: Sequence[Hoist], batch: Batch) -> list[Coroutine[Any, Any, None]]:
        """Loads what descendants will need; whoever needs it waits for it."""
        parts: list[Coroutine[Any, Any, None]] = []
        ids = list(chain.from_iterable(batch.values()))
        for hoist in hoists:
            if hoist.link is None:
                # A key that takes one value a call is used ahead of time for one customer only.
                if len(ids) == 1:
                    parts.append(quietly(self._by_own_key(hoist, batch)))
                continue
            begun = self._begun.setdefault(id(hoist), [])
            if begun == ids:
                continue
            begun += ids
            loads = self._fetch.loads
            if not loads.has(hoist.relation, ids, HOISTED_ROWS):
                parts.append(quietly(loads.related(hoist.relation, ids, HOISTED_ROWS)))
        return parts

    async def _by_own_key(self, hoist: Hoist, batch: Batch) -> None:
        """Reads what the descendants will ask for by the same key themselves."""
        edge, name = hoist.edge, hoist.connection
        values = await self._fetch.edges.values(edge, RecordType.CUSTOMER, hoist.key, name, batch)
        known = [each for found in values.values() for each in found.values() if isinstance(each, str)]
        if known:
            await self._fetch.loads.related(hoist.relation, known, None)

    async def pages(self, hoist: Hoist, ids: Sequence[str]) -> Mapping[str, Page] | SystemFault | None:
        """The pages of descendants, or why there are none; None where what came along does not suffice."""
        customers = self._begun.get(id(hoist))
        if customers is None:
            return None
        edge, name = hoist.edge, hoist.connection
        try:
            pages = await self._fetch.loads.related(hoist.relation, customers, HOISTED_ROWS)
            if not isinstance(pages, Lists) and any(page.has_more for page in pages.values()):
                return None
            rows = rows_of(pages)
            owners = self._fetch.systems.resource(name, edge.child).fields.column(hoist.link or "")(rows)
        except SystemFault as fault:
            # A system that is ill is not asked again by whoever needs it; what was refused for how it was
            # asked for is.
            return fault if isinstance(fault, _ILL) and fault.system is edge.system else None
        found = lists_by(list(dict.fromkeys(owners)), owners, rows)
        lists = dict(zip(ids, map(found.get, ids, repeat(())), strict=True))
        # Nobody asks for places in them: see ``hoist``.
        return Lists(lists, lambda rows: ("",) * len(rows))


async def quietly(load: Coroutine[Any, Any, Any]) -> None:
    """What it raises is kept for whoever asks the same."""
    try:  # noqa: SIM105 - a context manager is three more calls
        await load
    except SystemFault:
        pass
