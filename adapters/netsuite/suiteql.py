"""SuiteQL text: literals, and a query built from the columns that are asked for.

REST has no bind parameters, so every value passes one of the functions here, which check its type
and quote it. Identifiers are the adapter's own or settings that can hold nothing but a column name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.contracts.errors import Rejected

LIST_LIMIT = 1000
"""Most members of an IN list."""

_INTERNAL_ID = re.compile(r"[1-9][0-9]{0,17}")


def is_internal_id(value: str) -> bool:
    """Whether a value has the form of a NetSuite internal id: a positive whole number."""
    return _INTERNAL_ID.fullmatch(value) is not None


def text(value: str) -> str:
    """A string literal. Quotes are doubled; nothing else is special inside one."""
    if "\x00" in value:
        raise Rejected("a value for NetSuite must not contain a NUL character")
    return "'" + value.replace("'", "''") + "'"


def day(value: date) -> str:
    """A date literal."""
    return f"TO_DATE('{value:%Y-%m-%d}', 'YYYY-MM-DD')"


def moment(value: datetime, zone: ZoneInfo) -> str:
    """A time literal, in the account's zone and to the second, as NetSuite keeps it."""
    return f"TO_DATE('{value.astimezone(zone):%Y-%m-%d %H:%M:%S}', 'YYYY-MM-DD HH24:MI:SS')"


def iso_time(column: str) -> str:
    """A time column as ISO text; bare, it would come in the account's own format."""
    return f"""TO_CHAR({column}, 'YYYY-MM-DD"T"HH24:MI:SS')"""


def iso_date(column: str) -> str:
    """A date column as ISO text."""
    return f"TO_CHAR({column}, 'YYYY-MM-DD')"


@dataclass(frozen=True, slots=True)
class Column:
    """A result column: its expression and the joins that expression stands on."""

    sql: str
    joins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Join:
    """A joined table and the joins that must stand before it."""

    sql: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition and the joins it stands on. ``never`` is one that no row can meet: nothing is sent."""

    sql: str
    joins: tuple[str, ...] = ()
    never: bool = False


NEVER = Clause("", never=True)


def internal_ids(column: str, values: Iterable[str], joins: tuple[str, ...] = ()) -> Clause:
    """``column`` is one of the internal ids. What has not their form names no record."""
    ids = [value for value in values if is_internal_id(value)]
    return Clause(f"{column} IN ({', '.join(ids)})", joins) if ids else NEVER


def texts(column: str, values: Iterable[str], joins: tuple[str, ...] = ()) -> Clause:
    """``column`` is one of the strings."""
    literals = [text(value) for value in values]
    return Clause(f"{column} IN ({', '.join(literals)})", joins) if literals else NEVER


@dataclass(frozen=True, slots=True)
class Source:
    """What rows of one kind are selected from.

    table:   the table and its alias.
    key:     the unique column that orders the rows and names positions.
    columns: result columns by the name they get.
    joins:   joins by name, in the order they are written.
    always:  a condition that every query carries, or "".
    """

    table: str
    key: str
    columns: Mapping[str, Column]
    joins: Mapping[str, Join]
    always: str = ""

    def select(
        self,
        names: Sequence[str],
        where: Sequence[Clause] = (),
        after: str | None = None,
        order: str | None = None,
    ) -> str:
        """A query for the named columns, in the order of the key, behind the key value ``after``.

        order: an expression that comes before the key in the order.
        """
        needed: set[str] = set()
        pending = [join for name in names for join in self.columns[name].joins]
        pending += [join for clause in where for join in clause.joins]
        while pending:
            name = pending.pop()
            if name not in needed:
                needed.add(name)
                pending += self.joins[name].needs
        conditions = [self.always] if self.always else []
        conditions += [f"({clause.sql})" for clause in where]
        if after is not None:
            conditions.append(f"{self.key} > {after}")
        parts = [
            "SELECT " + ", ".join(f"{self.columns[name].sql} AS {name}" for name in names),
            f"FROM {self.table}",
            *(join.sql for name, join in self.joins.items() if name in needed),
        ]
        if conditions:
            parts.append("WHERE " + " AND ".join(conditions))
        parts.append(f"ORDER BY {self.key}" if order is None else f"ORDER BY {order}, {self.key}")
        return " ".join(parts)
