"""The port an adapter implements for each kind of record: read many, list a page.

Nothing fetches one: ``read_many`` takes ids, ``related`` takes key values. An adapter has to write
``page`` and, where the vendor has something better than a filtered list, ``read_many``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import msgspec

from adapters.contracts.errors import Malformed, Unsupported
from adapters.contracts.fields import Condition, FieldMap, Op, Row
from adapters.contracts.vocabulary import RecordType


@dataclass(frozen=True, slots=True)
class Caps:
    """What one call to the vendor can carry.

    ids_per_call:  most ids in one ``read_many``.
    rows_per_call: most rows in one page.
    keys_per_call: most values of a key field in one call, where that differs from ``ids_per_call``.
    """

    ids_per_call: int
    rows_per_call: int
    keys_per_call: Mapping[str, int] = field(default_factory=dict[str, int])

    def keys(self, key: str) -> int:
        return self.keys_per_call.get(key, self.ids_per_call)


@dataclass(frozen=True, slots=True)
class Order:
    """An order by one canonical field; ties are broken by the vendor's record id."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of a list.

    select: canonical fields wanted (``id`` is implied).
    where:  conditions, all of which hold. A parent is a condition too: ``(key, IN, (parent id, …))``.
    order:  None for the resource's own stable order.
    first:  rows wanted, at least 1. A resource may give fewer and say ``has_more``.
    after:  the position of the row to continue behind, as an earlier page gave it.
    """

    select: frozenset[str]
    where: tuple[Condition, ...] = ()
    order: Order | None = None
    first: int = 20
    after: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Rows in order, the position of each, and whether the vendor has more behind the last.

    A position names a place between two rows by their sort key or by a vendor token, so that rows
    inserted or deleted elsewhere neither repeat nor skip others.
    """

    rows: Sequence[Row]
    positions: Sequence[str]
    has_more: bool

    def cut(self, first: int | None) -> Page:
        """The first rows of the page; all of them for None."""
        if first is None or len(self.rows) <= first:
            return self
        return Page(self.rows[:first], self.positions[:first], has_more=True)


class Lists(Mapping[str, Page]):
    """Whole lists by the value that each was asked for. A page is made of one when it is looked at.

    lists:   the rows of each. places: the positions of the rows of one list.
    count:   of the rows of all lists. longest: how many rows the longest has.
    """

    __slots__ = ("_places", "count", "lists", "longest")

    def __init__(
        self,
        lists: Mapping[str, Sequence[Row]],
        places: Callable[[Sequence[Row]], Sequence[str]],
        count: int | None = None,
        longest: int | None = None,
    ) -> None:
        """``count`` and ``longest`` are given where they are known."""
        self.lists = lists
        self._places = places
        self.count = sum(map(len, lists.values())) if count is None else count
        self.longest = max(map(len, lists.values()), default=0) if longest is None else longest

    def __getitem__(self, value: str) -> Page:
        rows = self.lists[value]
        return Page(rows, self._places(rows), False)

    def __contains__(self, value: object) -> bool:
        # What is inherited makes a page to find out.
        return value in self.lists

    def __iter__(self) -> Iterator[str]:
        return iter(self.lists)

    def __len__(self) -> int:
        return len(self.lists)

    def only(self, values: Collection[str]) -> Lists:
        """Those of some values. KeyError where there is none of one."""
        if len(values) == 1 < len(self.lists):
            (value,) = values
            rows = self.lists[value]
            return Lists({value: rows}, self._places, len(rows), len(rows))
        if len(values) == len(self.lists) and all(map(self.lists.__contains__, values)):
            return self
        return Lists(dict(zip(values, map(self.lists.__getitem__, values), strict=True)), self._places)

    def beside(self, others: Iterable[Lists]) -> Lists:
        """These and others, of the same resource."""
        parts = (self, *others)
        merged: dict[str, Sequence[Row]] = {}
        for each in parts:
            merged.update(each.lists)
        if len(merged) < sum(map(len, parts)):
            return Lists(merged, self._places)
        # None of them has another's value: what they measure, this measures.
        count, longest = sum(each.count for each in parts), max(each.longest for each in parts)
        return Lists(merged, self._places, count, longest)


