"""The root queries: objects by id and by lookup, lists, and what the API says of itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry
from strawberry import Info

from adapters.contracts.errors import SystemFault
from adapters.contracts.resource import Order
from adapters.contracts.vocabulary import ANCHORS, CustomerOrder, RecordType
from resolvers.command import command_by_id, command_by_own_id, list_commands
from resolvers.context import RequestContext
from resolvers.errors import bad_user_input, fault_of
from resolvers.event import event_by_own_id
from resolvers.ids import BadId, decode_command_id, decode_event_id
from resolvers.listing import list_entities
from resolvers.lookup import look_up
from resolvers.reference import reference
from schema.command import Command, CommandConnection
from schema.customer import Customer, CustomerConnection
from schema.health import FieldOwnership, SystemHealth
from schema.inputs import (
    CommandFilter,
    CustomerFilter,
    CustomerLookup,
    InvoiceFilter,
    PaymentFilter,
    SubscriptionFilter,
)
from schema.invoice import Invoice, InvoiceConnection
from schema.node import Node
from schema.payment import Payment, PaymentConnection
from schema.subscription import Subscription, SubscriptionConnection

_Info = Info[RequestContext, Any]

ORDERS: dict[CustomerOrder, Order] = {
    CustomerOrder.NAME_ASC: Order("name"),
    CustomerOrder.NAME_DESC: Order("name", descending=True),
    CustomerOrder.UPDATED_DESC: Order("updated_at", descending=True),
}

_Id = Annotated[strawberry.ID, strawberry.argument(description="The object's global id.")]
_First = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]
_After = Annotated[str | None, strawberry.argument(description="Continue behind this cursor.")]

MAX_NODES = 100


async def _by_id(info: _Info, text: str, expected: RecordType, where: str = "id") -> Any:
    context = info.context
    context.start(info)
    return await context.existing(reference(context, text, expected, where))


def owned_fields(context: RequestContext) -> list[FieldOwnership]:
    """Who owns what."""
    return [
        FieldOwnership(
            type=entry.type,
            field=entry.graph_name,
            system=entry.system,
            adapter=context.systems.adapter_of(entry.system),
            writable=entry.writable,
            mutations=context.ownership.mutations_of(entry),
        )
        for entry in context.ownership
    ]


_Find = Callable[[], Awaitable[Any]]


def _any_node(context: RequestContext, text: str, where: str) -> _Find:
    """How to get what a node's id names: an object of a system, a command, or an event."""
    with contextlib.suppress(BadId):
        command_id = decode_command_id(text)
        return lambda: command_by_own_id(context, command_id)
    with contextlib.suppress(BadId):
        event_id = decode_event_id(text)
        return lambda: event_by_own_id(context, event_id)
    ref = reference(context, text, None, where)
    return lambda: context.existing(ref)


async def _list(
    info: _Info,
    record_type: RecordType,
    first: int,
    after: str | None,
    given: Any,
    order: Order | None = None,
) -> Any:
    info.context.start(info)
    try:
        place = None if after is strawberry.UNSET else after
        return await list_entities(info.context, record_type, first, place, given, order)
    except SystemFault as error:
        raise fault_of(error, ANCHORS[record_type]) from error


