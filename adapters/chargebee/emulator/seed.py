"""The world as Chargebee would hold it: customers, items, item prices, subscriptions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from adapters.chargebee.emulator.catalogue import (
    CATALOGUES,
    CUSTOMERS,
    ITEM_PRICES,
    ITEMS,
    SUBSCRIPTIONS,
    Catalogue,
)
from adapters.contracts.vocabulary import SubscriptionStatus
from adapters.emulation.store import insert_many
from adapters.emulation.world import CustomerFact, PlanFact, SubscriptionFact, World

STATUSES: Mapping[SubscriptionStatus, str] = {
    SubscriptionStatus.FUTURE: "future",
    SubscriptionStatus.TRIAL: "in_trial",
    SubscriptionStatus.ACTIVE: "active",
    SubscriptionStatus.NON_RENEWING: "non_renewing",
    SubscriptionStatus.PAUSED: "paused",
    SubscriptionStatus.SUSPENDED: "paused",
    SubscriptionStatus.CANCELLED: "cancelled",
    SubscriptionStatus.EXPIRED: "cancelled",
    SubscriptionStatus.UNKNOWN: "transferred",
}
"""What a fact looks like in Chargebee, which knows neither suspension nor expiry: service stopped for arrears
is ``paused`` with invoices due, a term that ran out is ``cancelled`` with no billing cycles remaining."""

_PERIODS: Mapping[int, tuple[int, str, str]] = {1: (1, "month", "Monthly"), 12: (1, "year", "Yearly")}
"""Months -> billing_period, billing_period_unit and the name Chargebee gives the price."""

_ITEM_FAMILY = "fieldgate-plans"


def seed(store: sqlite3.Connection, world: World) -> None:
    """Creates the tables and fills them."""
    for catalogue in CATALOGUES.values():
        create_table(store, catalogue)
    known = [customer for customer in world.customers if customer.billing_id is not None]
    since = min((customer.created_at for customer in known), default=None)
    opened = 0 if since is None else _unix(since)
    insert(store, CUSTOMERS, (customer_document(customer) for customer in known))
    insert(store, ITEMS, _items(world.plans, opened))
    insert(store, ITEM_PRICES, (_price(plan, code, opened) for plan in world.plans for code in _prices(plan)))
    insert(store, SUBSCRIPTIONS, (subscription_document(fact) for fact in world.subscriptions))


def create_table(store: sqlite3.Connection, catalogue: Catalogue) -> None:
    """Whole documents, in the order in which they were made; indexed attributes are derived from them."""
    columns = "".join(
        f", {name} GENERATED ALWAYS AS (json_extract(document, '{path}')) VIRTUAL"
        for name, path in catalogue.columns.items()
    )
    store.execute(
        f"CREATE TABLE {catalogue.table}"
        f" (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL{columns})"
    )
    for name in catalogue.columns:
        store.execute(f"CREATE INDEX {catalogue.table}_{name} ON {catalogue.table} ({name}, sequence)")


def insert(store: sqlite3.Connection, catalogue: Catalogue, documents: Iterable[Mapping[str, Any]]) -> None:
    """Adds documents; attributes without a value are left out, as Chargebee does."""
    insert_many(
        store,
        catalogue.table,
        ("id", "document"),
        (
            (
                document["id"],
                msgspec.json.encode(
                    {name: value for name, value in document.items() if value is not None}
                ).decode(),
            )
            for document in documents
        ),
    )


def item_price_id(plan: PlanFact, currency: str) -> str:
    """The code of a plan's price: ``team-USD-Yearly``."""
    return f"{_item_id(plan)}-{currency}-{_period(plan)[2]}"


def customer_document(fact: CustomerFact) -> dict[str, Any]:
    """A customer, with the CRM's id in a custom field."""
    first_name, _, last_name = fact.contacts[0].name.partition(" ") if fact.contacts else ("", "", "")
    address = {
        "line1": fact.billing.line1,
        "line2": fact.billing.line2,
        "city": fact.billing.city,
        "state": fact.billing.region,
        "zip": fact.billing.postal_code,
        "country": fact.billing.country,
        "validation_status": "not_validated",
        "object": "billing_address",
    }
    return {
        "id": fact.billing_id,
        "first_name": first_name or None,
        "last_name": last_name or None,
        "email": fact.email,
        "phone": fact.phone,
        "company": fact.name,
        "vat_number": fact.tax_id,
        "auto_collection": "on" if fact.payment_method else "off",
        "net_term_days": fact.payment_terms_days,
        "allow_direct_debit": False,
        "created_at": _unix(fact.created_at),
        "taxability": "taxable",
        "updated_at": _unix(fact.updated_at),
        "resource_version": _unix(fact.updated_at) * 1000,
        "pii_cleared": "active",
        "channel": "web",
        "deleted": False,
        "object": "customer",
        "billing_address": {name: value for name, value in address.items() if value is not None},
        "card_status": "valid" if fact.payment_method else "no_card",
        "promotional_credits": 0,
        "refundable_credits": 0,
        "excess_payments": 0,
        "unbilled_charges": 0,
        "preferred_currency_code": fact.currency,
        "cf_crm_id": fact.crm_id,
    }


