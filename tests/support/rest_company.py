"""The books of a generated company, in the words of its own REST system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.contracts.vocabulary import InvoiceStatus, PaymentMethodKind, PaymentStatus, SubscriptionStatus
from adapters.emulation.world import (
    AddressFact,
    CustomerFact,
    InvoiceFact,
    PaymentFact,
    PersonFact,
    SubscriptionFact,
    World,
)
from tests.support.rest_system import Collection, Row

INV, SUB, PAY, K = InvoiceStatus, SubscriptionStatus, PaymentStatus, PaymentMethodKind

STAGES = {each: each.value.lower() for each in SUB} | {SUB.CANCELLED: "ended", SUB.NON_RENEWING: "ending"}
STATES = {
    INV.DRAFT: 0,
    INV.PENDING_APPROVAL: 1,
    INV.OPEN: 2,
    INV.PARTIALLY_PAID: 3,
    INV.PAID: 4,
    INV.OVERDUE: 5,
}
STATES |= {INV.VOID: 8, INV.WRITTEN_OFF: 9}
OUTCOMES = {each: f"pay.{each.value.lower()}" for each in PAY}
MEANS = {K.CARD: "CC", K.BANK_DEBIT: "DD", K.BANK_TRANSFER: "BT", K.WALLET: "WA", K.OTHER: "??"}
LIMBO = 77
"""A state of a bill that nobody told the adapter of."""

PLACES = {"JPY": 0}


def major(minor: int, currency: str) -> str:
    """As people write amounts: ``12.5`` for 1250 minor units of USD."""
    return f"{(Decimal(minor) / 10 ** PLACES.get(currency, 2)).normalize():f}"


def account(fact: CustomerFact) -> Row:
    method = fact.payment_method
    return {
        "id": fact.crm_id,
        "profile": {
            "display": fact.name,
            "stage": fact.status.value.title(),
            "segment": fact.segment,
            "mail": fact.email,
            "tel": fact.phone,
        },
        "billing_ref": fact.billing_id or "",
        "people": [_person(each) for each in fact.contacts],
        "owner": _person(fact.account_manager),
        "ship_to": _address(fact.shipping),
        "ledger": {
            "terms": str(fact.payment_terms_days),
            "limit": fact.credit_limit_minor,
            "ccy": fact.currency.lower(),
            "held": "Y" if fact.on_hold else "N",
        },
        "wallet": [] if method is None else [{"means": MEANS[method.kind], "end": method.last4}],
        "since": fact.created_at.isoformat(),
        "modified_ms": int(fact.updated_at.timestamp()) * 1000,
    }


def agreement(fact: SubscriptionFact) -> Row:
    return {
        "id": fact.id,
        "account": fact.customer.crm_id,
        "stage": STAGES[fact.status],
        "sku": {"code": fact.plan.code, "title": fact.plan.name, "months": fact.plan.period_months},
        "seats": fact.quantity,
        "seat_cents": fact.plan.unit_price_minor[fact.customer.currency],
        "ccy": fact.customer.currency,
        "from": int(fact.started_at.timestamp()),
        "next": None if fact.next_billing_at is None else fact.next_billing_at.date().isoformat(),
        "changed": int(fact.updated_at.timestamp()),
    }


def bill(fact: InvoiceFact) -> Row:
    ccy = fact.customer.currency
    return {
        "id": str(fact.id),
        "no": fact.number,
        "account": fact.customer.crm_id,
        "agreement": fact.subscription.id,
        "state": STATES[fact.status],
        "seller": {"code": fact.customer.entity.code, "name": fact.customer.entity.name},
        "sums": {"gross": major(fact.total_minor, ccy), "tax": major(fact.tax_minor, ccy), "ccy": ccy},
        "dated": fact.issued_on.isoformat(),
        "due": fact.due_on.isoformat(),
        "rows": [
            {"text": line.description, "n": line.quantity, "sum": major(line.amount_minor, ccy), "ccy": ccy}
            for line in fact.lines
        ],
    }


def receipt(fact: PaymentFact) -> Row:
    ccy = fact.customer.currency
    return {
        "id": fact.id,
        "bill": fact.invoice.id,
        "bill_key": str(fact.invoice.id),
        "outcome": OUTCOMES[fact.status],
        "amount": float(major(fact.amount_minor, ccy)),
        "ccy": ccy,
        "means": MEANS[fact.method.kind],
        "at": fact.created_at.isoformat(),
    }


def terms(fact: SubscriptionFact) -> Row:
    assert fact.contract is not None
    contract = fact.contract
    return {
        "id": contract.crm_id,
        "no": contract.number,
        "agreement": fact.id,
        "months": contract.term_months,
        "renews": contract.auto_renew,
        "until": contract.renews_on.isoformat(),
        "signed": contract.signed_on.isoformat(),
    }


def collections(world: World) -> dict[str, Collection]:
    """The company's lists. The state of its first bill is one that nobody was told of."""
    bills = [bill(fact) for fact in world.invoices]
    bills[0]["state"] = LIMBO
    return {
        "accounts": Collection(
            "total",
            [account(fact) for fact in world.customers],
            one_of={"ids": "id", "billing_refs": "billing_ref"},
            filters={
                "q": lambda row, text: text.casefold() in row["profile"]["display"].casefold(),
                "stage": lambda row, text: row["profile"]["stage"] in text.split("|"),
                "mail": lambda row, text: row["profile"]["mail"] == text,
                "owners": lambda row, text: row["owner"]["mail"].casefold() in text.casefold().split("|"),
                "modified_from": lambda row, text: row["modified_ms"] >= int(text),
            },
            sorts={"display": _by_name(False), "-display": _by_name(True), "-modified": _newest},
        ),
        "agreements": Collection(
            "token",
            [agreement(fact) for fact in world.subscriptions],
            one_of={"ids": "id"},
            paged_one_of={"accounts": "account"},
            filters={
                "stage": lambda row, text: row["stage"] in text.split(","),
                "sku": lambda row, text: row["sku"]["code"] in text.split(","),
                "next_before": lambda row, text: row["next"] is not None and row["next"] < text,
            },
        ),
        "bills": Collection(
            "behind",
            bills,
            one_of={"ids": "id", "agreements": "agreement"},
            paged_one_of={"accounts": "account"},
            filters={
                "state": lambda row, text: str(row["state"]) == text,
                "sellers": lambda row, text: row["seller"]["code"] in text.split(","),
                "due_before": lambda row, text: row["due"] < text,
                "dated_from": lambda row, text: _seconds(row["dated"]) >= int(text),
            },
        ),
        "receipts": Collection(
            "bare",
            [receipt(fact) for fact in world.payments],
            one_of={"ids": "id", "bills": "bill_key"},
            filters={
                "from": lambda row, text: datetime.fromisoformat(row["at"]) >= datetime.fromisoformat(text)
            },
        ),
        "terms": Collection(
            "total",
            [terms(fact) for fact in world.subscriptions if fact.contract is not None],
            paged_one_of={"agreements": "agreement"},
        ),
    }


def _by_name(descending: bool) -> Callable[[Sequence[Row]], list[Row]]:
    return lambda rows: sorted(
        rows, key=lambda row: (row["profile"]["display"].casefold(), row["id"]), reverse=descending
    )


def _newest(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["modified_ms"], row["id"]), reverse=True)


def _seconds(day: str) -> float:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()


def _person(fact: PersonFact) -> dict[str, Any]:
    return {"full": fact.name, "mail": fact.email, "tel": fact.phone, "role": fact.title}


def _address(fact: AddressFact) -> dict[str, Any]:
    return {
        "street": [fact.line1, fact.line2],
        "town": fact.city,
        "zip": fact.postal_code,
        "land": fact.country,
    }
