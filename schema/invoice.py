"""Invoice: anchored in the ERP; the payments for it are the payment gateway's."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from adapters.contracts.vocabulary import InvoiceStatus, System
from schema.directives import edge, owned
from schema.node import Node
from schema.values import InvoiceLine, LegalEntity, Money, PageInfo, SystemRecord

if TYPE_CHECKING:
    from schema.customer import Customer
    from schema.payment import PaymentConnection
    from schema.subscription import Subscription


@strawberry.type(description="A bill of the ERP.")
class Invoice(Node):
    number: str | None = owned(System.ERP, "Its number for people.")
    status: InvoiceStatus | None = owned(
        System.ERP, "Where it stands between draft and settlement.", writable=True
    )
    legal_entity: LegalEntity | None = owned(System.ERP, "Which of the company's entities issued it.")
    subtotal: Money | None = owned(System.ERP, "Before tax.")
    tax: Money | None = owned(System.ERP, "Tax.")
    total: Money | None = owned(System.ERP, "With tax.")
    amount_paid: Money | None = owned(System.ERP, "What has been paid of it.")
    amount_due: Money | None = owned(System.ERP, "What is still to be paid.")
    issued_on: date | None = owned(System.ERP, "Its date.")
    due_on: date | None = owned(System.ERP, "The day it is to be paid by.", writable=True)
    posted_at: datetime | None = owned(System.ERP, "When it was posted to the ledger.")
    memo: str | None = owned(System.ERP, "A note on it.", writable=True, personal=True)
    lines: list[InvoiceLine] | None = owned(System.ERP, "What is charged for.")
    updated_at: datetime | None = owned(System.ERP, "When the ERP's record last changed.")

    @edge(System.ERP, "Who is billed.")
    def customer(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Customer, strawberry.lazy("schema.customer")] | None: ...

    @edge(System.ERP, "The subscription it bills.")
    def subscription(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Subscription, strawberry.lazy("schema.subscription")] | None: ...

    @edge(System.PAYMENTS, "Payments made or tried for it.")
    def payments(
        self, info: strawberry.Info[Any, Any], first: int = 20, after: str | None = strawberry.UNSET
    ) -> Annotated[PaymentConnection, strawberry.lazy("schema.payment")] | None: ...

    records: list[SystemRecord] = owned(System.GATEWAY, "The record behind it, with a link to open it there.")


@strawberry.type(description="An invoice and its place in the list.")
class InvoiceEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: Invoice = strawberry.field(description="The invoice.")


@strawberry.type(description="A page of invoices.")
class InvoiceConnection:
    edges: list[InvoiceEdge] = strawberry.field(description="The invoices with their cursors.")
    nodes: list[Invoice] = strawberry.field(description="The invoices.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