def lists_by(values: Sequence[str], owners: Iterable[str], rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each value, in their order: ``owners`` says whose each row is. KeyError for nobody's."""
    # A display makes an empty list in half the time of a call of ``list``, and in a seventh of one of
    # ``list[Row]``, which tries to leave its parameters on what it made.
    lists: dict[str, list[Row]] = {value: [] for value in values}
    # One pass without a line of Python for a row: there may be thousands.
    deque(map(list[Row].append, map(lists.__getitem__, owners), rows), maxlen=0)
    return lists


def rows_of(pages: Mapping[str, Page]) -> list[Row]:
    """The rows of all pages, one after the other."""
    if isinstance(pages, Lists):
        return list(chain.from_iterable(pages.lists.values()))
    return [row for page in pages.values() for row in page.rows]


def count_of(pages: Mapping[str, Page]) -> int:
    """How many rows all pages have together."""
    if isinstance(pages, Lists):
        return pages.count
    return sum([len(page.rows) for page in pages.values()])


def longest(pages: Mapping[str, Page]) -> int:
    """How many rows the longest page has."""
    if isinstance(pages, Lists):
        return pages.longest
    return max([len(page.rows) for page in pages.values()], default=0)


def cut_each(pages: Mapping[str, Page], first: int | None) -> Mapping[str, Page]:
    """The pages with at most so many rows of each; all of them for None."""
    if first is not None and longest(pages) > first:
        return {value: page.cut(first) for value, page in pages.items()}
    return pages


class Resource(ABC):
    """One kind of record at one vendor."""

    type: RecordType
    fields: FieldMap
    caps: Caps
    orders: frozenset[Order] = frozenset()

    @abstractmethod
    async def page(self, request: PageRequest) -> Page:
        """One page of the list, filtered and ordered by the vendor.

        Raises ``Unsupported`` before anything is sent where the vendor cannot apply a condition or
        an order, ``Rejected`` with vendor_code ``"bad_position"`` for a position it did not give.
        """

    async def read_many(self, ids: Sequence[str], select: frozenset[str]) -> Mapping[str, Row]:
        """Rows by record id, at most ``caps.ids_per_call`` ids; unknown ids are left out."""
        wanted = tuple(dict.fromkeys(ids))
        found: dict[str, Row] = {}
        request = PageRequest(
            select=select,
            where=(Condition("id", Op.IN, wanted),),
            first=min(len(wanted), self.caps.rows_per_call),
        )
        while True:
            page = await self.page(request)
            for row in page.rows:
                found[str(self.fields.read(row, "id"))] = row
            if not page.has_more:
                return found
            request = replace(request, after=_last_position(self, page))

    def finds_by(self, key: str) -> bool:
        """Whether rows can be found by the values of a link field, ``related``'s precondition."""
        return self.fields.can_filter(key, Op.IN)

    async def related(
        self,
        key: str,
        values: Sequence[str],
        select: frozenset[str],
        where: tuple[Condition, ...] = (),
        first: int | None = None,
        after: str | None = None,
    ) -> Mapping[str, Page]:
        """For each value of a link field its rows, in the resource's own order.

        ``first`` bounds the rows of each value (None: all of them); ``after`` continues behind a
        position and takes a single value. At most ``caps.keys(key)`` values.
        """
        wanted = tuple(dict.fromkeys(values))
        if after is not None and len(wanted) != 1:
            raise ValueError("a position belongs to one key value")
        rows: dict[str, list[Row]] = {value: [] for value in wanted}
        positions: dict[str, list[str]] = {value: [] for value in wanted}
        only = wanted[0] if len(wanted) == 1 else None
        request = PageRequest(
            select=select | {key},
            where=(*where, Condition(key, Op.IN, wanted)),
            first=self._page_size(len(wanted), first),
            after=after,
        )
        while True:
            page = await self.page(request)
            for row, position in zip(page.rows, page.positions, strict=True):
                value = only if only is not None else str(self.fields.read(row, key))
                if value in rows:
                    rows[value].append(row)
                    positions[value].append(position)
            enough = first is not None and all(len(found) >= first for found in rows.values())
            if not page.has_more or enough:
                break
            request = replace(request, after=_last_position(self, page))
        # Only a value that filled its share can have more than what was read.
        return {
            value: Page(
                rows=rows[value][:first],
                positions=positions[value][:first],
                has_more=first is not None
                and (len(rows[value]) > first or (page.has_more and len(rows[value]) == first)),
            )
            for value in wanted
        }

    def _page_size(self, values: int, first: int | None) -> int:
        if values == 1 and first is not None:
            return min(first, self.caps.rows_per_call)
        return self.caps.rows_per_call

    def require(self, request: PageRequest) -> None:
        """Refuses, before anything is sent, an order the vendor does not have."""
        if request.order is not None and request.order not in self.orders:
            direction = "descending" if request.order.descending else "ascending"
            raise Unsupported(
                f"{self.fields.vendor_resource} cannot be ordered by {request.order.field}, {direction}"
            )


def _last_position(resource: Resource, page: Page) -> str:
    if not page.positions:
        # An empty page that claims more would be asked for for ever.
        raise Malformed(f"{resource.fields.vendor_resource}: an empty page says that more follow")
    return page.positions[-1]
