"""The canonical fields of each kind of record, and the type of their values: what a mapping may name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from adapters.contracts.values import (
    Address,
    InvoiceLine,
    LegalEntity,
    Money,
    PaymentFailure,
    PaymentMethod,
    Period,
    Person,
    Plan,
    Receivables,
)
from adapters.contracts.vocabulary import (
    CustomerStatus,
    InvoiceStatus,
    PaymentStatus,
    RecordType,
    SubscriptionStatus,
    System,
    link_field,
)

SEARCH = "search"
"""A field that can be filtered by and not read: the words somebody looks a customer up by."""


def _links(*targets: RecordType) -> dict[str, Any]:
    return {
        link_field(target, system): str
        for target in targets
        for system in System
        if system is not System.GATEWAY
    }


FIELDS: Mapping[RecordType, Mapping[str, Any]] = {
    RecordType.CUSTOMER: {
        "id": str,
        "name": str,
        "status": CustomerStatus,
        "segment": str,
        "industry": str,
        "website": str,
        "phone": str,
        "email": str,
        "account_manager": Person,
        "contacts": list[Person],
        "shipping_address": Address,
        "created_at": datetime,
        "updated_at": datetime,
        "legal_name": str,
        "legal_entity": LegalEntity,
        "tax_id": str,
        "billing_address": Address,
        "currency": str,
        "receivables": Receivables,
        "payment_methods": list[PaymentMethod],
        "delinquent": bool,
        **_links(RecordType.CUSTOMER),
    },
    RecordType.SUBSCRIPTION: {
        "id": str,
        "number": str,
        "status": SubscriptionStatus,
        "plan": Plan,
        "plan_code": str,
        "quantity": int,
        "unit_price": Money,
        "recurring_revenue": Money,
        "started_on": date,
        "trial_ends_on": date,
        "current_term": Period,
        "next_billing_on": date,
        "cancelled_on": date,
        "created_at": datetime,
        "updated_at": datetime,
        **_links(RecordType.CUSTOMER),
    },
    RecordType.INVOICE: {
        "id": str,
        "number": str,
        "status": InvoiceStatus,
        "legal_entity": LegalEntity,
        "subtotal": Money,
        "tax": Money,
        "total": Money,
        "amount_paid": Money,
        "amount_due": Money,
        "issued_on": date,
        "due_on": date,
        "posted_at": datetime,
        "memo": str,
        "lines": list[InvoiceLine],
        "updated_at": datetime,
        **_links(RecordType.CUSTOMER, RecordType.SUBSCRIPTION),
    },
    RecordType.PAYMENT: {
        "id": str,
        "status": PaymentStatus,
        "amount": Money,
        "amount_refunded": Money,
        "method": PaymentMethod,
        "failure": PaymentFailure,
        "created_at": datetime,
        **_links(RecordType.CUSTOMER, RecordType.INVOICE),
    },
    RecordType.CONTRACT_TERMS: {
        "id": str,
        "number": str,
        "term_months": int,
        "auto_renew": bool,
        "renews_on": date,
        "signed_on": date,
        **_links(RecordType.SUBSCRIPTION),
    },
    RecordType.LEDGER_ENTRY: {
        "id": str,
        "number": str,
        "posted_on": date,
        "account": str,
        **_links(RecordType.PAYMENT),
    },
}
"""Value types: ``str``, ``int``, ``bool``, ``date``, ``datetime`` (aware UTC), an enum of the vocabulary, a
value class of ``adapters.contracts.values``, or a list of one."""
