"""The query string of a list, checked as Chargebee checks it and turned into SQL."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.chargebee.emulator.catalogue import Catalogue, Filter, Kind
from adapters.chargebee.emulator.problem import Problem, wrong

DEFAULT_LIMIT, MAX_LIMIT = 10, 100

_NAME = re.compile(r"(\w+)(?:\[(\w+)\])?")
_DAY_S = 86_400
_FLAGS = {"true": 1, "false": 0}

_COMPARISONS = {"is": "=", "is_not": "IS NOT", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True, slots=True)
class Query:
    """A checked list request. ``where`` and ``values`` are SQL; ``after`` the decoded offset."""

    limit: int
    sort: str
    descending: bool
    where: tuple[str, ...]
    values: tuple[Any, ...]
    after: tuple[Any, int] | None


def parse(catalogue: Catalogue, pairs: Iterable[tuple[str, str]]) -> Query:
    """The request's meaning. Raises the ``Problem`` that Chargebee answers a wrong one with."""
    limit, sort, descending = DEFAULT_LIMIT, catalogue.sorts[0], True
    where, values = list[str](), list[Any]()
    offset: str | None = None
    deleted = False
    for name, text in pairs:
        match = _NAME.fullmatch(name)
        attribute, operator = (match[1], match[2]) if match else (name, None)
        if name == "limit":
            limit = _number(name, text)
            if not 1 <= limit <= MAX_LIMIT:
                raise wrong(name, f"should be between 1 and {MAX_LIMIT}")
        elif name == "offset":
            offset = text
        elif name == "include_deleted":
            deleted = bool(_flag(name, text))
        elif attribute == "sort_by" and operator in ("asc", "desc"):
            if text not in catalogue.sorts:
                raise wrong(name, f"cannot sort by {text}")
            sort, descending = text, operator == "desc"
        elif operator is not None and attribute in catalogue.filters:
            clause, given = _clause(name, operator, catalogue.filters[attribute], text)
            where.append(clause)
            values.extend(given)
        else:
            raise Problem(400, f"Unknown parameter : {name}", param=name)
    if not deleted:
        where.append("json_extract(document, '$.deleted') IS NOT 1")
    after = None if offset is None else _position(offset)
    return Query(limit, sort, descending, tuple(where), tuple(values), after)


def next_offset(sort_value: Any, sequence: int) -> str:
    """The token of the place behind a row: the sort value and the row's number, as the real one looks."""
    return json.dumps([str(sort_value), str(sequence)])


def _position(text: str) -> tuple[Any, int]:
    try:
        value, sequence = json.loads(text)
        place = (int(value) if value.lstrip("-").isdigit() else value, int(sequence))
    except (ValueError, TypeError, AttributeError) as error:
        raise wrong("offset", "is not valid") from error
    return place


def _clause(name: str, operator: str, entry: Filter, text: str) -> tuple[str, list[Any]]:
    if operator not in entry.kind.value:
        raise Problem(400, f"{name} : the operator is not supported", param=name)
    read = _READERS[entry.kind]
    if operator == "is_present":
        return f"({entry.sql} IS NOT NULL) = ?", [_flag(name, text)]
    if operator in ("in", "not_in"):
        wanted = [_chosen(name, read(name, part), entry) for part in _texts(name, text)]
        places = ", ".join("?" for _ in wanted)
        negation = "NOT " if operator == "not_in" else ""
        return f"{entry.sql} {negation}IN ({places})", wanted
    if operator == "between":
        bounds = [read(name, part) for part in _texts(name, text)]
        if len(bounds) != 2:
            raise wrong(name, "takes two values")
        return f"{entry.sql} BETWEEN ? AND ?", bounds
    value = _chosen(name, read(name, text), entry)
    if operator == "starts_with":
        return f"substr({entry.sql}, 1, length(?)) = ?", [value, value]
    if operator == "on":
        start = value - value % _DAY_S
        return f"({entry.sql} >= ? AND {entry.sql} < ?)", [start, start + _DAY_S]
    comparison = {"after": ">", "before": "<"}.get(operator) or _COMPARISONS[operator]
    return f"{entry.sql} {comparison} ?", [value]


def _chosen(name: str, value: Any, entry: Filter) -> Any:
    if entry.kind is Kind.CHOICE and value not in entry.choices:
        raise wrong(name, f"should be one of {', '.join(sorted(entry.choices))}")
    return value


def _texts(name: str, text: str) -> list[str]:
    """A list in JSON, or in Python's notation as the official SDK for Python sends it."""
    for read in (json.loads, ast.literal_eval):
        try:
            parts: Any = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(parts, list):
            members = cast("list[Any]", parts)
            if members and all(isinstance(part, str | int) for part in members):
                return [str(part) for part in members]
    raise wrong(name, "should be a list of values")


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise wrong(name, "should be a whole number")
    return int(text)


def _flag(name: str, text: str) -> int:
    if text not in _FLAGS:
        raise wrong(name, "should be true or false")
    return _FLAGS[text]


def _text(name: str, text: str) -> str:
    return text


_READERS: Mapping[Kind, Callable[[str, str], Any]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _text,
    Kind.NUMBER: _number,
    Kind.TIME: _number,
    Kind.FLAG: _flag,
}
