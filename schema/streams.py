"""Streams: what is told when a status changes, and which business events to tell."""

from __future__ import annotations

import strawberry

from adapters.contracts.vocabulary import (
    BusinessEventType,
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    SubscriptionStatus,
    System,
)
from schema.command import Command
from schema.customer import Customer
from schema.enums import CommandStatus
from schema.event import BusinessEvent
from schema.invoice import Invoice
from schema.payment import Payment
from schema.subscription import Subscription

_EVENT = "The event that tells of it."
_PREVIOUS = "The status before, where it is known."
_CURRENT = "The status that the event tells of."


@strawberry.type(description="A customer's status changed.")
class CustomerStatusChange:
    event: BusinessEvent = strawberry.field(description=_EVENT)
    previous: CustomerStatus | None = strawberry.field(description=_PREVIOUS)
    current: CustomerStatus = strawberry.field(description=_CURRENT)
    customer: Customer | None = strawberry.field(description="The customer, as it is now.")


@strawberry.type(description="A subscription's status changed.")
class SubscriptionStatusChange:
    event: BusinessEvent = strawberry.field(description=_EVENT)
    previous: SubscriptionStatus | None = strawberry.field(description=_PREVIOUS)
    current: SubscriptionStatus = strawberry.field(description=_CURRENT)
    subscription: Subscription | None = strawberry.field(description="The subscription, as it is now.")


@strawberry.type(description="An invoice's status changed.")
class InvoiceStatusChange:
    event: BusinessEvent = strawberry.field(description=_EVENT)
    previous: InvoiceStatus | None = strawberry.field(description=_PREVIOUS)
    current: InvoiceStatus = strawberry.field(description=_CURRENT)
    invoice: Invoice | None = strawberry.field(description="The invoice, as it is now.")


@strawberry.type(description="A payment's status changed.")
class PaymentStatusChange:
    event: BusinessEvent = strawberry.field(description=_EVENT)
    previous: PaymentStatus | None = strawberry.field(description=_PREVIOUS)
    current: PaymentStatus = strawberry.field(description=_CURRENT)
    payment: Payment | None = strawberry.field(description="The payment, as it is now.")


@strawberry.type(description="A command came further.")
class CommandStatusChange:
    event: BusinessEvent = strawberry.field(description=_EVENT)
    previous: CommandStatus | None = strawberry.field(description=_PREVIOUS)
    current: CommandStatus = strawberry.field(description=_CURRENT)
    command: Command | None = strawberry.field(description="The command, as it is now.")


@strawberry.input(description="Which business events. Everything given must hold.")
class BusinessEventFilter:
    types: list[BusinessEventType] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    customer_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Those that concern a customer."
    )
    system: System | None = strawberry.field(
        default=strawberry.UNSET, description="Those that happened there."
    )
