"""Positions in a list: the sort value and the id of a row, so that the next page starts behind it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from adapters.contracts.convert import utc_from_iso
from adapters.contracts.errors import Malformed, Rejected
from adapters.contracts.fields import Row
from adapters.contracts.resource import Order
from adapters.salesforce import soql
from adapters.salesforce.record_id import canonical_id


@dataclass(frozen=True, slots=True)
class Keyset:
    """How a list is ordered. ``column`` is never null at Salesforce (Name, SystemModstamp); None: by id.

    The sort column ties are broken by Id, in the same direction.
    """

    column: str | None = None
    descending: bool = False
    is_time: bool = False

    @property
    def name(self) -> str:
        return f"{self.column or 'Id'} {'DESC' if self.descending else 'ASC'}"

    @property
    def asks(self) -> tuple[str, ...]:
        """Columns that a row must have so that its position can be told."""
        return ("Id",) if self.column is None else ("Id", self.column)

    @property
    def order_by(self) -> str:
        if self.column is None:
            return self.name
        return f"{self.name}, Id {'DESC' if self.descending else 'ASC'}"

    def position(self, row: Row) -> str:
        """The position of a row."""
        value = None if self.column is None else row.get(self.column)
        if self.column is not None and not isinstance(value, str):
            raise Malformed(f"a row came without its {self.column}")
        body = msgspec.json.encode([self.name, value, row["Id"]])
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    def behind(self, position: str) -> str:
        """The condition that a row comes after the position. ``Rejected`` for one of another list or form."""
        value, record_id = self._decode(position)
        than = "<" if self.descending else ">"
        behind_id = f"Id {than} {soql.text(record_id)}"
        if self.column is None:
            return behind_id
        return f"{self.column} {than} {value} OR ({self.column} = {value} AND {behind_id})"

    def _decode(self, position: str) -> tuple[str, str]:
        try:
            body = base64.urlsafe_b64decode(position.encode("ascii") + b"=" * (-len(position) % 4))
            name, value, raw_id = msgspec.json.decode(body, type=tuple[str, str | None, str])
            record_id = canonical_id(raw_id)
            literal = "" if self.column is None else self._literal(value)
        except (binascii.Error, UnicodeEncodeError, ValueError, msgspec.DecodeError) as error:
            raise _bad_position() from error
        if name != self.name or record_id is None:
            raise _bad_position()
        return literal, record_id

    def _literal(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("the position has no sort value")
        if not self.is_time:
            return soql.text(value)
        moment = utc_from_iso(value)
        if not isinstance(moment, datetime):
            raise ValueError("the position has no time")
        return soql.moment(moment)


def _bad_position() -> Rejected:
    return Rejected("the position is not one of this list", vendor_code="bad_position")


BY_ID = Keyset()


def keysets(table: dict[Order, Keyset]) -> dict[Order | None, Keyset]:
    """A resource's orders, with its own stable order (by id) where none is asked for."""
    return {None: BY_ID, **table}
