"""A Chargebee list as a resource of the house: filters, pages, positions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from math import ceil
from typing import Any

from adapters.chargebee.client import ChargebeeClient
from adapters.chargebee.position import Position
from adapters.contracts.errors import Malformed, Rejected, Unsupported
from adapters.contracts.fields import Condition, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Page, PageRequest, Resource
from adapters.contracts.vocabulary import RecordType

MAX_ROWS = 100
"""The largest ``limit`` of a list (https://apidocs.chargebee.com/docs/api/customers/list-customers)."""


class ChargebeeResource(Resource):
    """Rows are envelopes as the list has them, ``{"subscription": {…}, "customer": {…}}``.

    Chargebee cannot project, so a page costs the same whatever is selected. Lists are read oldest first:
    ``created_at`` never changes, so what is new comes at the end.
    """

    caps = Caps(ids_per_call=MAX_ROWS, rows_per_call=MAX_ROWS)

    def __init__(
        self, client: ChargebeeClient, record_type: RecordType, path: str, resource: str, fields: FieldMap
    ) -> None:
        self.type = record_type
        self.fields = fields
        self._client = client
        self._path = path
        self._resource = resource

    async def page(self, request: PageRequest) -> Page:
        self.require(request)
        after = None if request.after is None else Position.parse(request.after)
        params = self._conditions(request.where)
        if any(condition.op is Op.IN and not condition.value for condition in request.where):
            return Page([], [], False)
        params["sort_by[asc]"] = "created_at"
        limit = request.first
        if after is not None:
            if "created_at[after]" in params:
                raise Unsupported(f"{self.fields.vendor_resource}: a list by creation cannot be continued")
            # Several rows can share a second, so the whole of it is read again, and what is known left out.
            params["created_at[after]"] = str(after.created_at - 1)
            limit += 1
        params["limit"] = str(min(limit, MAX_ROWS))
        rows, more = await self._rows(params, after)
        kept = rows[: request.first]
        positions = [str(self._position(row)) for row in kept]
        return Page(kept, positions, more or len(rows) > len(kept))

    async def _rows(self, params: Mapping[str, str], after: Position | None) -> tuple[list[Row], bool]:
        """Rows behind ``after`` and whether more follow; at least one row where there is any.

        The row that ``after`` names may be gone or match no longer. Then the rows of its second are given
        again: a repeated row is seen by the reader, a lost one is not.
        """
        rows: list[Row] = []
        token: str | None = None
        sought = after
        while True:
            offset = {} if token is None else {"offset": token}
            listing = await self._client.list(self._path, self._resource, list({**params, **offset}.items()))
            for row in listing.rows:
                place = self._position(row)
                if after is not None and place.created_at < after.created_at:
                    continue
                rows.append(row)
                if place == sought:
                    rows.clear()
                    sought = None
                elif sought is not None and place.created_at > sought.created_at:
                    sought = None
            if listing.next_offset is None or (rows and sought is None):
                return rows, listing.next_offset is not None
            if listing.next_offset == token:
                raise Malformed(f"{self.fields.vendor_resource}: the next page is the same page again")
            token = listing.next_offset

    def _conditions(self, where: tuple[Condition, ...]) -> dict[str, str]:
        params: dict[str, str] = {}
        for condition in where:
            pairs: Mapping[str, str] = self.fields.condition(condition)
            if repeated := params.keys() & pairs.keys():
                raise Unsupported(
                    f"{self.fields.vendor_resource} cannot be filtered twice by {', '.join(repeated)}"
                )
            params.update(pairs)
        return params

    def _position(self, row: Row) -> Position:
        record: Mapping[str, Any] = row[self._resource]
        created_at, record_id = record.get("created_at"), record.get("id")
        if not isinstance(created_at, int) or not isinstance(record_id, str):
            raise Malformed(f"{self.fields.vendor_resource}: a row without id or created_at")
        return Position(created_at, record_id)


def one_of(parameter: str, values: tuple[Any, ...]) -> Mapping[str, str]:
    """``parameter[in]`` with a JSON list, which quotes whatever the values hold."""
    if not all(isinstance(value, str) and value for value in values):
        raise Rejected(f"{parameter} takes texts that are not empty", vendor_code="bad_value")
    return {f"{parameter}[in]": json.dumps(values, separators=(",", ":"))}


def before(parameter: str, value: date | datetime) -> Mapping[str, str]:
    """``parameter[before]``: strictly before a time, or before the first second of a day in UTC."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min, UTC)
    return {f"{parameter}[before]": str(ceil(moment.timestamp()))}


def since(parameter: str, value: datetime) -> Mapping[str, str]:
    """``parameter[after]`` for at or after a time; Chargebee's ``after`` leaves its own second out."""
    return {f"{parameter}[after]": str(ceil(value.timestamp()) - 1)}
