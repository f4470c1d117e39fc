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
    vocabulary.EventOrigin,
    vocabulary.BusinessEventType,
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
