"""A kind of record that is read by SuiteQL."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.contracts.errors import NotFound, Rejected
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.netsuite.client import PAGE_LIMIT, NetSuiteClient, Result
from adapters.netsuite.suiteql import LIST_LIMIT, Clause, Source, internal_ids, is_internal_id


class QueryResource(Resource):
    """Rows in the order of their internal id, which is also the position: stable under inserts."""

    caps = Caps(ids_per_call=LIST_LIMIT, rows_per_call=PAGE_LIMIT)

    def __init__(
        self, client: NetSuiteClient, record_type: RecordType, source: Source, fields: FieldMap
    ) -> None:
        self.type = record_type
        self.fields = fields
        self._client = client
        self._source = source

    async def page(self, request: PageRequest) -> Page:
        self.require(request)
        clauses = [self.fields.condition(condition) for condition in request.where]
        if request.after is not None and not is_internal_id(request.after):
            raise Rejected("this is no position in a list of NetSuite records", vendor_code="bad_position")
        if any(clause.never for clause in clauses):
            return Page((), (), False)
        sql = self._source.select(self.fields.projection(request.select), clauses, request.after)
        result = await self._client.query(sql, limit=min(request.first, self.caps.rows_per_call))
        rows = await self.complete(result.rows, request.select)
        return Page(rows, [str(self.fields.read(row, "id")) for row in rows], result.has_more)

    async def complete(self, rows: Sequence[Row], select: frozenset[str]) -> Sequence[Row]:
        """Adds to the rows of a page what one query cannot carry."""
        return rows

    async def columns(self, record_id: str, names: Sequence[str]) -> Row:
        """Named columns of the source for one record. The id must have the form of one."""
        sql = self._source.select(names, [internal_ids(self._source.key, [record_id])])
        result = await self._client.query(sql, limit=1)
        if not result.rows:
            raise NotFound(f"there is no {self.fields.vendor_resource} {record_id}")
        return result.rows[0]

    async def in_order_of(self, order: str, select: frozenset[str], where: Sequence[Clause]) -> Result:
        """A page of the rows that meet the clauses, in the order of a column and then of the key."""
        sql = self._source.select(self.fields.projection(select), where, order=order)
        return await self._client.query(sql, limit=self.caps.rows_per_call)

    def has(self, name: str) -> bool:
        """Whether the source has a column of that name, in this account."""
        return name in self._source.columns

    def probe(self) -> str:
        """A query for every column, of no row: it fails where a column or a permission is missing."""
        return self._source.select(list(self._source.columns), after="999999999999999999")
