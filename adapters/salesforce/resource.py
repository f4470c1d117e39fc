"""A Salesforce object as a resource: pages by keyset, many by ``Id IN (…)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.contracts.fields import Condition, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Order, Page, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.salesforce import soql
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.position import Keyset, keysets
from adapters.salesforce.record_id import canonical_id

IDS_PER_CALL = 1_000
"""A quoted id takes 22 characters of the 100,000 a query may have
(https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta)."""
KEYS_PER_CALL = 300
"""Keys are the other systems' ids, text of up to 255 characters, escaped."""
ROWS_PER_CALL = 2_000
"""Most rows of one batch; it can be fewer for wide rows."""


class SalesforceResource(Resource):
    """One object. ``links`` are the text columns that hold another system's ids, by canonical field."""

    def __init__(
        self,
        client: SalesforceClient,
        record_type: RecordType,
        fields: FieldMap,
        *,
        links: frozenset[str],
        orders: dict[Order, Keyset] | None = None,
    ) -> None:
        self.type = record_type
        self.fields = fields
        self.caps = Caps(IDS_PER_CALL, ROWS_PER_CALL, dict.fromkeys(links, KEYS_PER_CALL))
        self.orders = frozenset(orders or {})
        self._client = client
        self._links = links
        self._keysets = keysets(orders or {})

    async def page(self, request: PageRequest) -> Page:
        """One page. One row more than wanted is asked for, so that the last page is known as such."""
        self.require(request)
        keyset = self._keysets[request.order]
        clauses = [self.fields.condition(condition) for condition in request.where]
        after = keyset.behind(request.after) if request.after is not None else ""
        if None in clauses:
            return Page((), (), False)
        exact = [
            condition
            for condition in request.where
            if condition.field in self._links and condition.op is Op.IN
        ]
        select = request.select | {condition.field for condition in exact}
        first = min(request.first, self.caps.rows_per_call)
        batch = await self._client.query(self._soql(select, keyset, [*clauses, after], limit=first + 1))
        while True:
            has_more = batch.next_url is not None or len(batch.rows) > first
            rows = [row for row in batch.rows[:first] if self._is_exact(row, exact)]
            # An empty page that says more would leave the caller without a position to go on from.
            if rows or not has_more:
                return Page(rows, [keyset.position(row) for row in rows], has_more)
            if batch.rows:
                after = keyset.behind(keyset.position(batch.rows[:first][-1]))
                batch = await self._client.query(
                    self._soql(select, keyset, [*clauses, after], limit=first + 1)
                )
            elif batch.next_url is not None:
                batch = await self._client.more(batch.next_url)

    async def read_many(self, ids: Sequence[str], select: frozenset[str]) -> Mapping[str, Row]:
        """Rows by id as it was given, of 15 or of 18 characters."""
        found: Mapping[str, Row] = await super().read_many(ids, select) if ids else {}
        return {given: row for given in ids if (row := found.get(canonical_id(given) or "")) is not None}

    def _is_exact(self, row: Row, exact: list[Condition]) -> bool:
        # Salesforce compares text without regard to case; other systems' ids differ by it.
        return all(self.fields.read(row, condition.field) in condition.value for condition in exact)

    def _soql(
        self, select: frozenset[str], keyset: Keyset, clauses: Sequence[soql.Clause], *, limit: int
    ) -> str:
        columns = dict.fromkeys((*keyset.asks, *self.fields.projection(select)))
        where = " AND ".join(f"({clause})" for clause in clauses if clause)
        # Names come from validated settings, values through the literals of ``soql``.
        asked = f"SELECT {', '.join(columns)} FROM {self.fields.vendor_resource}"  # noqa: S608
        return f"{asked}{f' WHERE {where}' if where else ''} ORDER BY {keyset.order_by} LIMIT {limit}"
