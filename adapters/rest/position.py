"""A place between two rows of a list."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from adapters.contracts.errors import Rejected

_MOST = 10**9


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

    @staticmethod
    def counted(begin: int, count: int) -> list[str]:
        """``str`` of the places behind so many rows, where places count rows from the start of the list."""
        return list(map('[%d,0,""]'.__mod__, range(begin + 1, begin + count + 1)))

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
