"""A SOQL tree to one SQL statement: names from the objects' table, values as parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.salesforce.emulator.errors import ApiError, malformed
from adapters.salesforce.emulator.objects import Column, Entity, Kind, entity_named
from adapters.salesforce.emulator.syntax import Comparison, Condition, Literal, Query, Sort
from adapters.salesforce.record_id import canonical_id

_LITERALS: dict[Kind, str] = {
    Kind.DATE: "date",
    Kind.DATETIME: "datetime",
    Kind.BOOLEAN: "boolean",
    Kind.INT: "number",
}
"""The literal each kind of field is compared with; a string for any other."""


@dataclass(frozen=True, slots=True)
class Output:
    """One selected field: the parents that lead to it, its object and column, its place in the SQL row."""

    parents: tuple[str, ...]
    column: Column
    place: int


@dataclass
class Statement:
    """The SELECT … FROM … JOIN of a query, and how to read its rows.

    ``places`` gives, by path of parents, the object there and the place of its Id in the row.
    """

    entity: Entity
    columns: list[str] = field(default_factory=list[str])
    joins: dict[str, str] = field(default_factory=dict[str, str])
    outputs: list[Output] = field(default_factory=list[Output])
    places: dict[tuple[str, ...], tuple[Entity, int]] = field(
        default_factory=dict[tuple[str, ...], tuple[Entity, int]]
    )

    @property
    def sql(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.source}"

    @property
    def source(self) -> str:
        return " ".join([f'{self.entity.table} AS "t"', *self.joins.values()])

    def add(self, reference: str) -> int:
        self.columns.append(reference)
        return len(self.columns) - 1


def statement_for(entity: Entity, query: Query) -> Statement:
    """Selects every field of the query; Ids of the row and of its parents come with them."""
    statement = Statement(entity)
    statement.places[()] = (entity, statement.add('"t"."Id"'))
    for item in query.select:
        if isinstance(item, str):
            parents, _, alias, column = _resolve(statement, item)
            for depth in range(1, len(parents) + 1):
                if parents[:depth] not in statement.places:
                    owner = _walk(entity, parents[:depth])
                    place = statement.add(f'"t_{"_".join(parents[:depth])}"."Id"')
                    statement.places[parents[:depth]] = (owner, place)
            place = statement.add(f'"{alias}"."{column.name}"')
            statement.outputs.append(Output(parents, column, place))
    return statement


def _walk(entity: Entity, parents: Sequence[str]) -> Entity:
    for relationship in parents:
        entity = entity_named(entity.parent(relationship)[1])
    return entity


def _resolve(statement: Statement, path: str) -> tuple[tuple[str, ...], Entity, str, Column]:
    """The parents, object, SQL alias and column of a field path, joined in where need be."""
    *relationships, name = path.split(".")
    entity, alias, parents = statement.entity, "t", list[str]()
    for relationship in relationships:
        reference, target = entity.parent(relationship)
        assert reference.parent is not None
        parents.append(reference.parent[0])
        entity, joined = entity_named(target), f"t_{'_'.join(parents)}"
        statement.joins.setdefault(
            joined,
            f'LEFT JOIN {entity.table} AS "{joined}" ON "{joined}"."Id" = "{alias}"."{reference.name}"',
        )
        alias = joined
    return tuple(parents), entity, alias, entity.column(name)


def condition_sql(statement: Statement, condition: Condition, parameters: list[str | int | float]) -> str:
    """A WHERE clause; its values are appended to the parameters."""
    if isinstance(condition, Comparison):
        return _comparison_sql(statement, condition, parameters)
    parts = [condition_sql(statement, part, parameters) for part in condition.parts]
    if condition.op == "not":
        # Two-valued: what is not so, null included.
        return f"(NOT COALESCE({parts[0]}, 0))"
    return f"({f' {condition.op.upper()} '.join(parts)})"


def _comparison_sql(statement: Statement, comparison: Comparison, parameters: list[str | int | float]) -> str:
    _, entity, alias, column = _resolve(statement, comparison.path)
    reference = f'"{alias}"."{column.name}"'
    op = comparison.op
    if op in ("in", "not in"):
        known = [value for value in comparison.values if value.kind != "null"]
        parameters += [_value(entity, column, value) for value in known]
        listed = f"{reference} {op.upper()} ({', '.join('?' for _ in known)})"
        return f"({reference} IS NULL OR {listed})" if op == "not in" else listed
    (literal,) = comparison.values
    if literal.kind == "null":
        if op not in ("=", "!="):
            raise _wrong_type(column, "null cannot be compared with this operator")
        return f"{reference} IS {'NOT ' if op == '!=' else ''}NULL"
    if op == "like":
        if literal.kind != "string" or column.kind in (Kind.ID, Kind.REFERENCE, *_LITERALS):
            raise ApiError(
                400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {column.kind.value} field"
            )
        parameters.append(literal.pattern)
        return f"{reference} LIKE ? ESCAPE '\\'"
    parameters.append(_value(entity, column, literal))
    if op == "!=":
        return f"({reference} IS NULL OR {reference} <> ?)"
    return f"{reference} {op} ?"


def _value(entity: Entity, column: Column, literal: Literal) -> str | int | float:
    if literal.kind != _LITERALS.get(column.kind, "string"):
        wanted = _LITERALS.get(column.kind, "string")
        quoted = "" if wanted == "string" else "not "
        raise _wrong_type(column, f"must be of type {wanted} and should {quoted}be enclosed in quotes")
    match literal.kind:
        case "boolean":
            return int(literal.value == "true")
        case "number":
            return float(literal.value)
        case "datetime":
            return stored_time(datetime.fromisoformat(literal.value))
        case _ if column.kind in (Kind.ID, Kind.REFERENCE):
            known = canonical_id(literal.value)
            if known is None:
                raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}")
            return known
        case _:
            return literal.value


def _wrong_type(column: Column, problem: str) -> ApiError:
    return ApiError(400, "INVALID_FIELD", f"value of filter criterion for field '{column.name}' {problem}")


def stored_time(moment: datetime) -> str:
    """How a time stands in the store and on the wire: ``2026-01-02T03:04:05.000+0000``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def order_sql(statement: Statement, sorts: Sequence[Sort]) -> str:
    """An ORDER BY clause, or nothing."""
    terms: list[str] = []
    for sort in sorts:
        _, _, alias, column = _resolve(statement, sort.path)
        if column.kind is Kind.TEXTAREA:
            raise malformed(f"field '{column.name}' can not be sorted in a query call")
        # A required column needs no word on nulls, and so its index serves.
        nulls = "" if column.required else f" NULLS {'LAST' if sort.nulls_last else 'FIRST'}"
        terms.append(f'"{alias}"."{column.name}" {"DESC" if sort.descending else "ASC"}{nulls}')
    return f" ORDER BY {', '.join(terms)}" if terms else ""
