"""The vocabulary's enums, as GraphQL enums with descriptions."""

from __future__ import annotations

from enum import Enum

import strawberry

from adapters.contracts import vocabulary

for _enum in (
    vocabulary.System,
    vocabulary.CustomerStatus,
    vocabulary.SubscriptionStatus,
    vocabulary.InvoiceStatus,
    vocabulary.PaymentStatus,
    vocabulary.PaymentMethodKind,
    vocabulary.HealthStatus,
    vocabulary.CircuitState,
    vocabulary.CustomerOrder,
):
    strawberry.enum(_enum, description=(_enum.__doc__ or "").strip())


@strawberry.enum(
    description="ACCEPTED -> RUNNING -> SUCCEEDED | REJECTED, or back to WAITING for a retry, or UNCERTAIN "
    "when the answer was lost and the outcome is being reconciled by reading, or DEAD when it gave up."
)
class CommandStatus(Enum):
    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    UNCERTAIN = "UNCERTAIN"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    DEAD = "DEAD"


@strawberry.enum(description="SOURCE: a system said so. DERIVED: the gateway concluded it.")
class EventOrigin(Enum):
    SOURCE = "SOURCE"
    DERIVED = "DERIVED"


@strawberry.enum(description="What can happen, in the company's words.")
class BusinessEventType(Enum):
    CUSTOMER_CREATED = "CUSTOMER_CREATED"
    CUSTOMER_UPDATED = "CUSTOMER_UPDATED"
    CUSTOMER_STATUS_CHANGED = "CUSTOMER_STATUS_CHANGED"
    SUBSCRIPTION_CREATED = "SUBSCRIPTION_CREATED"
    TRIAL_CONVERTED = "TRIAL_CONVERTED"
    SUBSCRIPTION_AMENDED = "SUBSCRIPTION_AMENDED"
    SUBSCRIPTION_PAUSED = "SUBSCRIPTION_PAUSED"
    SUBSCRIPTION_RESUMED = "SUBSCRIPTION_RESUMED"
    SUBSCRIPTION_SUSPENDED = "SUBSCRIPTION_SUSPENDED"
    SUBSCRIPTION_REACTIVATED = "SUBSCRIPTION_REACTIVATED"
    SUBSCRIPTION_RENEWED = "SUBSCRIPTION_RENEWED"
    SUBSCRIPTION_CANCELLED = "SUBSCRIPTION_CANCELLED"
    SUBSCRIPTION_STATUS_CHANGED = "SUBSCRIPTION_STATUS_CHANGED"
    INVOICE_CREATED = "INVOICE_CREATED"
    INVOICE_POSTED = "INVOICE_POSTED"
    INVOICE_PAID = "INVOICE_PAID"
    INVOICE_OVERDUE = "INVOICE_OVERDUE"
    INVOICE_VOIDED = "INVOICE_VOIDED"
    INVOICE_STATUS_CHANGED = "INVOICE_STATUS_CHANGED"
    PAYMENT_CREATED = "PAYMENT_CREATED"
    PAYMENT_SUCCEEDED = "PAYMENT_SUCCEEDED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PAYMENT_REFUNDED = "PAYMENT_REFUNDED"
    PAYMENT_DISPUTED = "PAYMENT_DISPUTED"
    PAYMENT_STATUS_CHANGED = "PAYMENT_STATUS_CHANGED"
    COMMAND_STATUS_CHANGED = "COMMAND_STATUS_CHANGED"