def subscription_document(fact: SubscriptionFact) -> dict[str, Any]:
    """A subscription to one plan."""
    status, currency = STATUSES[fact.status], fact.customer.currency
    unit_price = fact.plan.unit_price_minor[currency]
    amount = unit_price * fact.quantity
    count, unit, _ = _period(fact.plan)
    earns = status in ("active", "non_renewing", "in_trial")
    monthly = (Decimal(amount) / fact.plan.period_months).quantize(Decimal(1), ROUND_HALF_EVEN)
    document: dict[str, Any] = {
        "id": fact.id,
        "billing_period": count,
        "billing_period_unit": unit,
        "auto_collection": "on",
        "customer_id": fact.customer.billing_id,
        "status": status,
        "created_at": _unix(fact.created_at),
        "updated_at": _unix(fact.updated_at),
        "resource_version": _unix(fact.updated_at) * 1000,
        "has_scheduled_changes": False,
        "channel": "web",
        "deleted": False,
        "object": "subscription",
        "currency_code": currency,
        "subscription_items": [
            {
                "item_price_id": item_price_id(fact.plan, currency),
                "item_type": "plan",
                "quantity": fact.quantity,
                "unit_price": unit_price,
                "amount": amount,
                "free_quantity": 0,
                "object": "subscription_item",
            }
        ],
        "due_invoices_count": 0,
        "mrr": int(monthly) if earns else 0,
        "has_scheduled_advance_invoices": False,
        "next_billing_at": _unix(fact.next_billing_at),
        "cancelled_at": _unix(fact.cancelled_at),
        "trial_end": _unix(fact.trial_end),
    }
    if fact.trial_end is not None:
        document["trial_start"] = _unix(fact.created_at)
    if status == "future":
        return document | {"start_date": _unix(fact.started_at)}
    document |= {
        "started_at": _unix(fact.started_at),
        "activated_at": None if status == "in_trial" else _unix(fact.trial_end or fact.started_at),
        "current_term_start": _unix(fact.term_start),
        "current_term_end": _unix(fact.term_end - timedelta(seconds=1)),
    }
    return document | _circumstances(fact, amount)


def _circumstances(fact: SubscriptionFact, amount: int) -> dict[str, Any]:
    """What a status brings with it."""
    match fact.status:
        case SubscriptionStatus.PAUSED:
            return {"pause_date": _unix(fact.updated_at)}
        case SubscriptionStatus.SUSPENDED:
            return {
                "pause_date": _unix(fact.updated_at),
                "due_invoices_count": 1,
                "due_since": _unix(fact.term_start),
                "total_dues": amount,
            }
        case SubscriptionStatus.CANCELLED:
            return {"cancel_reason": "not_paid"} if fact.customer.delinquent else {}
        case SubscriptionStatus.EXPIRED:
            return {"cancelled_at": _unix(fact.term_end), "remaining_billing_cycles": 0}
        case _:
            return {}


def _items(plans: Iterable[PlanFact], updated_at: int) -> Iterable[dict[str, Any]]:
    names = {_item_id(plan): plan.name.partition(" ")[0] for plan in plans}
    for item_id, name in names.items():
        yield {
            "id": item_id,
            "name": name,
            "external_name": name,
            "status": "active",
            "resource_version": updated_at * 1000,
            "updated_at": updated_at,
            "item_family_id": _ITEM_FAMILY,
            "type": "plan",
            "is_shippable": False,
            "is_giftable": False,
            "enabled_for_checkout": True,
            "enabled_in_portal": True,
            "item_applicability": "all",
            "metered": False,
            "channel": "web",
            "object": "item",
        }


def _price(plan: PlanFact, currency: str, updated_at: int) -> dict[str, Any]:
    count, unit, _ = _period(plan)
    return {
        "id": item_price_id(plan, currency),
        "name": f"{plan.name} {currency}",
        "external_name": plan.name,
        "item_family_id": _ITEM_FAMILY,
        "item_id": _item_id(plan),
        "item_type": "plan",
        "status": "active",
        "pricing_model": "per_unit",
        "price": plan.unit_price_minor[currency],
        "period": count,
        "period_unit": unit,
        "currency_code": currency,
        "free_quantity": 0,
        "channel": "web",
        "resource_version": updated_at * 1000,
        "updated_at": updated_at,
        "created_at": updated_at,
        "is_taxable": True,
        "object": "item_price",
    }


def _prices(plan: PlanFact) -> Iterable[str]:
    return plan.unit_price_minor


def _item_id(plan: PlanFact) -> str:
    """The product without its period: plans of one family are prices of one item."""
    return plan.code.partition("-")[0]


def _period(plan: PlanFact) -> tuple[int, str, str]:
    months = plan.period_months
    return _PERIODS.get(months, (months, "month", f"Every-{months}-months"))


def _unix(moment: datetime | None) -> Any:
    return None if moment is None else int(moment.timestamp())
