"""Records of one Tryton model, listed in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.contracts.errors import Rejected
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.tryton.client import TrytonClient
from adapters.tryton.domain import NOTHING, Domain, record_id

# Tryton sets no limit; the work of an answer grows with its rows, because sums are worked out for each.
CAPS = Caps(ids_per_call=500, rows_per_call=500)


class TrytonResource(Resource):
    """Pages are cut by id, which never changes and is never used again."""

    caps = CAPS

    def __init__(
        self,
        client: TrytonClient,
        record_type: RecordType,
        model: str,
        fields: FieldMap,
        base: Sequence[Domain] = (),
    ) -> None:
        self.client = client
        self.type = record_type
        self.model = model
        self.fields = fields
        self._base = list(base)

    async def page(self, request: PageRequest) -> Page:
        self.require(request)
        conditions: list[Domain] = [self.fields.condition(condition) for condition in request.where]
        domain: Domain = [*self._base, *(clause for clauses in conditions for clause in clauses)]
        if request.after is not None:
            last = record_id(request.after)
            if last is None:
                raise Rejected("not a position in this list", vendor_code="bad_position")
            domain.append(["id", ">", last])
        if NOTHING in conditions:
            return Page((), (), has_more=False)
        wanted = min(request.first, self.caps.rows_per_call)
        # Tryton does not say whether more follow: one row more than wanted does.
        found = await self.client.search_read(self.model, domain, self.asks(request.select), limit=wanted + 1)
        rows = await self.complete(found[:wanted], request.select)
        return Page(rows, [str(row["id"]) for row in rows], has_more=len(found) > wanted)

    async def in_order_of(
        self, order: Sequence[tuple[str, str]], select: frozenset[str], domain: Domain, *, limit: int
    ) -> list[Row]:
        """Rows that meet the domain, with the fields they are ordered by."""
        fields = dict.fromkeys((*self.asks(select), *(name for name, _ in order)))
        return await self.client.search_read(
            self.model, [*self._base, *domain], list(fields), limit=limit, order=order
        )

    def asks(self, select: frozenset[str]) -> list[str]:
        """The fields of the model to ask for."""
        return self.fields.projection(select)

    async def complete(self, rows: list[Row], select: frozenset[str]) -> list[Row]:
        """Rows with what belongs to them and is not on the record."""
        return rows
