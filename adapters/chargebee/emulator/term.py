"""Billing terms of a subscription document: when one ends, what it brings each month."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

Document = dict[str, Any]

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}
_PERIODS_A_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}
EARNING = frozenset({"active", "non_renewing", "in_trial"})


def start_term(subscription: Document, now: int) -> None:
    """A new term that begins now."""
    following = _after(now, subscription["billing_period"], subscription["billing_period_unit"])
    subscription["current_term_start"] = now
    subscription["current_term_end"] = following - 1


def bill_next(subscription: Document) -> None:
    """Sets the next bill: at the end of the trial or the term; none for what will not renew."""
    following = {
        "future": lambda: subscription["start_date"],
        "in_trial": lambda: subscription["trial_end"],
        "active": lambda: subscription["current_term_end"] + 1,
    }.get(subscription["status"])
    if following is None or subscription.get("cancelled_at") is not None:
        subscription.pop("next_billing_at", None)
    else:
        subscription["next_billing_at"] = following()


def value_monthly(subscription: Document) -> None:
    """Sets ``mrr``: the items for one month in minor units, 0 where nothing is earned."""
    subscription["mrr"] = 0
    if subscription["status"] in EARNING:
        amount = sum(item["amount"] for item in subscription["subscription_items"])
        a_year = Decimal(amount * _PERIODS_A_YEAR[subscription["billing_period_unit"]])
        monthly = a_year / (12 * subscription["billing_period"])
        subscription["mrr"] = int(monthly.quantize(Decimal(1), ROUND_HALF_EVEN))


def _after(start: int, count: int, unit: str) -> int:
    moment = datetime.fromtimestamp(start, UTC)
    if unit in _DAYS:
        return int((moment + timedelta(days=count * _DAYS[unit])).timestamp())
    year, month = divmod(moment.year * 12 + moment.month - 1 + count * _MONTHS[unit], 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())
