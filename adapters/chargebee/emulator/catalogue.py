"""What each list offers: its parameters with their operators, its orders, its table.

From the reference's list operations, for example
https://apidocs.chargebee.com/docs/api/subscriptions/list-subscriptions; tested against the types of the
official SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """A kind of filter, and the operators it takes."""

    TEXT = frozenset({"is", "is_not", "starts_with", "in", "not_in", "is_present"})
    CHOICE = frozenset({"is", "is_not", "in", "not_in", "is_present"})
    NUMBER = frozenset({"is", "is_not", "lt", "lte", "gt", "gte", "between", "is_present"})
    TIME = frozenset({"after", "before", "on", "between", "is_present"})
    FLAG = frozenset({"is", "is_present"})


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter: where its value is in the document, and, for a choice, which values there are."""

    kind: Kind
    sql: str
    choices: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One list operation.

    columns: attributes that have a generated column with an index, all others are read from the document.
    sorts:   attributes for ``sort_by``; the first is the default, newest first.
    """

    path: str
    resource: str
    filters: Mapping[str, Filter]
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    sorts: tuple[str, ...] = ("created_at", "updated_at")

    @property
    def table(self) -> str:
        return f"chargebee_{self.resource}"


def _filters(columns: Mapping[str, str], **kinds: Kind | tuple[str, ...]) -> dict[str, Filter]:
    filters: dict[str, Filter] = {}
    for name, kind in kinds.items():
        sql = name if name in columns or name == "id" else f"json_extract(document, '$.{name}')"
        if isinstance(kind, tuple):
            filters[name] = Filter(Kind.CHOICE, sql, frozenset(kind))
        else:
            filters[name] = Filter(kind, sql)
    return filters


_STAMPS = {"created_at": "$.created_at", "updated_at": "$.updated_at"}
_COLLECTION = ("on", "off")
_OFFLINE = (
    "no_preference",
    "cash",
    "check",
    "bank_transfer",
    "ach_credit",
    "sepa_credit",
    "boleto",
    "custom",
)
_CHANNELS = ("web", "app_store", "play_store")
_CATALOGUE_STATUS = ("active", "archived", "deleted")

_CUSTOMER_COLUMNS = {**_STAMPS, "email": "$.email"}
CUSTOMERS = Catalogue(
    "customers",
    "customer",
    _filters(
        _CUSTOMER_COLUMNS,
        id=Kind.TEXT,
        first_name=Kind.TEXT,
        last_name=Kind.TEXT,
        email=Kind.TEXT,
        company=Kind.TEXT,
        phone=Kind.TEXT,
        auto_collection=_COLLECTION,
        taxability=("taxable", "exempt"),
        created_at=Kind.TIME,
        updated_at=Kind.TIME,
        offline_payment_method=_OFFLINE,
        auto_close_invoices=Kind.FLAG,
        channel=_CHANNELS,
        business_entity_id=Kind.TEXT,
    ),
    _CUSTOMER_COLUMNS,
)

_SUBSCRIPTION_COLUMNS = {
    **_STAMPS,
    "customer_id": "$.customer_id",
    "status": "$.status",
    "next_billing_at": "$.next_billing_at",
    # The plan's item is the first of a subscription's items.
    "item_price_id": "$.subscription_items[0].item_price_id",
}
SUBSCRIPTIONS = Catalogue(
    "subscriptions",
    "subscription",
    {
        **_filters(
            _SUBSCRIPTION_COLUMNS,
            id=Kind.TEXT,
            customer_id=Kind.TEXT,
            item_price_id=Kind.TEXT,
            status=("future", "in_trial", "active", "non_renewing", "paused", "cancelled", "transferred"),
            cancel_reason=(
                "not_paid",
                "no_card",
                "fraud_review_failed",
                "non_compliant_eu_customer",
                "tax_calculation_failed",
                "currency_incompatible_with_gateway",
                "non_compliant_customer",
            ),
            cancel_reason_code=Kind.TEXT,
            remaining_billing_cycles=Kind.NUMBER,
            created_at=Kind.TIME,
            activated_at=Kind.TIME,
            next_billing_at=Kind.TIME,
            cancelled_at=Kind.TIME,
            has_scheduled_changes=Kind.FLAG,
            updated_at=Kind.TIME,
            offline_payment_method=_OFFLINE,
            auto_close_invoices=Kind.FLAG,
            override_relationship=Kind.FLAG,
            business_entity_id=Kind.TEXT,
            channel=_CHANNELS,
        ),
        "item_id": Filter(
            Kind.TEXT,
            "(SELECT json_extract(price.document, '$.item_id') FROM chargebee_item_price price"
            " WHERE price.id = chargebee_subscription.item_price_id)",
        ),
    },
    _SUBSCRIPTION_COLUMNS,
)

ITEMS = Catalogue(
    "items",
    "item",
    _filters(
        _STAMPS,
        id=Kind.TEXT,
        item_family_id=Kind.TEXT,
        type=("plan", "addon", "charge"),
        name=Kind.TEXT,
        item_applicability=("all", "restricted"),
        status=_CATALOGUE_STATUS,
        is_giftable=Kind.FLAG,
        updated_at=Kind.TIME,
        enabled_for_checkout=Kind.FLAG,
        enabled_in_portal=Kind.FLAG,
        metered=Kind.FLAG,
        usage_calculation=("sum_of_usages", "last_usage", "max_usage"),
        channel=_CHANNELS,
    ),
    _STAMPS,
    sorts=("updated_at", "name", "id"),
)

ITEM_PRICES = Catalogue(
    "item_prices",
    "item_price",
    _filters(
        _STAMPS,
        id=Kind.TEXT,
        name=Kind.TEXT,
        pricing_model=("flat_fee", "per_unit", "tiered", "volume", "stairstep"),
        item_id=Kind.TEXT,
        item_family_id=Kind.TEXT,
        item_type=("plan", "addon", "charge"),
        currency_code=Kind.TEXT,
        status=_CATALOGUE_STATUS,
        updated_at=Kind.TIME,
        period_unit=("day", "week", "month", "year"),
        period=Kind.NUMBER,
        channel=_CHANNELS,
    ),
    _STAMPS,
    sorts=("updated_at", "name", "id"),
)

EVENTS = Catalogue(
    "events",
    "event",
    _filters(
        {"occurred_at": "$.occurred_at"},
        id=Kind.TEXT,
        webhook_status=("not_configured", "scheduled", "succeeded", "re_scheduled", "failed", "skipped"),
        event_type=Kind.TEXT,
        source=("admin_console", "api", "scheduled_job", "hosted_page", "portal", "system", "none"),
        occurred_at=Kind.TIME,
    ),
    {"occurred_at": "$.occurred_at"},
    sorts=("occurred_at",),
)

CATALOGUES = {
    catalogue.path: catalogue for catalogue in (CUSTOMERS, SUBSCRIPTIONS, ITEMS, ITEM_PRICES, EVENTS)
}
"""Path of a list -> what it offers."""
