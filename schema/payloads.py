"""What mutations answer: the fresh object, the command, and what the caller can put right."""

from __future__ import annotations

from enum import Enum

import strawberry

from schema.command import Command
from schema.customer import Customer
from schema.invoice import Invoice
from schema.payment import Payment
from schema.subscription import Subscription


@strawberry.enum(description="What kind of mistake it is.")
class UserErrorCode(Enum):
    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    NOT_OWNED = "NOT_OWNED"
    CONFLICT = "CONFLICT"
    REJECTED_BY_SYSTEM = "REJECTED_BY_SYSTEM"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    FORBIDDEN = "FORBIDDEN"
    WRONG_STATE = "WRONG_STATE"
    UNSUPPORTED = "UNSUPPORTED"


@strawberry.type(description="Something the caller can put right.")
class UserError:
    field: list[str] | None = strawberry.field(description="Where in the input, outermost first.")
    message: str = strawberry.field(description="What is wrong, for people.")
    code: UserErrorCode = strawberry.field(description="What is wrong, for programs.")


_COMMAND = "The write, as it stands; null where nothing was accepted."
_ERRORS = "What the caller can put right; empty where all is well."


@strawberry.type(description="What became of a change to a customer.")
class UpdateCustomerPayload:
    customer: Customer | None = strawberry.field(description="The customer, read anew.")
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of a change to a customer's billing.")
class UpdateCustomerBillingPayload:
    customer: Customer | None = strawberry.field(description="The customer, read anew.")
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of a write to a subscription.")
class SubscriptionPayload:
    subscription: Subscription | None = strawberry.field(description="The subscription, read anew.")
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of a write to an invoice.")
class InvoicePayload:
    invoice: Invoice | None = strawberry.field(description="The invoice, read anew.")
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of a payment.")
class PaymentPayload:
    payment: Payment | None = strawberry.field(description="The payment, read anew.")
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)


@strawberry.type(description="What became of an operator's wish about a command.")
class CommandPayload:
    command: Command | None = strawberry.field(description=_COMMAND)
    user_errors: list[UserError] = strawberry.field(description=_ERRORS)
