"""The root of streams. Delivery is at least once, and in order for one object."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, cast

import strawberry
from strawberry import Info

from resolvers.context import RequestContext
from resolvers.streams.business_events import business_events
from resolvers.streams.command_status_changed import command_status_changed
from resolvers.streams.customer_status_changed import customer_status_changed
from resolvers.streams.invoice_status_changed import invoice_status_changed
from resolvers.streams.payment_status_changed import payment_status_changed
from resolvers.streams.subscription_status_changed import subscription_status_changed
from schema.event import BusinessEvent
from schema.scalars import Cursor
from schema.streams import (
    BusinessEventFilter,
    CommandStatusChange,
    CustomerStatusChange,
    InvoiceStatusChange,
    PaymentStatusChange,
    SubscriptionStatusChange,
)

_Info = Info[RequestContext, Any]


_After = Annotated[
    Cursor | None,
    strawberry.argument(
        description="Resume behind this cursor of an event: nothing since is missed. CURSOR_EXPIRED where "
        "the log no longer reaches back so far. Without it, from now on."
    ),
]
_CustomerId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only what concerns this customer.")
]
_SubscriptionId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this subscription.")]
_InvoiceId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this invoice.")]
_PaidInvoiceId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only payments for this invoice.")
]
_CommandId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this command.")]
_Filter = Annotated[
    BusinessEventFilter | None, strawberry.argument(description="Which events; all where it is left out.")
]


@strawberry.type(description="What can be watched: changes of status, and business events, as they happen.")
class StatusStream:
    @strawberry.subscription(description="Customers' changes of status.")
    def customer_status_changed(
        self, info: _Info, customer_id: _CustomerId = strawberry.UNSET, after: _After = strawberry.UNSET
    ) -> AsyncGenerator[CustomerStatusChange, None]:
        return cast(Any, customer_status_changed(info, customer_id, after))

    @strawberry.subscription(description="Subscriptions' changes of status.")
    def subscription_status_changed(
        self,
        info: _Info,
        customer_id: _CustomerId = strawberry.UNSET,
        subscription_id: _SubscriptionId = strawberry.UNSET,
        after: _After = strawberry.UNSET,
    ) -> AsyncGenerator[SubscriptionStatusChange, None]:
        return cast(Any, subscription_status_changed(info, customer_id, subscription_id, after))

    @strawberry.subscription(description="Invoices' changes of status.")
    def invoice_status_changed(
        self,
        info: _Info,
        customer_id: _CustomerId = strawberry.UNSET,
        invoice_id: _InvoiceId = strawberry.UNSET,
        after: _After = strawberry.UNSET,
    ) -> AsyncGenerator[InvoiceStatusChange, None]:
        return cast(Any, invoice_status_changed(info, customer_id, invoice_id, after))

    @strawberry.subscription(description="Payments' changes of status.")
    def payment_status_changed(
        self,
        info: _Info,
        customer_id: _CustomerId = strawberry.UNSET,
        invoice_id: _PaidInvoiceId = strawberry.UNSET,
        after: _After = strawberry.UNSET,
    ) -> AsyncGenerator[PaymentStatusChange, None]:
        return cast(Any, payment_status_changed(info, customer_id, invoice_id, after))

    @strawberry.subscription(description="Commands' changes of status.")
    def command_status_changed(
        self, info: _Info, id: _CommandId = strawberry.UNSET, after: _After = strawberry.UNSET
    ) -> AsyncGenerator[CommandStatusChange, None]:
        return cast(Any, command_status_changed(info, id, after))

    @strawberry.subscription(description="Every business event the caller may see.")
    def business_events(
        self, info: _Info, filter: _Filter = strawberry.UNSET, after: _After = strawberry.UNSET
    ) -> AsyncGenerator[BusinessEvent, None]:
        return cast(Any, business_events(info, filter, after))
