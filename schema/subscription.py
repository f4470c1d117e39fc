"""Subscription: anchored in the subscription platform; its contract is the CRM's, its invoices the ERP's."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from adapters.contracts.vocabulary import SubscriptionStatus, System
from schema.directives import edge, owned
from schema.inputs import InvoiceFilter
from schema.node import Node
from schema.values import ContractTerms, Money, PageInfo, Period, Plan, SystemRecord

if TYPE_CHECKING:
    from schema.customer import Customer
    from schema.invoice import InvoiceConnection


@strawberry.type(description="What a customer subscribes to, and on which terms.")
class Subscription(Node):
    number: str | None = owned(System.SUBSCRIPTIONS, "Its number for people.")
    status: SubscriptionStatus | None = owned(
        System.SUBSCRIPTIONS, "Where it stands in its term.", writable=True
    )
    plan: Plan | None = owned(System.SUBSCRIPTIONS, "What is subscribed to.", writable=True)
    quantity: int | None = owned(System.SUBSCRIPTIONS, "Seats or units.", writable=True)
    unit_price: Money | None = owned(System.SUBSCRIPTIONS, "Price of one unit for one billing period.")
    recurring_revenue: Money | None = owned(System.SUBSCRIPTIONS, "Normalised to one month.")
    started_on: date | None = owned(System.SUBSCRIPTIONS, "First day.")
    trial_ends_on: date | None = owned(System.SUBSCRIPTIONS, "Last day of the trial.")
    current_term: Period | None = owned(System.SUBSCRIPTIONS, "The billing term that runs now.")
    next_billing_on: date | None = owned(System.SUBSCRIPTIONS, "The day of the next bill.")
    cancelled_on: date | None = owned(System.SUBSCRIPTIONS, "The day it was or will be cancelled.")
    updated_at: datetime | None = owned(System.SUBSCRIPTIONS, "When the platform's record last changed.")

    @edge(System.CRM, "The commercial agreement behind it.")
    def contract(self, info: strawberry.Info[Any, Any]) -> ContractTerms | None: ...

    @edge(System.SUBSCRIPTIONS, "Who subscribes.")
    def customer(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Customer, strawberry.lazy("schema.customer")] | None: ...

    @edge(System.ERP, "Its invoices.")
    def invoices(
        self,
        info: strawberry.Info[Any, Any],
        first: int = 20,
        after: str | None = strawberry.UNSET,
        filter: InvoiceFilter | None = strawberry.UNSET,
    ) -> Annotated[InvoiceConnection, strawberry.lazy("schema.invoice")] | None: ...

    records: list[SystemRecord] = owned(System.GATEWAY, "The record behind it, with a link to open it there.")


@strawberry.type(description="A subscription and its place in the list.")
class SubscriptionEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: Subscription = strawberry.field(description="The subscription.")


@strawberry.type(description="A page of subscriptions.")
class SubscriptionConnection:
    edges: list[SubscriptionEdge] = strawberry.field(description="The subscriptions with their cursors.")
    nodes: list[Subscription] = strawberry.field(description="The subscriptions.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
