"""Relations for many parents at once: the rules of ``resolvers.related``, followed for a batch."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from adapters.contracts.errors import SystemFault, Unsupported
from adapters.contracts.fields import Condition
from adapters.contracts.resource import Lists, Page, count_of, cut_each
from adapters.contracts.vocabulary import ANCHORS, RecordType, link_field
from resolvers.cursors import Place, decode_cursor
from resolvers.edges import EDGES, Edge, Key, Reference
from resolvers.errors import bad_user_input
from resolvers.identity import located_in
from resolvers.ids import Ref
from resolvers.planned.along import Along
from resolvers.planned.arguments import asked_of
from resolvers.planned.identity import at_connection, link_of
from resolvers.planned.item import (
    UNREAD,
    Batch,
    Group,
    Kids,
    Outcomes,
    pages_of_each,
    rows_counted,
    rows_in,
    spread,
)
from resolvers.planned.plan import EdgeStep, Sole
from resolvers.ports import Relation
from resolvers.related import Record, key_of, shared_by

if TYPE_CHECKING:
    from resolvers.planned.fetch import Fetch

_Parent = tuple[str, str]
"""Connection and record id."""

_Ask = tuple[str, Key, str]
"""A connection to ask, by a key, for a value."""

_NOTHING = Page((), (), False)


class Edges:
    """The relations of one request."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._systems = fetch.systems
        self.along = Along(fetch)

    def pages(self, step: EdgeStep, record_type: RecordType, batch: Batch) -> Coroutine[Any, Any, None]:
        """The pages of a relation, and everything below their objects."""
        try:
            first, after, where = step.asked or asked_of(step, self._fetch)
            place = decode_cursor(step.edge.name, after) if after is not None else None
        except Exception as error:  # noqa: BLE001 - the field's error, whatever it is
            self._fetch.keep(step.index, spread(batch, error))
            return self._fetch.together([])
        sole = step.sole
        if sole is not None and sole.by_own_id and place is None:
            return self._of_sole(step, sole, batch, where, first)
        return self._of_several(step, record_type, batch, where, first, place)

    async def _of_several(
        self,
        step: EdgeStep,
        record_type: RecordType,
        batch: Batch,
        where: tuple[Condition, ...],
        first: int,
        place: Place | None,
    ) -> None:
        fetch, edge = self._fetch, step.edge
        outcomes = await self._several(edge, record_type, batch, where, first, place)
        names = self._systems.connections(edge.system, edge.child)
        kids = self._groups(edge.child, outcomes, names[0] if len(names) == 1 else None)
        fetch.keep(step.index, outcomes)
        fetch.objects_listed += sum(map(rows_counted, outcomes.values()))
        if kids:
            await fetch.objects(step.objects, kids)

    async def _of_sole(
        self, step: EdgeStep, sole: Sole, batch: Batch, where: tuple[Condition, ...], first: int
    ) -> None:
        fetch = self._fetch
        ids = list(chain.from_iterable(batch.values()))
        found: Mapping[str, Page] | SystemFault | None = None
        if step.hoist is not None and not where:
            found = await self.along.pages(step.hoist, ids)
        if found is None:
            relation, rows = sole.asked(where, first)
            try:
                found = await fetch.loads.related(relation, ids, rows)
            except SystemFault as fault:
                found = fault
        outcomes: dict[str, Mapping[str, Any]]
        if len(batch) == 1 and type(found) is Lists and found.longest <= first:
            # As nearly always: what was found is what was asked for, and of parents of one connection.
            outcomes = dict.fromkeys(batch, found)
            fetch.objects_listed += found.count
        elif isinstance(found, SystemFault):
            fetch.keep(step.index, spread(batch, found))
            return
        else:
            outcomes = pages_of_each(batch, cut_each(found, first))
            fetch.objects_listed += sum(map(count_of, outcomes.values()))
        if not step.has_more_below:
            fetch.keep(step.index, outcomes)
            return
        kids = {sole.connection: self._rows_of(sole, step.edge.child, outcomes)}
        fetch.keep(step.index, outcomes)
        below = step.sole_below
        if below is None:
            await fetch.objects(step.objects, kids)
        elif kids[sole.connection]:
            await self.pages(below, step.edge.child, kids)

    def _rows_of(self, sole: Sole, record_type: RecordType, outcomes: dict[str, Mapping[str, Any]]) -> Group:
        """The rows of all pages by id. Where an id cannot be read, its page is the fault."""
        rows = list(chain.from_iterable(map(rows_in, outcomes.values())))
        try:
            return dict(zip(sole.ids(rows), rows, strict=True))
        except SystemFault:
            each_alone = {parent: dict(found) for parent, found in outcomes.items()}
            outcomes.update(each_alone)
            return self._groups(record_type, each_alone, sole.connection).get(sole.connection, {})

    def _groups(
        self, record_type: RecordType, outcomes: Outcomes, sole: str | None = None
    ) -> dict[str, Group]:
        groups: dict[str, Group] = {}
        for found in outcomes.values():
            for each, page in found.items():
                if isinstance(page, Exception) or page is None:
                    continue
                parts: Iterable[tuple[str, Page]] = (
                    page.parts if isinstance(page, Kids) else ((sole or "", page),)
                )
                try:
                    read = [
                        (name, str(self._systems.resource(name, record_type).fields.read(row, "id")), row)
                        for name, part in parts
                        for row in part.rows
                    ]
                except SystemFault as fault:
                    found[each] = fault
                    continue
                for name, own_id, row in read:
                    groups.setdefault(name, {})[own_id] = row
        return groups

    async def first_records(self, edge: Edge, record_type: RecordType, batch: Batch) -> Outcomes:
        """The one child of each parent, a ``Record``; the first where a system keeps several."""
        asks = await self._asks(edge, record_type, batch)
        outcomes: Outcomes = {name: {} for name in batch}
        todo: dict[_Parent, list[_Ask]] = {}
        for parent, found in asks.items():
            if isinstance(found, Exception):
                outcomes[parent[0]][parent[1]] = found
            else:
                outcomes[parent[0]][parent[1]] = None
                if found:
                    todo[parent] = found
        step = 0
        while todo:
            pages = await self._ask_all(
                edge, {parent: (asks[step], (), None, None) for parent, asks in todo.items()}
            )
            following: dict[_Parent, list[_Ask]] = {}
            for parent, asks in todo.items():
                page = pages[parent]
                if isinstance(page, Exception):
                    outcomes[parent[0]][parent[1]] = page
                elif page.rows:
                    resource = self._systems.resource(asks[step][0], edge.child)
                    outcomes[parent[0]][parent[1]] = Record(page.rows[0], resource)
                elif step + 1 < len(asks):
                    following[parent] = asks
            todo, step = following, step + 1
        return outcomes

    async def everything(self, record_type: RecordType, field: str, batch: Batch) -> Outcomes:
        """All children of a relation: ``Kids``, or a fault."""
        return await self._several(EDGES[record_type, field], record_type, batch, (), None, None)

    async def _several(
        self,
        edge: Edge,
        record_type: RecordType,
        batch: Batch,
        where: tuple[Condition, ...],
        first: int | None,
        place: Place | None,
    ) -> Outcomes:
        """One connection after the other, each for all parents that have not enough yet."""
        outcomes: Outcomes = {name: {} for name in batch}
        parts: dict[_Parent, list[tuple[str, Page]]] = {}
        todo: dict[_Parent, list[_Ask]] = {}
        for parent, asks in (await self._asks(edge, record_type, batch)).items():
            try:
                if isinstance(asks, Exception):
                    raise asks
                todo[parent] = asks if place is None else _from(asks, place)
                parts[parent] = []
            except Exception as error:  # noqa: BLE001 - the field's error, whatever it is
                outcomes[parent[0]][parent[1]] = error
        more: dict[_Parent, bool] = {}
        step = 0
        while todo := {parent: asks for parent, asks in todo.items() if step < len(asks)}:
            wanted: dict[_Parent, tuple[_Ask, tuple[Condition, ...], int | None, str | None]] = {}
            for parent, asks in todo.items():
                left = None if first is None else first - sum(len(page.rows) for _, page in parts[parent])
                at = place.position if place is not None and place.connection == asks[step][0] else None
                wanted[parent] = (asks[step], where, left, at)
            pages = await self._ask_all(edge, wanted)
            following: dict[_Parent, list[_Ask]] = {}
            for parent, asks in todo.items():
                page = pages[parent]
                if isinstance(page, Exception):
                    outcomes[parent[0]][parent[1]] = page
                    del parts[parent]
                    continue
                parts[parent].append((asks[step][0], page))
                if first is not None and (
                    page.has_more or sum(len(part.rows) for _, part in parts[parent]) >= first
                ):
                    more[parent] = page.has_more or step + 1 < len(asks)
                else:
                    following[parent] = asks
            todo, step = following, step + 1
        alone = len(self._systems.connections(edge.system, edge.child)) == 1
        for parent, found in parts.items():
            if not alone:
                outcomes[parent[0]][parent[1]] = Kids(tuple(found), more.get(parent, False))
            else:
                outcomes[parent[0]][parent[1]] = found[0][1] if found else _NOTHING
        return outcomes

    async def _ask_all(
        self,
        edge: Edge,
        wanted: Mapping[_Parent, tuple[_Ask, tuple[Condition, ...], int | None, str | None]],
    ) -> dict[_Parent, Any]:
        """A page for each parent, or its fault; one load for each connection and key."""
        relations: dict[Relation, list[tuple[_Parent, _Ask, int | None, str | None]]] = {}
        for parent, (ask, where, first, position) in wanted.items():
            name, key, _ = ask
            after = None if key.only is not None else position
            relation = Relation(name, edge.child, key.child, where, after)
            relations.setdefault(relation, []).append((parent, ask, first, position))
        found: dict[_Parent, Any] = {}

        async def load(
            relation: Relation, parents: list[tuple[_Parent, _Ask, int | None, str | None]]
        ) -> None:
            key = parents[0][1][1]
            every = key.only is not None or shared_by(edge, key, relation.where, self._fetch.plan.selected)
            firsts = [first for _, _, first, _ in parents]
            most = None if every or None in firsts else max(first for first in firsts if first is not None)
            try:
                pages = await self._fetch.loads.related(
                    relation, dict.fromkeys(ask[2] for _, ask, _, _ in parents), most
                )
            except SystemFault as fault:
                found.update((parent, fault) for parent, *_ in parents)
                return
            for parent, ask, first, position in parents:
                try:
                    page = pages[ask[2]]
                    found[parent] = (
                        page.cut(first)
                        if key.only is None
                        else self._own(edge, ask, page, parent[1], position).cut(first)
                    )
                except Exception as error:  # noqa: BLE001 - the field's error, whatever it is
                    found[parent] = error

        await self._fetch.together([load(relation, parents) for relation, parents in relations.items()])
        return found

    def _own(self, edge: Edge, ask: _Ask, page: Page, parent_id: str, position: str | None) -> Page:
        """This parent's children among those of all its siblings."""
        fields = self._systems.resource(ask[0], edge.child).fields
        only = ask[1].only
        assert only is not None
        mine = [
            (row, at)
            for row, at in zip(page.rows, page.positions, strict=True)
            if str(fields.read(row, only)) == parent_id
        ]
        if position is not None:
            places = [at for _, at in mine]
            if position not in places:
                raise bad_user_input("after: the cursor names no place in this list")
            mine = mine[places.index(position) + 1 :]
        return Page([row for row, _ in mine], [at for _, at in mine], has_more=False)

    async def _asks(self, edge: Edge, record_type: RecordType, batch: Batch) -> dict[_Parent, Any]:
        """Whom to ask for each parent, by which key and value; or the fault."""
        asks: dict[_Parent, Any] = {(name, each): [] for name, group in batch.items() for each in group}
        unable: list[str] = []
        for name in self._systems.connections(edge.system, edge.child):
            key = key_of(edge, self._systems.resource(name, edge.child))
            if key is None:
                unable.append(name)
                continue
            values = await self.values(edge, record_type, key, name, batch)
            for parent, found in asks.items():
                if isinstance(found, Exception):
                    continue
                value = values[parent[0]][parent[1]]
                if isinstance(value, Exception):
                    asks[parent] = value
                elif value is not None:
                    found.append((name, key, value))
        if unable:
            who = ", ".join(unable)
            message = f"{edge.name}: {who} cannot find {edge.child.value} records by their parent"
            for parent, found in asks.items():
                if not isinstance(found, Exception):
                    asks[parent] = Unsupported(message)
        return asks

    async def values(
        self, edge: Edge, record_type: RecordType, key: Key, name: str, batch: Batch
    ) -> Outcomes:
        """The key's value for each parent at one connection; None where that has no record of it."""
        if key.parent == "id":
            return {parent: {each: each for each in group} for parent, group in batch.items()}
        if record_type is RecordType.CUSTOMER:
            return at_connection(await self._fetch.identities.located(batch, edge.system), name)
        found: Outcomes = {parent: {} for parent in batch}
        rest: dict[str, Group] = {}
        own_system = link_field(RecordType.CUSTOMER, ANCHORS[record_type]) == key.parent
        for parent, group in batch.items():
            fields = self._systems.resource(parent, record_type).fields
            for each, row in group.items():
                try:
                    own = link_of(row, fields, key.parent)
                except SystemFault as fault:
                    found[parent][each] = fault
                    continue
                if own is not None and own_system:
                    found[parent][each] = own if parent == name else None
                else:
                    rest.setdefault(parent, {})[each] = row
        if rest:
            for parent, outcomes in (await self._by_customer(edge, record_type, name, rest)).items():
                found[parent] |= outcomes
        return found

    async def _by_customer(self, edge: Edge, record_type: RecordType, name: str, batch: Batch) -> Outcomes:
        refs = await self._fetch.identities.customers_of(record_type, batch)
        customers: dict[str, Group] = {}
        for outcomes in refs.values():
            for ref in outcomes.values():
                if isinstance(ref, Ref):
                    customers.setdefault(ref.connection, {})[ref.record_id] = UNREAD
        located = at_connection(await self._fetch.identities.located(customers, edge.system), name)
        return {
            parent: {
                each: located[ref.connection][ref.record_id] if isinstance(ref, Ref) else ref
                for each, ref in outcomes.items()
            }
            for parent, outcomes in refs.items()
        }

    def linked(self, reference: Reference, record_type: RecordType, batch: Batch) -> Outcomes:
        """What a link of each object's own row names: ``Ref``, None, or a fault."""
        found: Outcomes = {}
        for name, group in batch.items():
            fields = self._systems.resource(name, record_type).fields
            outcomes = found[name] = {}
            for each, row in group.items():
                try:
                    value = link_of(row, fields, reference.link)
                    located = (
                        None
                        if value is None
                        else located_in(self._systems, reference.system, reference.child, value)
                    )
                except SystemFault as fault:
                    outcomes[each] = fault
                    continue
                outcomes[each] = (
                    None if located is None else Ref(reference.child, located.connection, located.record_id)
                )
        return found


def _from(asks: list[_Ask], place: Place) -> list[_Ask]:
    names = [name for name, _, _ in asks]
    if place.connection not in names:
        raise bad_user_input("after: the cursor names no place in this list")
    return asks[names.index(place.connection) :]
