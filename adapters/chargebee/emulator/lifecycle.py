"""Pausing, resuming, cancelling and reactivating a subscription.

From the operations' own pages under https://apidocs.chargebee.com/docs/api/subscriptions: which status each
needs, and what it changes. Immediate and end-of-term forms are here, dates of one's own choosing are not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from adapters.chargebee.emulator.parameters import Form, choice, flag, number, text
from adapters.chargebee.emulator.problem import Problem, wrong
from adapters.chargebee.emulator.scheduled import unschedule
from adapters.chargebee.emulator.term import Document, bill_next, start_term, value_monthly

REASON_CODES = ("Too expensive", "Not used", "Moved to a competitor")
"""The site's reason codes for cancelling."""

PAUSE = Form({"pause_option": choice("immediately")})
RESUME = Form({"resume_option": choice("immediately")})
CANCEL = Form(
    {
        "end_of_term": flag,
        "cancel_option": choice("immediately", "end_of_term"),
        "cancel_reason_code": text,
    }
)
REACTIVATE = Form({"trial_end": number(0), "invoice_immediately": flag})
KEEP = Form()


def pause(store: sqlite3.Connection, subscription: Document, given: Document, now: int) -> None:
    require(subscription, ("active", "non_renewing"))
    if subscription["has_scheduled_changes"]:
        raise Problem(409, "The subscription has scheduled changes.", kind="operation_failed")
    subscription |= {"status": "paused", "pause_date": now}
    _settle(subscription)


def resume(store: sqlite3.Connection, subscription: Document, given: Document, now: int) -> None:
    require(subscription, ("paused",))
    ends = subscription.get("cancelled_at")
    subscription["status"] = "active" if ends is None else "non_renewing"
    _forget(subscription, "pause_date", "resume_date")
    if subscription["current_term_end"] < now:
        start_term(subscription, now)
    _settle(subscription)


def cancel(store: sqlite3.Connection, subscription: Document, given: Document, now: int) -> None:
    reason = given.get("cancel_reason_code")
    if reason is not None and reason not in REASON_CODES:
        raise wrong("cancel_reason_code", "is not one of the site's reason codes")
    at_end = given.get("end_of_term", given.get("cancel_option") == "end_of_term")
    if at_end:
        require(subscription, ("in_trial", "active"))
        if subscription.get("cancelled_at") is not None:
            raise Problem(409, "The subscription is already to be cancelled.")
        trial = subscription["status"] == "in_trial"
        subscription["cancelled_at"] = (
            subscription["trial_end"] if trial else subscription["current_term_end"] + 1
        )
        subscription["cancel_schedule_created_at"] = now
        subscription["remaining_billing_cycles"] = 0
        subscription["status"] = "in_trial" if trial else "non_renewing"
    else:
        require(subscription, ("future", "in_trial", "active", "non_renewing", "paused"))
        if subscription["status"] != "future":
            subscription["current_term_end"] = now
        subscription |= {"status": "cancelled", "cancelled_at": now}
        _forget(subscription, "pause_date", "resume_date", "cancel_schedule_created_at")
    if reason is not None:
        subscription["cancel_reason_code"] = reason
    unschedule(store, subscription)
    _settle(subscription)


def reactivate(store: sqlite3.Connection, subscription: Document, given: Document, now: int) -> None:
    require(subscription, ("cancelled",))
    trial_end = given.get("trial_end", 0)
    subscription["status"] = "in_trial" if trial_end > now else "active"
    if trial_end > now:
        subscription |= {"trial_start": now, "trial_end": trial_end}
    else:
        subscription["activated_at"] = now
    subscription.setdefault("started_at", now)
    keep(subscription)
    start_term(subscription, now)
    _settle(subscription)


def remove_scheduled_cancellation(
    store: sqlite3.Connection, subscription: Document, given: Document, now: int
) -> None:
    require(subscription, ("in_trial", "active", "non_renewing"))
    if subscription.get("cancelled_at") is None:
        raise Problem(409, "The subscription is not to be cancelled.")
    if subscription["status"] == "non_renewing":
        subscription["status"] = "active"
    keep(subscription)
    _settle(subscription)


def require(subscription: Document, statuses: Collection[str]) -> None:
    """Refuses what the subscription's status does not allow."""
    if (status := subscription["status"]) not in statuses:
        raise Problem(409, f"The operation is not possible for a subscription that is {status}.")


def keep(subscription: Document) -> None:
    """Takes back that it is cancelled, or is to be."""
    _forget(
        subscription,
        "cancelled_at",
        "cancel_reason",
        "cancel_reason_code",
        "cancel_schedule_created_at",
        "remaining_billing_cycles",
    )


def _settle(subscription: Document) -> None:
    """What follows from a status."""
    bill_next(subscription)
    value_monthly(subscription)


def _forget(subscription: Document, *names: str) -> None:
    for name in names:
        subscription.pop(name, None)
