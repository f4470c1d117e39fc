"""The fields of the query itself: where a plan begins."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLNonNull

from adapters.contracts.errors import SystemFault
from adapters.contracts.resource import Order, Page
from adapters.contracts.vocabulary import ANCHORS, CustomerOrder, RecordType
from resolvers.command import command_by_id, command_by_own_id, list_commands
from resolvers.errors import bad_user_input, fault_of
from resolvers.event import event_by_own_id
from resolvers.ids import BadId, Ref, decode_command_id, decode_event_id
from resolvers.listing import list_entities
from resolvers.lookup import look_up
from resolvers.planned.ahead import begin_ahead
from resolvers.planned.fetch import Fetch
from resolvers.planned.item import Group, Item, Kids
from resolvers.planned.limited import children_of, item_of, lend, of_items
from resolvers.planned.lists import pages_of
from resolvers.planned.plan import RootStep
from resolvers.planned.planner import below
from resolvers.query import MAX_NODES, ORDERS, owned_fields
from resolvers.reference import reference


class Listed(NamedTuple):
    """A page of a root list. ``name`` is what its cursors name, ``after`` where it begins."""

    kids: Kids
    name: str
    after: str | None


def begin(fetch: Fetch) -> Awaitable[None]:
    """Everything that a plan fetches."""
    sole = fetch.plan.sole_root
    return _roots(fetch) if sole is None else _root(fetch, sole)


async def _roots(fetch: Fetch) -> None:
    if fetch.plan.root.refused is not None:
        return
    await fetch.together([_root(fetch, step) for step in fetch.plan.roots])
    if fetch.plan.asks_records and not fetch.is_null:
        await fetch.records()


async def _root(fetch: Fetch, step: RootStep) -> None:
    # Also where another has failed and the answer is null: of those that fail the first is told.
    try:
        arguments = step.field.arguments.values(fetch.variables)
        await _ROOTS[step.field.name](fetch, step, arguments)
    except (GraphQLError, SystemFault) as error:
        fetch.results[step.index] = error
        fetch.is_null = fetch.is_null or isinstance(step.field.type, GraphQLNonNull)


def _by_id(record_type: RecordType) -> Callable[[Fetch, RootStep, Mapping[str, Any]], Awaitable[None]]:
    def find(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> Awaitable[None]:
        return _existing(fetch, step, reference(fetch.context, arguments["id"], record_type))

    return find


async def _existing(fetch: Fetch, step: RootStep, ref: Ref) -> None:
    plan = step.field.children.get(ref.type.value)
    if plan is None or not (plan.slices or plan.steps or plan.hoists):
        fetch.results[step.index] = await fetch.one(ref)
        return
    ahead = begin_ahead(fetch, plan, ref)
    try:
        item = await fetch.one(ref)
        fetch.results[step.index] = item
        if isinstance(item, Item):
            # Steps are of an id as its system spells it.
            begun = ahead.steps if item.id == ref.record_id else ()
            if begun and ahead.every:
                await ahead.done()
                return
            parts: list[Coroutine[Any, Any, None]] = [ahead.done()] if begun else []
            fetch.parts(plan, {item.connection: {item.id: item.row}}, parts, begun)
            await fetch.together(parts)
    finally:
        ahead.end()


async def _node(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    named = _named(fetch, arguments["id"], "id")
    if isinstance(named, Ref):
        await _existing(fetch, step, named)
        return
    found = await named()
    fetch.results[step.index] = found
    if found is not None:
        await fetch.below_gateway(step.field, [found])


async def _nodes(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    ids: list[str] = arguments["ids"]
    if len(ids) > MAX_NODES:
        raise bad_user_input(f"ids: {len(ids)} of at most {MAX_NODES}")
    named = [_named(fetch, each, f"ids[{at}]") for at, each in enumerate(ids)]
    items = await fetch.existing(dict.fromkeys(each for each in named if isinstance(each, Ref)))
    # One that is refused is an error at its own place.
    found = [items[each] if isinstance(each, Ref) else await _outcome(each) for each in named]
    fetch.results[step.index] = found
    parts: list[Coroutine[Any, Any, None]] = [fetch.items(step.field, items.values())]
    for type_name in ("Command", "BusinessEvent"):
        own = [each for each in found if getattr(each, "graph_type", None) == type_name]
        if own:
            parts.append(fetch.below_gateway(step.field, own))
    await fetch.together(parts)


async def _outcome(find: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await find()
    except GraphQLError as error:
        return error


def _named(fetch: Fetch, text: str, where: str) -> Ref | Callable[[], Awaitable[Any]]:
    with contextlib.suppress(BadId):
        command_id = decode_command_id(text)
        return lambda: command_by_own_id(fetch.context, command_id)
    with contextlib.suppress(BadId):
        event_id = decode_event_id(text)
        return lambda: event_by_own_id(fetch.context, event_id)
    return reference(fetch.context, text, None, where)


async def _customer_by(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    lookup: Any = arguments["lookup"]
    if isinstance(lookup.id, str):
        await _existing(fetch, step, reference(fetch.context, lookup.id, RecordType.CUSTOMER, "lookup.id"))
        return
    if fetch.limited is None:
        lend(fetch.context, fetch.plan, fetch.loads)
    found = await look_up(fetch.context, lookup)
    item = None if found is None else item_of(found)
    fetch.results[step.index] = item
    await fetch.items(step.field, (item,))


def _list(
    record_type: RecordType,
) -> Callable[[Fetch, RootStep, Mapping[str, Any]], Awaitable[None]]:
    async def find(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
        wanted: CustomerOrder | None = arguments.get("order_by")
        order: Order | None = ORDERS[wanted] if wanted else None
        after: str | None = arguments.get("after")
        if fetch.limited is not None:
            await _limited_list(fetch, step, record_type, arguments, order)
            return
        try:
            name, parts, has_more = await pages_of(
                fetch.loads,
                fetch.context.viewer,
                record_type,
                arguments.get("first", 20),
                after,
                arguments.get("filter"),
                order,
            )
            batch = _rows(fetch, record_type, parts)
        except SystemFault as error:
            raise fault_of(error, ANCHORS[record_type]) from error
        fetch.objects_listed += sum(len(page.rows) for _, page in parts)
        fetch.results[step.index] = Listed(Kids(tuple(parts), has_more), name, after)
        if step.objects is None:
            step.objects = tuple(below(step.field, record_type.value))
        await fetch.objects(step.objects, batch)

    return find


async def _limited_list(
    fetch: Fetch, step: RootStep, record_type: RecordType, arguments: Mapping[str, Any], order: Order | None
) -> None:
    """The part of a list that the viewer sees."""
    first: int = arguments.get("first", 20)
    try:
        found = await list_entities(
            fetch.context, record_type, first, arguments.get("after"), arguments.get("filter"), order
        )
    except SystemFault as error:
        raise fault_of(error, ANCHORS[record_type]) from error
    page = fetch.results[step.index] = of_items(found)
    await fetch.objects(below(step.field, record_type.value), children_of([page]))


def _rows(fetch: Fetch, record_type: RecordType, parts: list[tuple[str, Page]]) -> dict[str, Group]:
    batch: dict[str, Group] = {}
    for name, page in parts:
        ids = fetch.systems.resource(name, record_type).fields.column("id")
        batch.setdefault(name, {}).update(zip(map(str, ids(page.rows)), page.rows, strict=True))
    return batch


async def _command(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    found = await command_by_id(fetch.context, arguments["id"])
    fetch.results[step.index] = found
    if found is not None:
        await fetch.below_gateway(step.field, [found])


async def _commands(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    page = await list_commands(
        fetch.context, arguments.get("first", 20), arguments.get("after"), arguments.get("filter") or None
    )
    fetch.results[step.index] = page
    await fetch.below_gateway(step.field, page.nodes)


async def _ownership(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    fetch.results[step.index] = owned_fields(fetch.context)


async def _systems(fetch: Fetch, step: RootStep, arguments: Mapping[str, Any]) -> None:
    fetch.results[step.index] = fetch.systems.health()


_ROOTS: Mapping[str, Callable[[Fetch, RootStep, Mapping[str, Any]], Awaitable[None]]] = {
    "node": _node,
    "nodes": _nodes,
    "customer": _by_id(RecordType.CUSTOMER),
    "customer_by": _customer_by,
    "customers": _list(RecordType.CUSTOMER),
    "subscription": _by_id(RecordType.SUBSCRIPTION),
    "subscriptions": _list(RecordType.SUBSCRIPTION),
    "invoice": _by_id(RecordType.INVOICE),
    "invoices": _list(RecordType.INVOICE),
    "payment": _by_id(RecordType.PAYMENT),
    "payments": _list(RecordType.PAYMENT),
    "command": _command,
    "commands": _commands,
    "ownership": _ownership,
    "systems": _systems,
}

PLANNED_ROOTS = frozenset(_ROOTS)
