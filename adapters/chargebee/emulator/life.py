"""What happens on the site by itself: subscriptions renew, convert, are amended, paused and cancelled."""

from __future__ import annotations

import sqlite3
import string
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random

import msgspec

from adapters.chargebee.emulator.catalogue import CUSTOMERS, SUBSCRIPTIONS
from adapters.chargebee.emulator.events import happened
from adapters.chargebee.emulator.operations import operate, save
from adapters.chargebee.emulator.term import Document, bill_next, start_term, value_monthly
from adapters.emulation.life import Happening, pick
from adapters.emulation.store import transaction

_LETTERS = string.ascii_letters + string.digits
_TRIAL_S = 14 * 24 * 3600
_CONSOLE, _CLOCK = "admin_console", "scheduled_job"


def _subscription(
    store: sqlite3.Connection, rng: Random, status: str, *, ends: bool | None = None
) -> Document | None:
    """One in a status; ``ends``: whether its end is set."""
    end = {None: "", True: " AND {} IS NOT NULL", False: " AND {} IS NULL"}[ends]
    end = end.format("json_extract(document, '$.cancelled_at')")
    row = pick(
        store,
        rng,
        f"SELECT document FROM {SUBSCRIPTIONS.table} WHERE status = ?{end} ORDER BY sequence",
        (status,),
    )
    return None if row is None else msgspec.json.decode(row["document"])


def _start_trial(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
    """A customer tries a plan out for two weeks."""
    subscription = _subscription(store, rng, "active", ends=False)
    if subscription is None:
        return None
    begun = int(now)
    subscription |= {
        "id": "".join(rng.choices(_LETTERS, k=16)),
        "status": "in_trial",
        "created_at": begun,
        "started_at": begun,
        "trial_start": begun,
        "trial_end": begun + _TRIAL_S,
        "current_term_start": begun,
        "current_term_end": begun + _TRIAL_S - 1,
        "updated_at": begun,
        "resource_version": int(now * 1000),
        "has_scheduled_changes": False,
    }
    subscription.pop("activated_at", None)
    bill_next(subscription)
    value_monthly(subscription)
    store.execute(
        f"INSERT INTO {SUBSCRIPTIONS.table} (id, document) VALUES (?, ?)",
        (subscription["id"], msgspec.json.encode(subscription).decode()),
    )
    happened(store, "subscription_created", subscription, now, source=_CONSOLE)
    return str(subscription["id"])


def _renew(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
    """The next term begins."""
    subscription = _subscription(store, rng, "active", ends=False)
    if subscription is None:
        return None
    start_term(subscription, int(now))
    return _turn(store, subscription, "subscription_renewed", now)


def _convert(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
    """A trial ends, and the customer stays."""
    subscription = _subscription(store, rng, "in_trial", ends=False)
    if subscription is None:
        return None
    subscription |= {"status": "active", "activated_at": int(now), "trial_end": int(now)}
    start_term(subscription, int(now))
    return _turn(store, subscription, "subscription_activated", now)


def _turn(store: sqlite3.Connection, subscription: Document, event: str, now: float) -> str:
    """Keeps what the clock has made of a subscription."""
    bill_next(subscription)
    value_monthly(subscription)
    save(store, SUBSCRIPTIONS, subscription, now)
    happened(store, event, subscription, now, source=_CLOCK)
    return str(subscription["id"])


def _amend(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
    """A few seats more or fewer."""
    subscription = _subscription(store, rng, "active")
    if subscription is None:
        return None
    item = subscription["subscription_items"][0]
    quantity = max(1, item["quantity"] + rng.choice((-2, -1, 1, 2, 3, 5)))
    form = {
        "subscription_items[item_price_id][0]": item["item_price_id"],
        "subscription_items[quantity][0]": str(quantity),
        "subscription_items[unit_price][0]": str(item["unit_price"]),
    }
    return _operate(store, subscription, "update_for_items", form, now)


def _operation(
    name: str, statuses: Sequence[str], form: Mapping[str, str], *, ends: bool | None = None
) -> _Play:
    """Somebody does it in the site's user interface."""

    def play(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
        subscription = _subscription(store, rng, rng.choice(statuses), ends=ends)
        return None if subscription is None else _operate(store, subscription, name, form, now)

    return play


def _operate(
    store: sqlite3.Connection, subscription: Document, name: str, form: Mapping[str, str], now: float
) -> str | None:
    if name in ("pause", "update_for_items") and subscription["has_scheduled_changes"]:
        return None
    left = operate(store, subscription["id"], name, form.items(), None, now, source=_CONSOLE)
    return None if left == subscription else str(subscription["id"])


def _change_customer(store: sqlite3.Connection, rng: Random, now: float) -> str | None:
    """A new telephone number."""
    row = pick(store, rng, f"SELECT document FROM {CUSTOMERS.table} ORDER BY sequence")
    if row is None:
        return None
    customer: Document = msgspec.json.decode(row["document"])
    customer["phone"] = f"{customer.get('phone', '+1 555 0100 0000')[:-4]}{rng.randrange(10_000):04d}"
    save(store, CUSTOMERS, customer, now)
    happened(store, "customer_changed", customer, now, source=_CONSOLE)
    return str(customer["id"])


_Play = Callable[[sqlite3.Connection, Random, float], str | None]


def _happening(name: str, weight: int, play: _Play) -> Happening:
    def happen(store: sqlite3.Connection, rng: Random) -> str | None:
        with transaction(store):
            return play(store, rng, time.time())

    return Happening(name, weight, happen)


LIFE = (
    _happening("subscription renews", 8, _renew),
    _happening("trial starts", 2, _start_trial),
    _happening("trial converts", 2, _convert),
    _happening("subscription is amended", 3, _amend),
    _happening("subscription is paused", 1, _operation("pause", ("active",), {})),
    _happening("subscription is resumed", 2, _operation("resume", ("paused",), {})),
    _happening(
        "cancellation is scheduled",
        1,
        _operation("cancel_for_items", ("active",), {"end_of_term": "true"}, ends=False),
    ),
    _happening(
        "subscription is cancelled", 1, _operation("cancel_for_items", ("non_renewing", "active"), {})
    ),
    _happening("subscription is reactivated", 2, _operation("reactivate", ("cancelled",), {})),
    _happening("customer changes", 2, _change_customer),
)
