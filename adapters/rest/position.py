"""A place between two rows of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec

from adapters.contracts.errors import Rejected

_MOST = 10**9
_COUNTED = '[%d,0,""]'.__mod__


@dataclass(frozen=True, slots=True)
class Position:
    """The place behind one row.

    start: where the system is told to start: a number of rows, its own token, or a record id.
    skip:  rows from there up to the place.
    id:    the last of them, which shows the place also when rows before it came or went.
    """

    start: int | str
    skip: int = 0
    id: str = ""

    def __str__(self) -> str:
        return msgspec.json.encode((self.start, self.skip, self.id)).decode()

    @classmethod
    def parse(cls, text: str, start: type[int] | type[str]) -> Position:
        """Raises ``Rejected`` for what no list of this style gave."""
        try:
            position = cls(*msgspec.json.decode(text, type=tuple[int | str, int, str]))
        except msgspec.DecodeError:
            position = None
        if (
            position is None
            or not isinstance(position.start, start)
            or not 0 <= position.skip <= _MOST
            or (isinstance(position.start, int) and not 0 <= position.start <= _MOST)
        ):
            raise Rejected("this is not a position in this list", vendor_code="bad_position")
        return position

    def resume(self, ids: list[str]) -> int:
        """How many of these rows, read from ``start`` on, lie before the place.

        Where the row of the position is gone, its successor has moved up to where it was.
        """
        if self.skip == 0:
            return 0
        try:
            return ids.index(self.id) + 1
        except ValueError:
            return min(self.skip - 1, len(ids))


class Counted(Sequence[str]):
    """``str`` of the places behind so many rows, where places count rows from the start of the list.

    They are written down when they are looked at: of most pages the last one is.
    """

    __slots__ = ("_numbers",)

    def __init__(self, begin: int, count: int) -> None:
        self._numbers = range(begin + 1, begin + count + 1)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return map(_COUNTED, self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        found = self._numbers[index]
        return list(map(_COUNTED, found)) if isinstance(found, range) else _COUNTED(found)
