"""Payment: anchored in the payment gateway; its entry in the ledger is the ERP's."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from adapters.contracts.vocabulary import PaymentStatus, System
from schema.directives import edge, owned
from schema.node import Node
from schema.values import LedgerEntry, Money, PageInfo, PaymentFailure, PaymentMethod, SystemRecord

if TYPE_CHECKING:
    from schema.customer import Customer
    from schema.invoice import Invoice


@strawberry.type(description="One attempt to move money from a customer.")
class Payment(Node):
    status: PaymentStatus | None = owned(
        System.PAYMENTS, "Where it stands between intent and settlement.", writable=True
    )
    amount: Money | None = owned(System.PAYMENTS, "What was asked for.")
    amount_refunded: Money | None = owned(System.PAYMENTS, "What was given back.", writable=True)
    method: PaymentMethod | None = owned(System.PAYMENTS, "How it was paid.")
    failure: PaymentFailure | None = owned(System.PAYMENTS, "Why it failed, when it did.")
    created_at: datetime | None = owned(System.PAYMENTS, "When it was made.")

    @edge(System.ERP, "The entry in the ledger it became.")
    def ledger_entry(self, info: strawberry.Info[Any, Any]) -> LedgerEntry | None: ...

    @edge(System.PAYMENTS, "Who paid.")
    def customer(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Customer, strawberry.lazy("schema.customer")] | None: ...

    @edge(System.PAYMENTS, "The invoice it is for.")
    def invoice(
        self, info: strawberry.Info[Any, Any]
    ) -> Annotated[Invoice, strawberry.lazy("schema.invoice")] | None: ...

    records: list[SystemRecord] = owned(System.GATEWAY, "The record behind it, with a link to open it there.")


@strawberry.type(description="A payment and its place in the list.")
class PaymentEdge:
    cursor: str = strawberry.field(description="Give it as `after` to continue behind this edge.")
    node: Payment = strawberry.field(description="The payment.")


@strawberry.type(description="A page of payments.")
class PaymentConnection:
    edges: list[PaymentEdge] = strawberry.field(description="The payments with their cursors.")
    nodes: list[Payment] = strawberry.field(description="The payments.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
