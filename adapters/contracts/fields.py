"""The field map: one frozen table per vendor resource, the heart of an adapter.

A row of the table is a ``Field``: the canonical name, the vendor fields to ask for, how to read the
value from a raw vendor row, how to write it, and which filters the vendor can apply to it. What to
project, what can be read, patched or filtered, and the docs are all derived from the table.

Rows stay as the vendor sent them until a field is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters.contracts.errors import Malformed, SystemFault, Unsupported
from adapters.contracts.vocabulary import Word

Row = Any
"""One vendor row, as decoded from the wire. Only its own field map knows what it is, and looks into it."""


class Op(Word):
    """A comparison that a filter can ask a vendor for. Values are canonical (enums, aware datetimes)."""

    IN = "is one of"
    BEFORE = "is before"
    SINCE = "is at or after"
    SEARCH = "contains the words"


class Condition(NamedTuple):
    """One filter in canonical terms. ``value`` is a tuple for IN, else a single value."""

    field: str
    op: Op
    value: Any


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Source:
    """How a value is read, as Python source: for executors that generate code instead of calling ``read``.

    It gives the value as JSON has it: amounts, days and times as text, statuses by name. It must give exactly
    what ``read`` gives, or raise: then ``read`` decides. Where it depends on more than a row, there is none.
    Values have their place in f-strings: their expressions hold no quotes, backslashes, braces, colons or
    exclamation marks.

    binds:  variables, and the expression of each over ``{row}``, in order. Names are unique.
    value:  an expression of those variables, which is None, or raises, where there is no value; unused for a
            value of several parts.
    absent: an expression that is true where there is no value; None where there always is one.
    texts:  for a text: gives what stands in a row, which is the value where it is a text and not empty.
    usual:  an expression that is true of nearly all rows, and the value where it is, which costs less: of a
            plain one as the inside of an f-string, such as ``{x // 100}{cents[x % 100]}``. Of a value of
            several parts the expression alone, and each part has its value.
    text:   an expression of the JSON of the value, or of null where there is none; None where that costs no
            less than to ask for ``absent`` and ``value``.
    plain:  whether all texts that it gives stand in JSON as they are: digits, days, names of codes.
    parts:  for a value of several parts, the source of each, whose ``binds`` are in ``binds`` already.
    shows:  the parts of which any that is as usual shows that there is a value, whatever the others are.
    names:  what the expressions refer to.
    """

    binds: tuple[tuple[str, str], ...] = ()
    value: str = ""
    absent: str | None = None
    texts: Callable[[Row], Any] | None = None
    usual: tuple[str, str] | None = None
    text: str | None = None
    plain: bool = False
    parts: Mapping[str, Source] = field(default_factory=dict[str, "Source"])
    shows: frozenset[str] = frozenset()
    names: Mapping[str, Any] = field(default_factory=_nothing)


def are_texts(values: Sequence[Any]) -> bool:
    """Whether all of them are texts, and none is empty."""
    try:
        # The cheapest that looks at the type of each.
        "".join(values)
    except TypeError:
        return False
    return all(values)


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field of a vendor resource.

    name:    canonical name in snake case (``legal_name``), or a link (``customer_in_crm``).
    asks:    vendor fields to project so that ``read`` has what it needs.
    read:    from a raw row to the canonical value; None where the vendor has nothing.
    write:   from a canonical value to the vendor's patch; None where the field is read-only here.
    filters: from an operator to a function of the canonical value, giving the vendor's own form of the
             condition (a SOQL clause, query parameters). The function may raise ``Unsupported``.
    source:  what ``read`` does, as source. None where only ``read`` knows.
    """

    name: str
    asks: tuple[str, ...]
    read: Callable[[Row], Any]
    write: Callable[[Any], Mapping[str, Any]] | None = None
    filters: Mapping[Op, Callable[[Any], Any]] = field(default_factory=dict[Op, Callable[[Any], Any]])
    source: Source | None = None


class FieldMap:
    """The frozen table of one vendor resource."""

    def __init__(self, vendor_resource: str, fields: Iterable[Field]) -> None:
        self.vendor_resource = vendor_resource
        table: dict[str, Field] = {}
        for entry in fields:
            if entry.name in table:
                raise ValueError(f"{vendor_resource}: field {entry.name!r} is mapped twice")
            table[entry.name] = entry
        if "id" not in table:
            raise ValueError(f"{vendor_resource}: a field map needs an 'id'")
        self._table: Mapping[str, Field] = table
        self._columns: dict[str, Callable[[Sequence[Row]], list[Any]]] = {}
        self._texts: dict[str, Callable[[Sequence[Row]], list[str]]] = {}
        self.links: tuple[str, ...] = tuple(name for name in table if "_in_" in name)
        """The fields that name records of other systems."""

    def __iter__(self) -> Iterator[Field]:
        return iter(self._table.values())

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __getitem__(self, name: str) -> Field:
        return self._table[name]

    def supplies(self) -> frozenset[str]:
        """The canonical fields this resource can give."""
        return frozenset(self._table)

    def can_filter(self, name: str, op: Op) -> bool:
        """Whether the vendor itself can apply ``op`` to the field."""
        return name in self._table and op in self._table[name].filters

    def projection(self, select: Iterable[str]) -> list[str]:
        """The vendor fields to ask for, in the order of the table, each once. ``id`` is always there."""
        wanted = {"id", *select}
        asks: dict[str, None] = {}
        for entry in self._table.values():
            if entry.name in wanted:
                asks.update(dict.fromkeys(entry.asks))
        return list(asks)

    def read(self, row: Row, name: str) -> Any:
        """The canonical value of one field. A row that is not as the vendor's contract says is Malformed."""
        try:
            return self._table[name].read(row)
        except SystemFault:
            raise
        except Exception as error:
            raise Malformed(
                f"{self.vendor_resource}: the answer's {name!r} cannot be read ({type(error).__name__})"
            ) from error

    def column(self, name: str) -> Callable[[Sequence[Row]], list[Any]]:
        """``read`` for one field of many rows, a text, to be kept."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._column(name)
        return found

    def texts(self, name: str) -> Callable[[Sequence[Row]], list[str]]:
        """``column``, which raises ``Malformed`` where one is no text, or empty."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = self._column(name, needed=True)
        return found

    def _column(self, name: str, *, needed: bool = False) -> Callable[[Sequence[Row]], list[Any]]:
        def one(row: Row) -> Any:
            return self.read(row, name)

        def slow(rows: Sequence[Row]) -> list[Any]:
            found = list(map(one, rows))
            if needed and not are_texts(found):
                raise Malformed(f"{self.vendor_resource}: the answer has rows without {name!r}")
            return found

        source = self._table[name].source if name in self._table else None
        if source is None or source.texts is None:
            return slow
        texts = source.texts

        def column(rows: Sequence[Row]) -> list[Any]:
            try:
                found = list(map(texts, rows))
                # As ``are_texts`` does, without a call of it: there are several columns to a list.
                "".join(found)
            except Exception:  # noqa: BLE001 - what is wrong with which row is found out by reading each
                return slow(rows)
            return found if all(found) else slow(rows)

        return column

    def patch(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The vendor's patch for canonical values, each field's own put together.

        Raises ``Unsupported`` for a field that is only read here.
        """
        patch: dict[str, Any] = {}
        for name, value in changes.items():
            write = self._table[name].write if name in self._table else None
            if write is None:
                raise Unsupported(f"{self.vendor_resource}: {name!r} cannot be written")
            patch.update(write(value))
        return patch

    def condition(self, condition: Condition) -> Any:
        """The vendor's own form of a filter. Raises ``Unsupported`` where the vendor cannot apply it."""
        if not self.can_filter(condition.field, condition.op):
            raise Unsupported(
                f"{self.vendor_resource} cannot be filtered by whether "
                f"{condition.field} {condition.op.value} a value"
            )
        return self._table[condition.field].filters[condition.op](condition.value)
