"""A section of the configuration as a resource of the house."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from cachetools import LRUCache

from adapters.contracts.errors import Malformed, Unsupported
from adapters.contracts.fields import Condition, FieldMap, Op, Row
from adapters.contracts.resource import Caps, Lists, Order, Page, PageRequest, Resource, lists_by
from adapters.contracts.vocabulary import RecordType
from adapters.http import Prepared, Response, encoded
from adapters.rest.client import RestClient
from adapters.rest.mapping import Mapped, Pairs
from adapters.rest.paging import Answer, Fetch, Pager, WholePager, pager
from adapters.rest.path import getter
from adapters.rest.position import Position
from adapters.rest.query import Query, key_query
from adapters.rest.record import KEPT_SHAPES, Shape, record_type
from adapters.rest.section import ResourceForm

_WHOLE = WholePager()


class _ByKey(NamedTuple):
    """How a list is asked for by the values of one key, each time for the same fields.

    query:   the key's parameters. request: all the rest of it.
    owners:  whose each row is.
    is_link: whether the values are ids, equal to the letter; e-mail addresses are not.
    """

    query: Query
    request: Prepared
    shape: Shape
    owners: Callable[[Sequence[Row]], list[Any]]
    is_link: bool


class RestResource(Resource):
    """Rows are the objects of the system's arrays, as they came; lists keep the system's order."""

    def __init__(
        self, client: RestClient, record_type: RecordType, form: ResourceForm, mapped: Mapped
    ) -> None:
        self.type = record_type
        self.fields: FieldMap = mapped.fields
        self.orders: frozenset[Order] = frozenset(mapped.orders)
        self._orders = mapped.orders
        self._words = mapped.words
        self._client = client
        self._form = form
        self._pager: Pager = pager(form.paging)
        self._shapes: LRUCache[frozenset[str], Shape] = LRUCache(KEPT_SHAPES)
        self._by_key = {**form.keys, **({"id": form.ids} if form.ids is not None else {})}
        self._whole = frozenset(name for name, key in self._by_key.items() if not key.paged)
        self._prepared: dict[tuple[str, frozenset[str]], _ByKey] = {}
        self._places = _WHOLE.places(self._id_of)
        self._lists: dict[frozenset[str], Fetch] = {}
        self.caps = Caps(
            ids_per_call=form.ids.max if form.ids is not None else 1,
            rows_per_call=self._pager.max_rows,
            keys_per_call={name: key.max for name, key in form.keys.items()},
        )

    def finds(self) -> list[str]:
        """The fields by whose values rows are found, ``id`` included."""
        return list(self._by_key)

    async def page(self, request: PageRequest) -> Page:
        if not request.where and request.order is None and self._form.listed:
            fetch = self._lists.get(request.select) or self._prepare_list(request.select)
            after = None if request.after is None else Position.parse(request.after, self._pager.start)
            return await self._pager.page(fetch, request.first, after, self._id_of)
        self.require(request)
        params = self._conditions(request.where)
        chosen = self._pager_for(request.where)
        after = None if request.after is None else Position.parse(request.after, chosen.start)
        if not self._form.listed and not self._keys(request.where):
            raise Unsupported(f"{self.fields.vendor_resource} cannot be listed, only found by a key")
        if params is None:
            return Page([], [], False)
        if request.order is not None:
            params = (*params, self._orders[request.order])
        fetch = self._fetch(params, request.select, request.where)
        return await chosen.page(fetch, request.first, after, self._id_of)

    async def read_many(self, ids: Sequence[str], select: frozenset[str]) -> Mapping[str, Row]:
        wanted = tuple(dict.fromkeys(ids))
        if self._form.ids is not None:
            if self._form.ids.paged:
                return await super().read_many(wanted, select)
            asked = self._prepared.get(("id", select)) or self._prepare("id", select)
            query = asked.query(wanted)
            if query is None:
                return {}
            rows, own_ids = self._found(asked, await self._client.ask(asked.request, query))
            found = dict(zip(own_ids, rows, strict=True))
            if not found.keys() <= set(wanted):
                raise self._of_others("id")
            return found
        if self._form.item is None:
            raise Unsupported(f"{self.fields.vendor_resource} cannot be read by id")
        found = await asyncio.gather(*(self._item(each, select) for each in wanted))
        return {self._id_of(row): row for row in found if row is not None}

    async def related(
        self,
        key: str,
        values: Sequence[str],
        select: frozenset[str],
        where: tuple[Condition, ...] = (),
        first: int | None = None,
        after: str | None = None,
    ) -> Mapping[str, Page]:
        if where or after is not None or key not in self._whole:
            return await self._listed(key, values, select, where, first, after)
        wanted = tuple(dict.fromkeys(values))
        asked = self._prepared.get((key, select)) or self._prepare(key, select)
        query = asked.query(wanted)
        if query is None:
            return Lists(dict.fromkeys(wanted, ()), self._places)
        rows, owners = self._found(asked, await self._client.ask(asked.request, query))
        return _WHOLE.cut_each(self._sorted(key, asked.is_link, wanted, owners, rows), first, self._id_of)

    async def _listed(
        self,
        key: str,
        values: Sequence[str],
        select: frozenset[str],
        where: tuple[Condition, ...],
        first: int | None,
        after: str | None,
    ) -> Mapping[str, Page]:
        """By a list that is filtered by the key, or comes in pages."""
        wanted = tuple(dict.fromkeys(values))
        conditions = (*where, Condition(key, Op.IN, wanted))
        if self._pager_for(conditions) is not _WHOLE:
            pages = await super().related(key, wanted, select, where, first, after)
            return pages if len(wanted) == 1 else self._placed(pages)
        if after is not None and len(wanted) != 1:
            raise ValueError("a position belongs to one key value")
        place = None if after is None else Position.parse(after, _WHOLE.start)
        found = await self._all_rows(select | {key}, conditions)
        if place is not None:
            return {wanted[0]: _WHOLE.cut(found, first, place, self._id_of)}
        owners = self.fields.column(key)(found)
        return _WHOLE.cut_each(self._sorted(key, _is_link(key), wanted, owners, found), first, self._id_of)

    def _sorted(
        self, key: str, is_link: bool, wanted: Sequence[str], owners: Sequence[Any], rows: Sequence[Row]
    ) -> Lists:
        """The rows of each value; of other values there may be some where values are not ids."""
        count = len(rows)
        if len(wanted) == 1:
            if is_link and owners.count(wanted[0]) < count:
                raise self._of_others(key)
            return Lists({wanted[0]: rows}, self._places, count, count)
        if is_link:
            try:
                return Lists(lists_by(wanted, owners, rows), self._places, count)
            except KeyError:
                raise self._of_others(key) from None
        known = set(wanted)
        mine = [(owner, row) for owner, row in zip(owners, rows, strict=True) if owner in known]
        return Lists(lists_by(wanted, [owner for owner, _ in mine], [row for _, row in mine]), self._places)

    def _found(self, asked: _ByKey, response: Response) -> tuple[Sequence[Row], Sequence[Any]]:
        """The rows of an answer to what was asked by a key's values, and whose each is."""
        if response.status >= 400:
            self._client.checked(response)
        rows, _ = asked.shape.read(response)
        return rows, asked.owners(rows)

    def _prepare(self, key: str, select: frozenset[str]) -> _ByKey:
        form, fields = self._form, self.fields
        if self._by_key[key].param in form.params:
            raise Unsupported(f"{fields.vendor_resource} cannot be filtered twice by one parameter")
        wanted = select | {key}
        if len(self._prepared) >= KEPT_SHAPES:
            self._prepared.clear()
        made = self._prepared[key, select] = _ByKey(
            key_query(self._by_key[key], fields[key].filters[Op.IN]),
            self._client.prepare(form.path, tuple(form.params.items()), self._projection(wanted)),
            self._shape(wanted),
            fields.column(key),
            _is_link(key),
        )
        return made

    def _prepare_list(self, select: frozenset[str]) -> Fetch:
        """Asks for the list without conditions, each time for the same fields."""
        client, params, shape = self._client, self._conditions(()) or (), self._shape(select)
        request = client.prepare(self._form.path, (*params, *self._projection(select)), ())
        whole = self._fetch(params, select, ())

        async def fetch(more: Pairs) -> Answer:
            if not more:
                return await whole(more)
            return Answer(*shape.read(client.checked(await client.ask(request, encoded(more)))))

        if len(self._lists) >= KEPT_SHAPES:
            self._lists.clear()
        self._lists[select] = fetch
        return fetch

    def _of_others(self, field: str) -> Malformed:
        # A system that ignores a parameter gives everybody's rows: none of them may be passed on.
        return Malformed(f"{self.fields.vendor_resource}: the answer has rows of another {field}")

    def _placed(self, pages: Mapping[str, Page]) -> Mapping[str, Page]:
        """With positions in the list of each value alone, which is the one that can be continued."""
        return {
            value: Page(
                page.rows,
                [str(self._pager.place(i, self._id_of(row))) for i, row in enumerate(page.rows)],
                page.has_more,
            )
            for value, page in pages.items()
        }

    def _keys(self, where: tuple[Condition, ...]) -> list[str]:
        return [each.field for each in where if each.op is Op.IN and each.field in self._by_key]

    def _pager_for(self, where: tuple[Condition, ...]) -> Pager:
        whole = any(not self._by_key[key].paged for key in self._keys(where))
        return _WHOLE if whole else self._pager

    def _conditions(self, where: tuple[Condition, ...]) -> Pairs | None:
        """The parameters of a filtered list; None where no row can match."""
        params = tuple(self._form.params.items())
        used = set(self._form.params)
        nothing = False
        for condition in where:
            pairs: Pairs | None = self.fields.condition(condition)
            if pairs is None:
                nothing = True
                continue
            names = {name for name, _ in pairs}
            if names & used:
                raise Unsupported(f"{self.fields.vendor_resource} cannot be filtered twice by one parameter")
            used |= names
            params += pairs
        return None if nothing else params

    def _fetch(self, params: Pairs, select: frozenset[str], where: tuple[Condition, ...]) -> Fetch:
        asked = {
            each.field: frozenset(each.value)
            for each in where
            if each.op is Op.IN and each.field in self._by_key and _is_link(each.field)
        }
        select = select | asked.keys() if asked else select
        projected, shape = self._projection(select), self._shape(select)

        async def fetch(more: Pairs) -> Answer:
            answer = await self._client.answer(self._form.path, (*params, *projected, *more))
            rows, body = shape.read(answer)
            for field, values in asked.items():
                if not values.issuperset(self.fields.column(field)(rows)):
                    raise self._of_others(field)
            return Answer(rows, body)

        return fetch

    async def _all_rows(self, select: frozenset[str], where: tuple[Condition, ...]) -> Sequence[Row]:
        params = self._conditions(where)
        return () if params is None else (await self._fetch(params, select, where)(())).rows

    async def _item(self, record_id: str, select: frozenset[str]) -> Row | None:
        form = self._form.item
        if form is None or record_id in ("", ".", ".."):
            return None
        path = form.path.replace("{id}", quote(record_id, safe=""))
        body = await self._client.get_or_none(path, self._projection(select))
        record = getter(form.row)(body) if form.row and isinstance(body, dict) else body
        return None if record is None else self._shape(select).record(record)

    def _shape(self, select: frozenset[str]) -> Shape:
        select = frozenset(select)
        shape = self._shapes.get(select)
        if shape is None:
            record = record_type(
                self._keys_of(self.fields.projection(select)),
                self._keys_of(path for field in self.fields for path in field.asks),
            )
            shape = Shape(
                record, self._form.rows, self._pager.reads, self.fields.vendor_resource, self._words
            )
            self._shapes[select] = shape
        return shape

    @staticmethod
    def _keys_of(paths: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(path.split(".")[0] for path in paths))

    def _projection(self, select: frozenset[str]) -> Pairs:
        form = self._form.projection
        if form is None:
            return ()
        paths = self.fields.projection(select)
        if not form.nested:
            paths = self._keys_of(paths)
        return ((form.param, form.join.join(paths)),)

    def _id_of(self, row: Row) -> str:
        value = self.fields.read(row, "id")
        if value is None:
            raise Malformed(f"{self.fields.vendor_resource}: a row without an id")
        return value


def _is_link(field: str) -> bool:
    """Whether the values of a key are ids, equal to the letter; e-mail addresses are not."""
    return field == "id" or "_in_" in field
