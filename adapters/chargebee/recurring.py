"""What a subscription is worth each month, and how long its billing period is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.contracts.convert import MINOR_DIGITS
from adapters.contracts.values import Money

MONTHS: Mapping[str, int] = {"month": 1, "year": 12}
"""Whole months in a billing period unit, for those that have them."""

PERIODS_A_YEAR: Mapping[str, int] = {"day": 365, "week": 52, "month": 12, "year": 1}

VALUED_BY_VENDOR = frozenset({"active", "non_renewing"})
"""Statuses in which ``mrr`` is what the subscription brings. Elsewhere it is 0, or depends on how the site
counts trials, while what was contracted still stands in the items."""

Record = Mapping[str, Any]


def period_months(subscription: Record) -> int | None:
    """Months from one bill to the next; None for periods of days or weeks."""
    count, unit = subscription.get("billing_period"), subscription.get("billing_period_unit")
    months = MONTHS.get(unit or "")
    return None if months is None or count is None else months * count


def monthly_value(subscription: Record) -> Money | None:
    """Recurring revenue of one month, rounded half-even to the currency's smallest unit.

    ``mrr`` where the site computes it (it knows coupons), else the sum of the recurring items. Subscription
    attributes: https://apidocs.chargebee.com/docs/api/subscriptions/subscription-object
    """
    currency = subscription.get("currency_code")
    if currency is None:
        return None
    digits = MINOR_DIGITS.get(currency, 2)
    mrr = subscription.get("mrr")
    if mrr is not None and subscription.get("status") in VALUED_BY_VENDOR:
        return Money(Decimal(mrr).scaleb(-digits), currency)
    total = Decimal(0)
    for item in subscription.get("subscription_items") or ():
        if item.get("item_type") == "charge":
            continue
        count = item.get("billing_period") or subscription.get("billing_period")
        unit = item.get("billing_period_unit") or subscription.get("billing_period_unit")
        amount = item_amount(item, digits)
        if amount is None or not count or (periods := PERIODS_A_YEAR.get(unit or "")) is None:
            return None
        total += amount * periods / (12 * count)
    return Money(total.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN), currency)


def item_amount(item: Record, digits: int) -> Decimal | None:
    """What an item costs for one billing period, in major units.

    ``amount`` knows tiers and free units; ``*_in_decimal`` are major units in a text, and are there
    where the site has multi-decimal pricing.
    """
    if (text := item.get("amount_in_decimal")) is not None:
        return Decimal(text)
    if (minor := item.get("amount")) is not None:
        return Decimal(minor).scaleb(-digits)
    price = item_price(item, digits)
    quantity = item_quantity(item)
    return None if price is None else price * (1 if quantity is None else quantity)


def item_price(item: Record, digits: int) -> Decimal | None:
    """The price of one unit for one billing period, in major units; None for tiered prices."""
    if (text := item.get("unit_price_in_decimal")) is not None:
        return Decimal(text)
    minor = item.get("unit_price")
    return None if minor is None else Decimal(minor).scaleb(-digits)


def item_quantity(item: Record) -> Decimal | None:
    """Units, which need not be whole where the site has multi-decimal pricing."""
    text = item.get("quantity_in_decimal")
    quantity = item.get("quantity") if text is None else text
    return None if quantity is None else Decimal(quantity)
