"""The words of the graph that every layer shares: systems, record types, statuses.

The enums carry the names of the public contract; the schema wraps them, adapters translate to them.
A vendor's status outside its table becomes ``UNKNOWN``, never an exception.
"""

from __future__ import annotations

import functools
from enum import Enum


class Word(Enum):
    """A closed set of words, hashed by identity, as each is there once: tables are looked into by them for
    every field of every row, and ``Enum`` has its hash in Python."""

    __hash__ = object.__hash__


class System(Word):
    """A role in the company's landscape. Which vendor plays it is configuration."""

    CRM = "CRM"
    CPQ = "CPQ"
    SUBSCRIPTIONS = "SUBSCRIPTIONS"
    ERP = "ERP"
    PAYMENTS = "PAYMENTS"
    TAX = "TAX"
    SUPPORT = "SUPPORT"
    USAGE = "USAGE"
    GATEWAY = "GATEWAY"


class RecordType(Word):
    """What a vendor row is a record of. The first four are the entities of the graph."""

    CUSTOMER = "Customer"
    SUBSCRIPTION = "Subscription"
    INVOICE = "Invoice"
    PAYMENT = "Payment"
    CONTRACT_TERMS = "ContractTerms"
    LEDGER_ENTRY = "LedgerEntry"


ANCHORS: dict[RecordType, System] = {
    RecordType.CUSTOMER: System.CRM,
    RecordType.SUBSCRIPTION: System.SUBSCRIPTIONS,
    RecordType.INVOICE: System.ERP,
    RecordType.PAYMENT: System.PAYMENTS,
}
"""The system whose record gives an entity its identity."""


@functools.cache
def link_field(record_type: RecordType, system: System) -> str:
    """The canonical name of a link: the record id, in ``system``, of the related ``record_type``.

    ``link_field(CUSTOMER, PAYMENTS)`` is ``"customer_in_payments"``: on a CRM row the payment
    gateway's id of the same customer, on a payment row the customer who paid.
    """
    return f"{record_type.name.lower()}_in_{system.value.lower()}"


class CustomerStatus(Word):
    """Where a customer stands in its life with the company."""

    PROSPECT = "PROSPECT"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CHURNED = "CHURNED"
    UNKNOWN = "UNKNOWN"


class SubscriptionStatus(Word):
    """Where a subscription stands in its term."""

    FUTURE = "FUTURE"
    TRIAL = "TRIAL"
    ACTIVE = "ACTIVE"
    NON_RENEWING = "NON_RENEWING"
    PAUSED = "PAUSED"
    SUSPENDED = "SUSPENDED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


class InvoiceStatus(Word):
    """Where an invoice stands between draft and settlement."""

    DRAFT = "DRAFT"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    OPEN = "OPEN"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    VOID = "VOID"
    WRITTEN_OFF = "WRITTEN_OFF"
    UNKNOWN = "UNKNOWN"


class PaymentStatus(Word):
    """Where a payment stands between intent and settlement."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"
    UNKNOWN = "UNKNOWN"


class PaymentMethodKind(Word):
    """How a customer pays."""

    CARD = "CARD"
    BANK_DEBIT = "BANK_DEBIT"
    BANK_TRANSFER = "BANK_TRANSFER"
    WALLET = "WALLET"
    OTHER = "OTHER"


class HealthStatus(Word):
    """How a connection answers now."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


class CircuitState(Word):
    """CLOSED lets calls through, OPEN refuses them at once, HALF_OPEN lets one try."""

    CLOSED = "CLOSED"
    HALF_OPEN = "HALF_OPEN"
    OPEN = "OPEN"


class CustomerOrder(Word):
    """Orders in which customers can be listed."""

    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    UPDATED_DESC = "UPDATED_DESC"


class EventOrigin(Word):
    """SOURCE: a system said so. DERIVED: the gateway concluded it."""

    SOURCE = "SOURCE"
    DERIVED = "DERIVED"


class BusinessEventType(Word):
    """What can happen, in the company's words."""

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