@strawberry.type(description="What can be read.")
class Query:
    @strawberry.field(description="Any object by its global id; null where there is none.")
    async def node(self, info: _Info, id: _Id) -> Node | None:
        info.context.start(info)
        return await _any_node(info.context, id, "id")()

    @strawberry.field(description="Many objects by their global ids, in the order given; at most 100.")
    async def nodes(
        self,
        info: _Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")],
    ) -> list[Node | None]:
        context = info.context
        context.start(info)
        if len(ids) > MAX_NODES:
            raise bad_user_input(f"ids: {len(ids)} of at most {MAX_NODES}")
        finds = [_any_node(context, each, f"ids[{at}]") for at, each in enumerate(ids)]
        # One that is refused is an error at its own place.
        found: list[Any] = await asyncio.gather(*(find() for find in finds), return_exceptions=True)
        return found

    @strawberry.field(description="A customer by its global id.")
    async def customer(self, info: _Info, id: _Id) -> Customer | None:
        return await _by_id(info, id, RecordType.CUSTOMER)

    @strawberry.field(
        description="By what the caller has at hand: a CRM widget knows the CRM's id, support an e-mail "
        "address."
    )
    async def customer_by(
        self,
        info: _Info,
        lookup: Annotated[CustomerLookup, strawberry.argument(description="Exactly one of its fields.")],
    ) -> Customer | None:
        context: RequestContext = info.context
        context.start(info)
        if lookup.id is not None and lookup.id is not strawberry.UNSET:
            return await _by_id(info, lookup.id, RecordType.CUSTOMER, "lookup.id")
        found: Any = await look_up(context, lookup)
        return found

    @strawberry.field(description="Customers of the CRM.")
    async def customers(
        self,
        info: _Info,
        first: _First = 20,
        after: _After = strawberry.UNSET,
        filter: CustomerFilter | None = strawberry.UNSET,
        order_by: CustomerOrder | None = strawberry.UNSET,
    ) -> CustomerConnection | None:
        order = ORDERS[order_by] if order_by else None
        return await _list(info, RecordType.CUSTOMER, first, after, filter, order)

    @strawberry.field(description="A subscription by its global id.")
    async def subscription(self, info: _Info, id: _Id) -> Subscription | None:
        return await _by_id(info, id, RecordType.SUBSCRIPTION)

    @strawberry.field(description="Subscriptions of the subscription platform.")
    async def subscriptions(
        self,
        info: _Info,
        first: _First = 20,
        after: _After = strawberry.UNSET,
        filter: SubscriptionFilter | None = strawberry.UNSET,
    ) -> SubscriptionConnection | None:
        return await _list(info, RecordType.SUBSCRIPTION, first, after, filter)

    @strawberry.field(description="An invoice by its global id.")
    async def invoice(self, info: _Info, id: _Id) -> Invoice | None:
        return await _by_id(info, id, RecordType.INVOICE)

    @strawberry.field(description="Invoices of the ERP.")
    async def invoices(
        self,
        info: _Info,
        first: _First = 20,
        after: _After = strawberry.UNSET,
        filter: InvoiceFilter | None = strawberry.UNSET,
    ) -> InvoiceConnection | None:
        return await _list(info, RecordType.INVOICE, first, after, filter)

    @strawberry.field(description="A payment by its global id.")
    async def payment(self, info: _Info, id: _Id) -> Payment | None:
        return await _by_id(info, id, RecordType.PAYMENT)

    @strawberry.field(description="Payments of the payment gateway.")
    async def payments(
        self,
        info: _Info,
        first: _First = 20,
        after: _After = strawberry.UNSET,
        filter: PaymentFilter | None = strawberry.UNSET,
    ) -> PaymentConnection | None:
        return await _list(info, RecordType.PAYMENT, first, after, filter)

    @strawberry.field(description="A command by its id; null where none was accepted under it.")
    async def command(self, info: _Info, id: _Id) -> Command | None:
        info.context.start(info)
        found: Any = await command_by_id(info.context, id)
        return found

    @strawberry.field(description="Commands that were accepted, newest first.")
    async def commands(
        self,
        info: _Info,
        first: _First = 20,
        after: _After = strawberry.UNSET,
        filter: CommandFilter | None = strawberry.UNSET,
    ) -> CommandConnection | None:
        info.context.start(info)
        place = None if after is strawberry.UNSET else after
        found: Any = await list_commands(info.context, first, place, filter or None)
        return found

    @strawberry.field(
        description="Who owns what: every field of the four entities, its system, and the mutations that "
        "write it."
    )
    def ownership(self, info: _Info) -> list[FieldOwnership]:
        return owned_fields(info.context)

    @strawberry.field(description="Each connected system, as the gateway sees it now.")
    def systems(self, info: _Info) -> list[SystemHealth]:
        found: Any = info.context.systems.health()
        return found
