"""The field map of a subscription (https://apidocs.chargebee.com/docs/api/subscriptions/subscription-object).

A row is the list's envelope. It carries the customer too, so the customer's id in the CRM costs no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.chargebee.recurring import item_price, item_quantity, monthly_value, period_months
from adapters.chargebee.resource import before, one_of, since
from adapters.contracts.convert import (
    MINOR_DIGITS,
    date_from_unix,
    money_from_decimal,
    status_from,
    utc_from_unix,
    vendor_values,
)
from adapters.contracts.errors import Rejected, Unsupported
from adapters.contracts.fields import Field, FieldMap, Op, Row
from adapters.contracts.values import Money, Period, Plan
from adapters.contracts.vocabulary import SubscriptionStatus

STATUSES: Mapping[str, SubscriptionStatus] = {
    "future": SubscriptionStatus.FUTURE,
    "in_trial": SubscriptionStatus.TRIAL,
    "active": SubscriptionStatus.ACTIVE,
    "non_renewing": SubscriptionStatus.NON_RENEWING,
    "paused": SubscriptionStatus.PAUSED,
    "cancelled": SubscriptionStatus.CANCELLED,
}
"""Chargebee's ``status``, one to one, so that a filter finds exactly what reads as the status.

Chargebee has no suspension: a subscription in arrears stays ``active`` with ``due_invoices_count`` until it
is paused or cancelled. It has no expiry either: one whose billing cycles or contract term have run out is
``cancelled``. ``transferred`` (to another business entity) has no canonical counterpart and is UNKNOWN.
"""


def _of(name: str) -> Callable[[Row], Any]:
    return lambda row: row["subscription"].get(name)


def _customer(row: Row) -> Row:
    return row.get("customer") or {}


def _day(name: str) -> Callable[[Row], Any]:
    return lambda row: date_from_unix(row["subscription"].get(name))


def plan_item(row: Row) -> Mapping[str, Any] | None:
    """The one item of a subscription that is a plan; what is written of it is named as it is read."""
    items = row["subscription"].get("subscription_items") or ()
    return next((item for item in items if item.get("item_type") == "plan"), None)


def _plan_code(row: Row) -> str | None:
    item = plan_item(row)
    return None if item is None else item["item_price_id"]


def _plan(row: Row) -> Plan | None:
    """``name`` stays None: a subscription does not carry it, and item prices would be another call."""
    code = _plan_code(row)
    return None if code is None else Plan(code, None, period_months(row["subscription"]))


def _quantity(row: Row) -> int | None:
    """Whole units. A fraction of one (multi-decimal pricing) has no canonical form and is None."""
    item = plan_item(row)
    quantity = None if item is None else item_quantity(item)
    return int(quantity) if quantity is not None and quantity == int(quantity) else None


def _unit_price(row: Row) -> Money | None:
    item, currency = plan_item(row), row["subscription"].get("currency_code")
    if item is None or currency is None:
        return None
    return money_from_decimal(item_price(item, MINOR_DIGITS.get(currency, 2)), currency)


def _current_term(row: Row) -> Period | None:
    """``current_term_end`` is the term's last second, one before the next bill."""
    term = Period(_day("current_term_start")(row), _day("current_term_end")(row))
    return None if term == Period() else term


def _started_on(row: Row) -> Any:
    """One that has not started has ``start_date`` in place of ``started_at``."""
    subscription = row["subscription"]
    return date_from_unix(subscription.get("started_at") or subscription.get("start_date"))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Rejected(f"{name} takes a text that is not empty", vendor_code="bad_value")
    return value


def _whole(name: str, value: Any) -> str:
    """Whole units in the form of the wire; how few there may be is for Chargebee to say."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Rejected(f"{name} takes a whole number", vendor_code="bad_value")
    return str(value)


def _with_status(wanted: tuple[SubscriptionStatus, ...]) -> Mapping[str, str]:
    missing = [status.value for status in wanted if status not in STATUSES.values()]
    if missing:
        raise Unsupported(f"Chargebee subscriptions have no status {', '.join(missing)}")
    return one_of("status", tuple(vendor_values(STATUSES, wanted)))


def subscription_fields(customer_in_crm: str) -> FieldMap:
    """``customer_in_crm`` names the customer's custom field with the CRM's id."""
    return FieldMap(
        "Chargebee subscriptions",
        (
            Field("id", ("id",), _of("id"), filters={Op.IN: lambda ids: one_of("id", ids)}),
            Field(
                "customer_in_subscriptions",
                ("customer_id",),
                _of("customer_id"),
                filters={Op.IN: lambda ids: one_of("customer_id", ids)},
            ),
            Field(
                "customer_in_crm",
                (f"customer.{customer_in_crm}",),
                lambda row: _customer(row).get(customer_in_crm),
            ),
            # Chargebee's user interface shows the id; there is no other number.
            Field("number", ("id",), _of("id")),
            Field(
                "status",
                ("status",),
                lambda row: status_from(
                    STATUSES, row["subscription"].get("status"), SubscriptionStatus.UNKNOWN
                ),
                filters={Op.IN: _with_status},
            ),
            Field("plan", ("subscription_items", "billing_period", "billing_period_unit"), _plan),
            Field(
                "plan_code",
                ("subscription_items",),
                _plan_code,
                write=lambda code: {"item_price_id": _text("plan_code", code)},
                filters={Op.IN: lambda codes: one_of("item_price_id", codes)},
            ),
            Field(
                "quantity",
                ("subscription_items",),
                _quantity,
                write=lambda quantity: {"quantity": _whole("quantity", quantity)},
            ),
            Field("unit_price", ("subscription_items", "currency_code"), _unit_price),
            Field(
                "recurring_revenue",
                (
                    "mrr",
                    "status",
                    "currency_code",
                    "subscription_items",
                    "billing_period",
                    "billing_period_unit",
                ),
                lambda row: monthly_value(row["subscription"]),
            ),
            Field("started_on", ("started_at", "start_date"), _started_on),
            Field("trial_ends_on", ("trial_end",), _day("trial_end")),
            Field("current_term", ("current_term_start", "current_term_end"), _current_term),
            Field(
                "next_billing_on",
                ("next_billing_at",),
                _day("next_billing_at"),
                filters={Op.BEFORE: lambda day: before("next_billing_at", day)},
            ),
            Field("cancelled_on", ("cancelled_at",), _day("cancelled_at")),
            Field(
                "created_at",
                ("created_at",),
                lambda row: utc_from_unix(row["subscription"].get("created_at")),
            ),
            Field(
                "updated_at",
                ("updated_at",),
                lambda row: utc_from_unix(row["subscription"].get("updated_at")),
                filters={Op.SINCE: lambda moment: since("updated_at", moment)},
            ),
        ),
    )
