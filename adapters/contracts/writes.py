"""The port an adapter implements to write: perform one write, and settle one whose answer was lost.

A write reaches the adapter as a ``Write``: canonical, complete, the same for every attempt. ``perform``
sends it once, with the vendor's own protection against doubles. ``settle`` reads the vendor and says
whether a write that may have arrived was done: by the vendor's memory of the key, by a marker the write
left, or by the state it wanted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from adapters.contracts.vocabulary import RecordType, System


class Verb(Enum):
    """What can be written. The value is the mutation's name in the contract."""

    UPDATE_CUSTOMER = "updateCustomer"
    UPDATE_CUSTOMER_BILLING = "updateCustomerBilling"
    AMEND_SUBSCRIPTION = "amendSubscription"
    PAUSE_SUBSCRIPTION = "pauseSubscription"
    RESUME_SUBSCRIPTION = "resumeSubscription"
    CANCEL_SUBSCRIPTION = "cancelSubscription"
    REACTIVATE_SUBSCRIPTION = "reactivateSubscription"
    POST_INVOICE = "postInvoice"
    VOID_INVOICE = "voidInvoice"
    UPDATE_INVOICE = "updateInvoice"
    COLLECT_PAYMENT = "collectPayment"
    RETRY_PAYMENT = "retryPayment"
    REFUND_PAYMENT = "refundPayment"


@dataclass(frozen=True, slots=True)
class Writing:
    """What a verb is about, whatever the vendor.

    system:   the one system it writes.
    type:     the kind of record that ``Write.record_id`` names: the one that is changed, or, for a payment
              that is yet to be collected, the invoice it is for.
    result:   the kind of record it leaves changed or made.
    deferred: financial finalisation: accepted at once, worked off later.
    """

    system: System
    type: RecordType
    result: RecordType
    deferred: bool = False


WRITINGS: Mapping[Verb, Writing] = {
    Verb.UPDATE_CUSTOMER: Writing(System.CRM, RecordType.CUSTOMER, RecordType.CUSTOMER),
    Verb.UPDATE_CUSTOMER_BILLING: Writing(System.ERP, RecordType.CUSTOMER, RecordType.CUSTOMER),
    Verb.AMEND_SUBSCRIPTION: Writing(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION, RecordType.SUBSCRIPTION),
    Verb.PAUSE_SUBSCRIPTION: Writing(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION, RecordType.SUBSCRIPTION),
    Verb.RESUME_SUBSCRIPTION: Writing(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION, RecordType.SUBSCRIPTION),
    Verb.CANCEL_SUBSCRIPTION: Writing(System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION, RecordType.SUBSCRIPTION),
    Verb.REACTIVATE_SUBSCRIPTION: Writing(
        System.SUBSCRIPTIONS, RecordType.SUBSCRIPTION, RecordType.SUBSCRIPTION
    ),
    Verb.POST_INVOICE: Writing(System.ERP, RecordType.INVOICE, RecordType.INVOICE, deferred=True),
    Verb.VOID_INVOICE: Writing(System.ERP, RecordType.INVOICE, RecordType.INVOICE, deferred=True),
    Verb.UPDATE_INVOICE: Writing(System.ERP, RecordType.INVOICE, RecordType.INVOICE),
    Verb.COLLECT_PAYMENT: Writing(System.PAYMENTS, RecordType.INVOICE, RecordType.PAYMENT),
    Verb.RETRY_PAYMENT: Writing(System.PAYMENTS, RecordType.PAYMENT, RecordType.PAYMENT),
    Verb.REFUND_PAYMENT: Writing(System.PAYMENTS, RecordType.PAYMENT, RecordType.PAYMENT),
}


@dataclass(frozen=True, slots=True)
class Write:
    """One write, complete: nothing has to be looked up elsewhere to perform it.

    record_id:        the record at this connection; for COLLECT_PAYMENT the ERP's id of the invoice.
    key:              the idempotency key of every attempt, at most 64 of ``[A-Za-z0-9_-]``, derived from the
                      command, so that a retry after a crash sends the same one.
    changes:          canonical field -> wanted value, None to clear; only fields that are changed.
                      AMEND_SUBSCRIPTION: ``plan_code``, ``quantity``.
                      COLLECT_PAYMENT: ``amount`` (Money), ``customer_in_payments``, ``customer_in_crm``,
                      ``invoice_in_erp``.
                      REFUND_PAYMENT: ``amount`` (Money), or absent for all that is left.
    options:          how: ``effective`` (``"NOW"`` or ``"END_OF_TERM"``), ``reason``.
    unmodified_since: the write must be refused with ``Conflict`` if the record changed after this time;
                      None where the caller did not ask, or the gateway has just read that it did not.
    """

    verb: Verb
    record_id: str
    key: str
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unmodified_since: datetime | None = None


class Settlement(Enum):
    """What reading the vendor told about a write whose answer was lost."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Settled:
    """``record_id`` names the record that the write changed or made, where it was done."""

    settlement: Settlement
    record_id: str | None = None


class Writer(ABC):
    """The writes of one connection. Faults are those of the tree, with their meaning for writes:

    ``Unreachable``, ``Throttled``: not done, try again. ``OutcomeUnknown``: perhaps done, settle it.
    ``Rejected``, ``NotFound``, ``Unsupported``: not done, and never will be. ``Conflict``: not done, the
    record changed or is in a state that does not allow it (``vendor_code="wrong_state"``).
    ``Malformed``: perhaps done, settle it.
    """

    verbs: frozenset[Verb]
    """What this vendor can do; every other verb is UNSUPPORTED."""

    enforces_unmodified_since: frozenset[Verb] = frozenset()
    """Verbs for which the vendor itself refuses a stale write; the gateway checks for the others."""

    @abstractmethod
    async def perform(self, write: Write) -> str:
        """Sends the write, once. Gives the id of the record it changed or made."""

    @abstractmethod
    async def settle(self, write: Write) -> Settled:
        """Whether the write was done, by reading only. Raises a fault where reading fails."""
