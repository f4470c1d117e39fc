"""Runs queries: rows in Salesforce's JSON form, batches, query locators.

A locator keeps the ids of the whole result as it was, as Salesforce's cursors do.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.salesforce.emulator.errors import ApiError, malformed
from adapters.salesforce.emulator.objects import Entity, Kind, entity_named
from adapters.salesforce.emulator.syntax import Query, parse
from adapters.salesforce.emulator.translation import (
    Statement,
    condition_sql,
    order_sql,
    statement_for,
)
from adapters.salesforce.record_id import with_suffix

LOCATORS = """CREATE TABLE IF NOT EXISTS salesforce_query_locator
(id TEXT PRIMARY KEY, soql TEXT NOT NULL, child TEXT NOT NULL, ids TEXT NOT NULL)"""

_LOCATOR = re.compile(r"(01g\w{15})-(\d+)", re.ASCII)
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batching:
    """How many rows an answer gives. ``shrink``: one row fewer, where there are two."""

    rows: int
    child_rows: int
    shrink: bool = False

    def cut(self, found: int) -> int:
        """Rows of ``found`` to give now."""
        given = min(found, self.rows)
        return given - 1 if self.shrink and given > 1 else given


class QueryEngine:
    """Queries over one store, answered for one API version's paths (``/services/data/v66.0``)."""

    def __init__(self, store: sqlite3.Connection, root: str) -> None:
        self._store = store
        self._root = root

    def run(self, soql: str, batching: Batching) -> Record:
        """The first batch of a query."""
        query = parse(soql)
        entity = entity_named(query.source)
        statement = statement_for(entity, query)
        parameters: list[Any] = []
        where = f" WHERE {condition_sql(statement, query.where, parameters)}" if query.where else ""
        order = order_sql(statement, query.order_by)
        limit = f" LIMIT {-1 if query.limit is None else query.limit} OFFSET {query.offset}"
        if query.count:
            sql = f"SELECT COUNT(*) FROM {statement.source}{where}"
            return {"totalSize": self._rows(sql, parameters)[0][0], "done": True, "records": []}
        rows = self._rows(f"{statement.sql}{where}{order}{limit}", parameters)
        records = self._records(statement, query, rows[: batching.cut(len(rows))], soql, batching)
        return self._batch(soql, "", [row[0] for row in rows], 0, records)

    def more(self, locator: str, batching: Batching) -> Record:
        """A later batch, by the last part of ``nextRecordsUrl``."""
        match = _LOCATOR.fullmatch(locator)
        found = self._rows(
            "SELECT soql, child, ids FROM salesforce_query_locator WHERE id = ?",
            [match.group(1) if match else ""],
        )
        if match is None or not found:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        soql, child, packed = found[0]
        ids, start = json.loads(packed), int(match.group(2))
        query = parse(soql)
        if child:
            query = next(
                item for item in query.select if isinstance(item, Query) and item.source.lower() == child
            )
            parent = entity_named(parse(soql).source)
            entity = entity_named(_child(parent, query.source)[1])
            batching = replace(batching, rows=batching.child_rows)
        else:
            entity = entity_named(query.source)
        if start >= len(ids):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        wanted = ids[start : start + batching.cut(len(ids) - start)]
        statement = statement_for(entity, query)
        rows = {row[0]: row for row in self._rows(f"{statement.sql} WHERE {_AMONG}", [json.dumps(wanted)])}
        ordered = [rows[record_id] for record_id in wanted if record_id in rows]
        records = self._records(statement, query, ordered, soql, batching)
        return self._batch(soql, child, ids, start, records, match.group(1), start + len(wanted))

    def fetch(self, entity: Entity, fields: Sequence[str], ids: Sequence[str]) -> dict[str, Record]:
        """Records by their 18-character id."""
        query = Query(tuple(fields), entity.name, None, (), None, 0, count=False)
        statement = statement_for(entity, query)
        rows = self._rows(f"{statement.sql} WHERE {_AMONG}", [json.dumps(list(ids))])
        return {row[0]: self._record(statement, row) for row in rows}

    def id_by(self, entity: Entity, column: str, value: str) -> list[str]:
        """Ids of the rows with a value in an external id column."""
        known = entity.column(column)
        rows = self._rows(f'SELECT "Id" FROM {entity.table} WHERE "{known.name}" = ?', [value])
        return [row[0] for row in rows]

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        return self._store.execute(sql, parameters).fetchall()

    def _batch(
        self,
        soql: str,
        child: str,
        ids: list[str],
        start: int,
        records: list[Record],
        locator: str | None = None,
        end: int | None = None,
    ) -> Record:
        """An answer's envelope; a locator is kept where rows are left."""
        end = start + len(records) if end is None else end
        if end >= len(ids):
            return {"totalSize": len(ids), "done": True, "records": records}
        if locator is None:
            locator = with_suffix("01g" + secrets.token_hex(6))
            self._store.execute(
                "INSERT INTO salesforce_query_locator VALUES (?, ?, ?, ?)",
                (locator, soql, child, json.dumps(ids)),
            )
        return {
            "totalSize": len(ids),
            "done": False,
            "nextRecordsUrl": f"{self._root}/query/{locator}-{end}",
            "records": records,
        }

    def _records(
        self, statement: Statement, query: Query, rows: Sequence[Any], soql: str, batching: Batching
    ) -> list[Record]:
        records = [self._record(statement, row) for row in rows]
        for item in query.select:
            if isinstance(item, Query):
                name, children = self._children(
                    statement.entity, item, [row[0] for row in rows], soql, batching
                )
                for row, record in zip(rows, records, strict=True):
                    record[name] = children.get(row[0])
        return records

    def _record(self, statement: Statement, row: Any) -> Record:
        record: Record = {"attributes": self._attributes(statement.entity, row[0])}
        for output in statement.outputs:
            target: Record | None = record
            for depth, relationship in enumerate(output.parents, start=1):
                owner, place = statement.places[output.parents[:depth]]
                assert target is not None
                if relationship not in target:
                    known = row[place]
                    target[relationship] = (
                        None if known is None else {"attributes": self._attributes(owner, known)}
                    )
                target = target[relationship]
                if target is None:
                    break
            if target is not None:
                value = row[output.place]
                is_flag = output.column.kind is Kind.BOOLEAN and value is not None
                target[output.column.name] = bool(value) if is_flag else value
        return record

    def _children(
        self, parent: Entity, query: Query, parents: list[str], soql: str, batching: Batching
    ) -> tuple[str, dict[str, Record]]:
        """The child lists of these parents; one without children is left out, and reads as null."""
        name, child_name, key = _child(parent, query.source)
        entity = entity_named(child_name)
        statement = statement_for(entity, query)
        place = statement.add(f'"t"."{key}"')
        parameters: list[Any] = [json.dumps(parents)]
        where = f'"t"."{key}" IN (SELECT value FROM json_each(?))'
        if query.where is not None:
            where += f" AND {condition_sql(statement, query.where, parameters)}"
        order = order_sql(statement, query.order_by)
        by_parent: dict[str, list[Any]] = {}
        for row in self._rows(f"{statement.sql} WHERE {where}{order}", parameters):
            by_parent.setdefault(row[place], []).append(row)
        lists: dict[str, Record] = {}
        for record_id, found in by_parent.items():
            rows = found[: query.limit] if query.limit is not None else found
            records = [self._record(statement, row) for row in rows[: batching.child_rows]]
            lists[record_id] = self._batch(soql, query.source.lower(), [row[0] for row in rows], 0, records)
        return name, lists

    def _attributes(self, entity: Entity, record_id: str) -> Record:
        return {"type": entity.name, "url": f"{self._root}/sobjects/{entity.name}/{record_id}"}


_AMONG = '"t"."Id" IN (SELECT value FROM json_each(?))'


def _child(parent: Entity, relationship: str) -> tuple[str, str, str]:
    """The relationship's own spelling, the child object and its reference column."""
    for name, (entity, key) in parent.children.items():
        if name.lower() == relationship.lower():
            return name, entity, key
    raise malformed(f"Didn't understand relationship '{relationship}' in FROM part of query call.")
