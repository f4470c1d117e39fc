"""Inputs of queries: lookups and filters."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    SubscriptionStatus,
    System,
)
from schema.enums import CommandStatus


@strawberry.input(description="A record of any system, by the id it has there.")
class SystemRecordRef:
    system: System = strawberry.field(description="The role.")
    record_id: str = strawberry.field(description="The record's id in that system.")
    connection: str | None = strawberry.field(
        default=strawberry.UNSET, description="Which account of the system, where it has several."
    )


@strawberry.input(one_of=True, description="By what the caller has at hand: exactly one of these.")
class CustomerLookup:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The graph's own id.")
    record: SystemRecordRef | None = strawberry.field(
        default=strawberry.UNSET, description="The customer's record in any system."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="The customer's e-mail address."
    )


@strawberry.input(description="Which customers; all conditions hold.")
class CustomerFilter:
    search: str | None = strawberry.field(default=strawberry.UNSET, description="Words of the name.")
    status: list[CustomerStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    segment: str | None = strawberry.field(default=strawberry.UNSET, description="Exactly this segment.")
    updated_since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Changed at or after."
    )


@strawberry.input(description="Which subscriptions; all conditions hold.")
class SubscriptionFilter:
    status: list[SubscriptionStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    plan_code: str | None = strawberry.field(default=strawberry.UNSET, description="Exactly this plan.")
    renews_before: date | None = strawberry.field(
        default=strawberry.UNSET, description="Next billing before this day."
    )


@strawberry.input(description="Which invoices; all conditions hold.")
class InvoiceFilter:
    status: list[InvoiceStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    due_before: date | None = strawberry.field(default=strawberry.UNSET, description="Due before this day.")
    issued_since: date | None = strawberry.field(
        default=strawberry.UNSET, description="Issued on or after this day."
    )


@strawberry.input(description="Which payments; all conditions hold.")
class PaymentFilter:
    status: list[PaymentStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    created_since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Created at or after."
    )


@strawberry.input(description="Which commands; all conditions hold.")
class CommandFilter:
    status: list[CommandStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="Any of these."
    )
    target: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Writes of this object."
    )
    kind: str | None = strawberry.field(default=strawberry.UNSET, description="Writes by this mutation.")
