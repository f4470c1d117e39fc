"""Customer: anchored in the CRM, with the ERP's and the payment gateway's view of the same company."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from adapters.contracts.vocabulary import CustomerStatus, System
from schema.directives import derived, edge, owned
from schema.inputs import InvoiceFilter, PaymentFilter, SubscriptionFilter
from schema.node import Node
from schema.scalars import URL, CurrencyCode
from schema.values import (
    Address,
    LegalEntity,
    Money,
    PageInfo,
    PaymentMethod,
    Person,
    Receivables,
    SystemRecord,
)

if TYPE_CHECKING:
    from schema.event import BusinessEventConnection
    from schema.invoice import InvoiceConnection
    from schema.payment import PaymentConnection
    from schema.subscription import SubscriptionConnection


@strawberry.type(description="A company that buys subscriptions. Its record is the CRM's.")
class Customer(Node):
    name: str | None = owned(System.CRM, "The name people use.", writable=True)
    status: CustomerStatus | None = owned(
        System.CRM, "Where the customer stands in its life with the company.", writable=True
    )
    segment: str | None = owned(System.CRM, "Market segment.", writable=True)
    industry: str | None = owned(System.CRM, "Line of business.", writable=True)
    website: URL | None = owned(System.CRM, "The customer's web site.", writable=True)
    phone: str | None = owned(System.CRM, "Main telephone number.", writable=True, personal=True)
    email: str | None = owned(System.CRM, "Main e-mail address.", writable=True, personal=True)
    account_manager: Person | None = owned(System.CRM, "Who looks after the customer.")
    contacts: list[Person] | None = owned(System.CRM, "The people we know there.")
    shipping_address: Address | None = owned(System.CRM, "Where goods and visits go.", writable=True)
    created_at: datetime | None = owned(System.CRM, "When the CRM's record was made.")
    updated_at: datetime | None = owned(System.CRM, "When the CRM's record last changed.")

    legal_name: str | None = owned(System.ERP, "The registered name, as invoices carry it.", writable=True)
    legal_entity: LegalEntity | None = owned(System.ERP, "Which of the company's entities sells to it.")
    tax_id: str | None = owned(System.ERP, "VAT or other tax registration.", writable=True, personal=True)
    billing_address: Address | None = owned(System.ERP, "Where invoices go.", writable=True)
    currency: CurrencyCode | None = owned(System.ERP, "The currency it is invoiced in.")
    receivables: Receivables | None = owned(System.ERP, "What it owes, and on which terms.")

    payment_methods: list[PaymentMethod] | None = owned(System.PAYMENTS, "How it can pay.")
    delinquent: bool | None = owned(System.PAYMENTS, "Whether its last charge failed.")

    recurring_revenue: Money | None = derived(
        [System.SUBSCRIPTIONS],
        "Monthly revenue of its running subscriptions; null where they are in different currencies.",
    )

    @edge(System.SUBSCRIPTIONS, "Its subscriptions.")
    def subscriptions(
        self,
        info: strawberry.Info[Any, Any],
        first: int = 20,
        after: str | None = strawberry.UNSET,
        filter: SubscriptionFilter | None = strawberry.UNSET,
    ) -> Annotated[SubscriptionConnection, strawberry.lazy("schema.subscription")] | None: ...

    @edge(System.ERP, "Its invoices.")
    def invoices(
        self,
        info: strawberry.Info[Any, Any],
        first: int = 20,
        after: str | None = strawberry.UNSET,
        filter: InvoiceFilter | None = strawberry.UNSET,
    ) -> Annotated[InvoiceConnection, strawberry.lazy("schema.invoice")] | None: ...

    @edge(System.PAYMENTS, "Its payments.")
    def payments(
        self,
        info: strawberry.Info[Any, Any],
        first: int = 20,
        after: str | None = strawberry.UNSET,
        filter: PaymentFilter | None = strawberry.UNSET,
    ) -> Annotated[PaymentConnection, strawberry.lazy("schema.payment")] | None: ...

    @edge(System.GATEWAY, "Everything that happened to this customer, newest first, whatever system said it.")
    def timeline(
        self, info: strawberry.Info[Any, Any], first: int = 20, after: str | None = strawberry.UNSET
    ) -> Annotated[BusinessEventConnection, strawberry.lazy("schema.event")] | None: ...

    records: list[SystemRecord] = owned(
        System.GATEWAY, "The record behind this customer in each system, with a link to open it there."
    )


@strawberry.type(description="A customer and its place in the list.")
class CustomerEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    edges: list[CustomerEdge] = strawberry.field(description="The customers with their cursors.")
    nodes: list[Customer] = strawberry.field(description="The customers.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
