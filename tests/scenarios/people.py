"""Customers of the world that scenarios are about, and the graph's ids of facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.vocabulary import RecordType
from adapters.emulation.world import CustomerFact, InvoiceFact, PaymentFact, SubscriptionFact, World
from resolvers.ids import Ref

CONNECTIONS: Mapping[str, str] = {
    "CRM": "salesforce",
    "SUBSCRIPTIONS": "chargebee",
    "ERP": "netsuite",
    "PAYMENTS": "stripe",
}
"""Which vendor plays a system in the sandbox; its connection has the vendor's name."""


def id_of(fact: Any) -> str:
    """The graph's id of a fact."""
    match fact:
        case CustomerFact():
            ref = Ref(RecordType.CUSTOMER, "salesforce", fact.crm_id)
        case SubscriptionFact():
            ref = Ref(RecordType.SUBSCRIPTION, "chargebee", fact.id)
        case InvoiceFact():
            ref = Ref(RecordType.INVOICE, "netsuite", str(fact.id))
        case PaymentFact():
            ref = Ref(RecordType.PAYMENT, "stripe", fact.id)
        case _:
            raise TypeError(type(fact).__name__)
    return ref.encode()


def known_everywhere(world: World) -> CustomerFact:
    """A customer whom every system knows, once, with payments and a subscription under contract."""
    paying = {payment.customer.crm_id for payment in world.payments}
    agreed = {each.customer.crm_id for each in world.subscriptions if each.contract is not None}
    return next(
        fact
        for fact in world.customers
        if fact.billing_id
        and fact.payments_id
        and len(fact.erp_ids) == 1
        and fact.crm_id in paying
        and fact.crm_id in agreed
    )
