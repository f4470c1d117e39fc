"""Root lists for a viewer who is bound to customers by name: read from them, not searched for among all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.fields import Condition, Op
from adapters.contracts.vocabulary import RecordType
from resolvers.connection import READ_BY, Connection, ConnectionEdge, connection
from resolvers.context import RequestContext
from resolvers.cursors import Place, decode_cursor, encode_cursor
from resolvers.edges import EDGES
from resolvers.entity import Entity

_FIELDS: Mapping[RecordType, str] = {
    RecordType.SUBSCRIPTION: "subscriptions",
    RecordType.INVOICE: "invoices",
    RecordType.PAYMENT: "payments",
}
_OWN = "own"


async def list_of_customers(
    context: RequestContext,
    record_type: RecordType,
    first: int,
    after: str | None,
    given: Any,
    where: tuple[Condition, ...],
) -> Connection | None:
    """A page of the list; None for what is of several customers together."""
    rows = context.viewer.rows
    assert rows is not None
    assert rows.customers is not None
    if record_type is not RecordType.CUSTOMER and len(rows.customers) > 1:
        return None
    customers = [
        found
        for ref in sorted(rows.customers, key=lambda ref: (ref.connection, ref.record_id))
        if (found := await context.existing(ref)) is not None
    ]
    if record_type is RecordType.CUSTOMER:
        return _customers(await _meeting(context, customers, where), first, after)
    if not customers:
        return connection([], has_more=False, after=after)
    edge = EDGES[RecordType.CUSTOMER, _FIELDS[record_type]]
    return await context.related_of(customers[0], edge, first, after, given)


def _customers(found: list[Entity], first: int, after: str | None) -> Connection:
    edges = [
        ConnectionEdge(encode_cursor(_OWN, Place(each.ref.connection, each.ref.record_id)), each)
        for each in found
    ]
    begin = 0
    if after is not None:
        place = decode_cursor(_OWN, after)
        begin = 1 + next(
            (
                at
                for at, each in enumerate(found)
                if (each.ref.connection, each.ref.record_id) == (place.connection, place.position)
            ),
            len(edges),
        )
    return connection(edges[begin : begin + first], has_more=len(edges) > begin + first, after=after)


async def _meeting(
    context: RequestContext, customers: list[Entity], where: tuple[Condition, ...]
) -> list[Entity]:
    """The customers that meet the conditions of the list, by a reading of the fields that those are about."""
    if not where:
        return customers
    select = frozenset(_field(condition) for condition in where) | {"id"}
    found: list[Entity] = []
    for customer in customers:
        ref = customer.ref
        fields = context.systems.resource(ref.connection, ref.type).fields
        rows = await context.systems.read_many(ref.connection, ref.type, [ref.record_id], select)
        row = rows.get(ref.record_id)
        if row is not None and all(_holds(each, fields.read(row, _field(each))) for each in where):
            found.append(customer)
    return found


def _field(condition: Condition) -> str:
    return READ_BY.get(condition.field, condition.field)


def _holds(condition: Condition, value: Any) -> bool:
    if value is None:
        return False
    if condition.op is Op.SEARCH:
        words = str(condition.value).lower().split()
        return all(word in str(value).lower() for word in words)
    return value in condition.value if condition.op is Op.IN else value >= condition.value
