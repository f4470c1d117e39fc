"""A place in a list that is ordered by when its rows were created."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.contracts.errors import Rejected

_FORM = re.compile(r"(\d{1,11})\.([^\x00-\x1f]{1,100})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """The place behind one row: its second of creation and its id.

    Chargebee's own ``next_offset`` names the end of a page only and belongs to one set of filters; a
    position must name any row and hold for a narrower list too.
    """

    created_at: int
    id: str

    def __str__(self) -> str:
        return f"{self.created_at}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position:
        match = _FORM.fullmatch(text)
        if match is None:
            raise Rejected("this is not a position in a Chargebee list", vendor_code="bad_position")
        return cls(int(match[1]), match[2])
