"""The ways in which systems give a list in pages: a class for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, overload

import msgspec

from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.contracts.resource import Lists, Page
from adapters.rest.conversion import text, whole
from adapters.rest.path import getter
from adapters.rest.position import Counted, Position
from adapters.rest.section import (
    CursorPaging,
    KeysetPaging,
    More,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    Section,
)

MOST_UNPAGED = 10_000
"""Rows in a page of a list that the system gives whole: it is cut here, so this bounds nothing else."""


class Answer(msgspec.Struct, frozen=True):
    """The rows of an answer, and all of it."""

    rows: Sequence[Row]
    body: Any


Fetch = Callable[[tuple[tuple[str, str], ...]], Awaitable[Answer]]
"""Asks for the list with these parameters added to its others."""

IdOf = Callable[[Row], str]


class Pager(ABC):
    """One style of paging. ``start`` is what its positions start with."""

    start: ClassVar[type[int] | type[str]] = int
    max_rows: int
    reads: Sequence[str] = ()
    """Paths of an answer that are looked at beside its rows."""

    @abstractmethod
    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        """At most ``first`` rows behind a position."""

    @abstractmethod
    def place(self, index: int, record_id: str) -> Position:
        """The place behind a row, by its index in the list."""


class WholePager(Pager):
    """The list comes whole, and is cut here."""

    max_rows = MOST_UNPAGED

    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        return self.cut((await fetch(())).rows, first, after, id_of)

    def cut(self, rows: Sequence[Row], first: int | None, after: Position | None, id_of: IdOf) -> Page:
        """A page of a list that is here already; all of the rest for None."""
        begin = 0 if after is None else after.resume([id_of(row) for row in rows])
        end = len(rows) if first is None else begin + first
        kept = rows[begin:end]
        return Page(kept, self._places(kept, begin, id_of), end < len(rows))

    def cut_each(self, whole: Lists, first: int | None, id_of: IdOf) -> Mapping[str, Page]:
        """The first page of each of many lists."""
        if first is None or whole.longest <= first:
            return whole
        return {value: self.cut(rows, first, None, id_of) for value, rows in whole.lists.items()}

    def places(self, id_of: IdOf) -> Callable[[Sequence[Row]], Sequence[str]]:
        """Gives the positions of the rows of a list that begins at its start."""
        return lambda rows: self._places(rows, 0, id_of)

    @staticmethod
    def _places(rows: Sequence[Row], begin: int, id_of: IdOf) -> Sequence[str]:
        return _Places(len(rows), lambda index: Position(0, begin + index + 1, id_of(rows[index])))

    def place(self, index: int, record_id: str) -> Position:
        return Position(0, index + 1, record_id)


class _Places(Sequence[str]):
    """Positions that are written down when they are looked at: of long lists few ever are."""

    def __init__(self, count: int, place: Callable[[int], Position]) -> None:
        self._count = count
        self._place = place

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        indices = range(self._count)[index]
        if isinstance(indices, range):
            return [self[each] for each in indices]
        return str(self._place(indices))


class OffsetPager(Pager):
    """Positions count rows from the start, so rows that come or go before them shift the place."""

    def __init__(self, form: OffsetPaging) -> None:
        self._form = form
        self._more = _More(form.more)
        self.reads = self._more.reads
        self.max_rows = self._more.room(form.max)

    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        begin = 0 if after is None else int(after.start) + after.skip
        first = min(first, self.max_rows)
        answer = await fetch(
            ((self._form.limit, str(self._more.limit(first))), (self._form.offset, str(begin)))
        )
        kept = answer.rows[:first]
        return Page(kept, Counted(begin, len(kept)), self._more.follow(answer, first, begin))

    def place(self, index: int, record_id: str) -> Position:
        return Position(index + 1)


class NumberPager(Pager):
    """Pages of a constant size. A place within a page is reached by reading the largest page it lies in."""

    def __init__(self, form: NumberPaging) -> None:
        self._form = form
        self._more = _More(form.more)
        self.reads = self._more.reads
        self.max_rows = form.max

    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        begin = 0 if after is None else int(after.start) + after.skip
        size = min(first, self.max_rows)
        if begin % size:
            size = self.max_rows
        number, known = divmod(begin, size)
        answer = await fetch(
            ((self._form.limit, str(size)), (self._form.number, str(number + self._form.first_number)))
        )
        rest = answer.rows[known:]
        kept = rest[:first]
        more = len(rest) > len(kept) or self._more.follow(answer, size, begin - known)
        if more and not kept:
            raise Malformed("a page without new rows says that more follow")
        return Page(kept, Counted(begin, len(kept)), more)

    def place(self, index: int, record_id: str) -> Position:
        return Position(index + 1)


class CursorPager(Pager):
    """Tokens name page ends only. A place within a page is the page's own token and the rows up to it."""

    start = str

    def __init__(self, form: CursorPaging) -> None:
        self._form = form
        self._next = getter(form.next)
        self.reads = (form.next,)
        self.max_rows = form.max

    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        place = after or Position("")
        while True:
            token = str(place.start)
            limit = str(min(place.skip + first, self.max_rows))
            told = ((self._form.cursor, token),) if token else ()
            answer = await fetch(((self._form.limit, limit), *told))
            following = text(self._next(answer.body)) or ""
            if following and following == token:
                raise Malformed("the next page is the same page again")
            ids = [id_of(row) for row in answer.rows]
            if following and place.skip > len(ids) and place.id not in ids:
                place = Position(following, place.skip - len(ids), place.id)
                continue
            begin = place.resume(ids)
            if begin == len(ids) and following:
                place = Position(following)
                continue
            kept = range(begin, min(begin + first, len(ids)))
            positions = [
                str(
                    Position(following)
                    if following and index == len(ids) - 1
                    else Position(token, index + 1, ids[index])
                )
                for index in kept
            ]
            more = bool(following) or begin + first < len(ids)
            return Page([answer.rows[index] for index in kept], positions, more)

    def place(self, index: int, record_id: str) -> Position:
        return Position("", index + 1, record_id)


