"""What a caller must hold to read a field or to ask for a mutation: one table, by type and field.

Everything of the four entities, the roots and what leads to an entity stands here. A field that does not is
part of an object that was reached by one that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "customer:read": "what the CRM knows of customers",
        "billing:read": "what the ERP knows of customers: legal name, tax id, receivables",
        "subscription:read": "subscriptions, and the revenue they bring",
        "contract:read": "the commercial agreements behind subscriptions",
        "invoice:read": "invoices",
        "payment:read": "payments, and how customers can pay",
        "ledger:read": "the ledger entries behind payments",
        "event:read": "business events: timelines and streams",
        "command:read": "the commands of everybody; without it, a caller's own",
        "system:read": "how each connected system answers",
        "schema:read": "introspection, where it is off for others",
        "plan:read": "how a query was carried out, where it is asked for",
        "customer:write": "updateCustomer",
        "billing:write": "updateCustomerBilling",
        "subscription:write": "amend, pause, resume, cancel and reactivate subscriptions",
        "invoice:write": "post, void and update invoices",
        "payment:write": "collect and retry payments",
        "payment:refund": "refundPayment",
        "command:operate": "replay and cancel commands",
        "widget-token:mint": "mint widget tokens",
    }
)
"""Every scope there is, and what it opens."""

_CUSTOMER, _BILLING, _SUBSCRIPTION = "customer:read", "billing:read", "subscription:read"
_INVOICE, _PAYMENT, _EVENT = "invoice:read", "payment:read", "event:read"

Key = tuple[str, str]
"""A type of the graph, and one of its fields as Python spells it."""


def _fields(type_name: str, scope: str, names: str) -> Iterable[tuple[Key, frozenset[str]]]:
    return (((type_name, name), frozenset(scope.split())) for name in names.split())


READS: Mapping[Key, frozenset[str]] = MappingProxyType(
    dict(
        pair
        for table in (
            _fields(
                "Customer",
                _CUSTOMER,
                "id name status segment industry website phone email account_manager contacts "
                "shipping_address created_at updated_at records",
            ),
            _fields(
                "Customer", _BILLING, "legal_name legal_entity tax_id billing_address currency receivables"
            ),
            _fields("Customer", _PAYMENT, "payment_methods delinquent payments"),
            _fields("Customer", _SUBSCRIPTION, "recurring_revenue subscriptions"),
            _fields("Customer", _INVOICE, "invoices"),
            _fields("Customer", _EVENT, "timeline"),
            _fields(
                "Subscription",
                _SUBSCRIPTION,
                "id number status plan quantity unit_price recurring_revenue started_on trial_ends_on "
                "current_term next_billing_on cancelled_on updated_at records",
            ),
            _fields("Subscription", "contract:read", "contract"),
            _fields("Subscription", _CUSTOMER, "customer"),
            _fields("Subscription", _INVOICE, "invoices"),
            _fields(
                "Invoice",
                _INVOICE,
                "id number status legal_entity subtotal tax total amount_paid amount_due issued_on due_on "
                "posted_at memo lines updated_at records",
            ),
            _fields("Invoice", _CUSTOMER, "customer"),
            _fields("Invoice", _SUBSCRIPTION, "subscription"),
            _fields("Invoice", _PAYMENT, "payments"),
            _fields(
                "Payment",
                _PAYMENT,
                "id status amount amount_refunded method failure created_at records",
            ),
            _fields("Payment", "ledger:read", "ledger_entry"),
            _fields("Payment", _CUSTOMER, "customer"),
            _fields("Payment", _INVOICE, "invoice"),
            _fields("BusinessEvent", _EVENT, "id"),
            _fields("BusinessEvent", _CUSTOMER, "customer"),
            _fields("Query", _CUSTOMER, "customer customer_by customers"),
            _fields("Query", _SUBSCRIPTION, "subscription subscriptions"),
            _fields("Query", _INVOICE, "invoice invoices"),
            _fields("Query", _PAYMENT, "payment payments"),
            _fields("Query", "system:read", "systems"),
            _fields("StatusStream", f"{_EVENT} {_CUSTOMER}", "customer_status_changed"),
            _fields("StatusStream", f"{_EVENT} {_SUBSCRIPTION}", "subscription_status_changed"),
            _fields("StatusStream", f"{_EVENT} {_INVOICE}", "invoice_status_changed"),
            _fields("StatusStream", f"{_EVENT} {_PAYMENT}", "payment_status_changed"),
            _fields("StatusStream", _EVENT, "command_status_changed business_events"),
            _fields("UpdateCustomerPayload", _CUSTOMER, "customer"),
            _fields("UpdateCustomerBillingPayload", _CUSTOMER, "customer"),
            _fields("SubscriptionPayload", _SUBSCRIPTION, "subscription"),
            _fields("InvoicePayload", _INVOICE, "invoice"),
            _fields("PaymentPayload", _PAYMENT, "payment"),
        )
        for pair in table
    )
)
"""Field -> the scopes that reading it takes, all of them. ``id`` stands for knowing of the object at all."""

MUTATIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset({scope})
        for scope, names in {
            "customer:write": "updateCustomer",
            "billing:write": "updateCustomerBilling",
            "subscription:write": "amendSubscription pauseSubscription resumeSubscription "
            "cancelSubscription reactivateSubscription",
            "invoice:write": "postInvoice voidInvoice updateInvoice",
            "payment:write": "collectPayment retryPayment",
            "payment:refund": "refundPayment",
            "command:operate": "replayCommand cancelCommand",
        }.items()
        for name in names.split()
    }
)
"""Mutation, as the graph spells it -> the scopes that asking for it takes."""
