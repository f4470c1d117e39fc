"""The relations of the graph, as data: which records of which system, found by which keys.

An edge is a function from many parents to their children. Its keys say which link field of the child
is matched with which link of the parent, so that an executor can plan the fetch. The first key that
the child's adapter can find by and the parent can supply is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contracts.fields import Op
from adapters.contracts.vocabulary import RecordType, System, link_field

CUSTOMER_IN_CRM = link_field(RecordType.CUSTOMER, System.CRM)
CUSTOMER_IN_SUBSCRIPTIONS = link_field(RecordType.CUSTOMER, System.SUBSCRIPTIONS)
CUSTOMER_IN_ERP = link_field(RecordType.CUSTOMER, System.ERP)
CUSTOMER_IN_PAYMENTS = link_field(RecordType.CUSTOMER, System.PAYMENTS)
SUBSCRIPTION = link_field(RecordType.SUBSCRIPTION, System.SUBSCRIPTIONS)
INVOICE = link_field(RecordType.INVOICE, System.ERP)
PAYMENT = link_field(RecordType.PAYMENT, System.PAYMENTS)


@dataclass(frozen=True, slots=True)
class Key:
    """One way to find the children of a parent.

    child:  the link field of the child that is matched.
    parent: the link of the parent that gives its value; ``id`` is the parent's own record id.
    only:   where the key finds more than the children, the child field that must equal the parent's
            record id.
    """

    child: str
    parent: str
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation from one entity to many records of a system, or to one where ``many`` is False."""

    parent: RecordType
    field: str
    child: RecordType
    system: System
    keys: tuple[Key, ...]
    many: bool = True

    @property
    def name(self) -> str:
        return f"{self.parent.value}.{self.field}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A relation to the one entity whose record id the parent's row carries in ``link``."""

    parent: RecordType
    field: str
    child: RecordType
    system: System
    link: str


_C, _S, _I, _P = RecordType.CUSTOMER, RecordType.SUBSCRIPTION, RecordType.INVOICE, RecordType.PAYMENT

EDGES: Mapping[tuple[RecordType, str], Edge] = {
    (edge.parent, edge.field): edge
    for edge in (
        Edge(
            _C,
            "subscriptions",
            _S,
            System.SUBSCRIPTIONS,
            (Key(CUSTOMER_IN_CRM, "id"), Key(CUSTOMER_IN_SUBSCRIPTIONS, CUSTOMER_IN_SUBSCRIPTIONS)),
        ),
        Edge(
            _C,
            "invoices",
            _I,
            System.ERP,
            (Key(CUSTOMER_IN_CRM, "id"), Key(CUSTOMER_IN_ERP, CUSTOMER_IN_ERP)),
        ),
        Edge(
            _C,
            "payments",
            _P,
            System.PAYMENTS,
            (Key(CUSTOMER_IN_CRM, "id"), Key(CUSTOMER_IN_PAYMENTS, CUSTOMER_IN_PAYMENTS)),
        ),
        Edge(_S, "invoices", _I, System.ERP, (Key(SUBSCRIPTION, "id"),)),
        Edge(_S, "contract", RecordType.CONTRACT_TERMS, System.CRM, (Key(SUBSCRIPTION, "id"),), many=False),
        Edge(
            _I,
            "payments",
            _P,
            System.PAYMENTS,
            (Key(INVOICE, "id"), Key(CUSTOMER_IN_PAYMENTS, CUSTOMER_IN_PAYMENTS, only=INVOICE)),
        ),
        Edge(_P, "ledger_entry", RecordType.LEDGER_ENTRY, System.ERP, (Key(PAYMENT, "id"),), many=False),
    )
}

REFERENCES: Mapping[tuple[RecordType, str], Reference] = {
    (reference.parent, reference.field): reference
    for reference in (
        Reference(_S, "customer", _C, System.CRM, CUSTOMER_IN_CRM),
        Reference(_I, "customer", _C, System.CRM, CUSTOMER_IN_CRM),
        Reference(_P, "customer", _C, System.CRM, CUSTOMER_IN_CRM),
        Reference(_I, "subscription", _S, System.SUBSCRIPTIONS, SUBSCRIPTION),
        Reference(_P, "invoice", _I, System.ERP, INVOICE),
    )
}

FILTERS: Mapping[RecordType, Mapping[str, tuple[str, Op]]] = {
    _C: {
        "search": ("search", Op.SEARCH),
        "status": ("status", Op.IN),
        "segment": ("segment", Op.IN),
        "updated_since": ("updated_at", Op.SINCE),
    },
    _S: {
        "status": ("status", Op.IN),
        "plan_code": ("plan_code", Op.IN),
        "renews_before": ("next_billing_on", Op.BEFORE),
    },
    _I: {
        "status": ("status", Op.IN),
        "due_before": ("due_on", Op.BEFORE),
        "issued_since": ("issued_on", Op.SINCE),
    },
    _P: {"status": ("status", Op.IN), "created_since": ("created_at", Op.SINCE)},
}
"""Fields of the filter inputs -> the canonical condition each stands for."""