class KeysetPager(Pager):
    """The system continues behind a record id."""

    start = str

    def __init__(self, form: KeysetPaging) -> None:
        self._form = form
        self._more = _More(form.more)
        self.reads = self._more.reads
        self.max_rows = self._more.room(form.max)

    async def page(self, fetch: Fetch, first: int, after: Position | None, id_of: IdOf) -> Page:
        first = min(first, self.max_rows)
        told = () if after is None else ((self._form.after, str(after.start)),)
        answer = await fetch(((self._form.limit, str(self._more.limit(first))), *told))
        kept = answer.rows[:first]
        positions = [str(self.place(0, id_of(row))) for row in kept]
        return Page(kept, positions, self._more.follow(answer, first, 0))

    def place(self, index: int, record_id: str) -> Position:
        return Position(record_id)


class _More:
    """Whether rows follow those of an answer."""

    def __init__(self, rule: Literal["one_extra", "until_empty"] | More) -> None:
        self._one_extra = rule == "one_extra"
        self._total = getter(rule.total) if isinstance(rule, More) and rule.total else None
        self._flag = getter(rule.flag) if isinstance(rule, More) and rule.flag else None
        self.reads = [path for path in (rule.total, rule.flag) if path] if isinstance(rule, More) else []

    def room(self, most: int) -> int:
        """Rows that a page can carry, of the most that the system gives."""
        return most - 1 if self._one_extra else most

    def limit(self, first: int) -> int:
        return first + 1 if self._one_extra else first

    def follow(self, answer: Answer, first: int, begin: int) -> bool:
        count = len(answer.rows)
        if count > first or self._one_extra:
            return count > first
        if self._total is not None:
            return count > 0 and begin + count < (whole(self._total(answer.body)) or 0)
        if self._flag is None:
            return count > 0
        more = bool(self._flag(answer.body))
        if more and not count:
            raise Malformed("an empty page says that more follow")
        return more


_STYLES: Mapping[type[Section], Callable[[Any], Pager]] = {
    NoPaging: lambda form: WholePager(),
    OffsetPaging: OffsetPager,
    NumberPaging: NumberPager,
    CursorPaging: CursorPager,
    KeysetPaging: KeysetPager,
}


def pager(form: Section) -> Pager:
    """The pager of a section ``paging``."""
    return _STYLES[type(form)](form)
