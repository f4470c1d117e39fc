"""Changing the items of a subscription, now or at the end of its term.

https://apidocs.chargebee.com/docs/api/subscriptions/update-subscription-for-items
"""

from __future__ import annotations

import sqlite3

import msgspec

from adapters.chargebee.emulator.lifecycle import keep, require
from adapters.chargebee.emulator.parameters import Form, choice, flag, number, text
from adapters.chargebee.emulator.problem import Problem, wrong
from adapters.chargebee.emulator.scheduled import schedule, unschedule
from adapters.chargebee.emulator.term import Document, bill_next, start_term, value_monthly

ITEMS = "subscription_items"

UPDATE = Form(
    {
        "replace_items_list": flag,
        "end_of_term": flag,
        "change_option": choice("immediately", "end_of_term"),
        "reactivate": flag,
        "prorate": flag,
        "invoice_immediately": flag,
    },
    {ITEMS: {"item_price_id": text, "quantity": number(1), "unit_price": number(0)}},
)
REMOVE = Form()


def update_for_items(store: sqlite3.Connection, subscription: Document, given: Document, now: int) -> None:
    """Where the plan has another billing period, a new term begins at once.

    A cancelled subscription starts again if it is changed, unless ``reactivate`` is false.
    """
    at_end = given.get("end_of_term", given.get("change_option") == "end_of_term")
    allowed = (
        ("in_trial", "active") if at_end else ("future", "in_trial", "active", "non_renewing", "cancelled")
    )
    require(subscription, allowed)
    wanted = _changed(store, subscription, given)
    if at_end:
        schedule(store, subscription, wanted)
        return
    unschedule(store, subscription)
    if all(subscription[name] == value for name, value in wanted.items()):
        return
    period = subscription["billing_period"], subscription["billing_period_unit"]
    subscription |= wanted
    if subscription["status"] == "cancelled" and given.get("reactivate", True):
        subscription["status"] = "active"
        keep(subscription)
        start_term(subscription, now)
    elif subscription["status"] in ("active", "non_renewing") and period != (
        wanted["billing_period"],
        wanted["billing_period_unit"],
    ):
        start_term(subscription, now)
    bill_next(subscription)
    value_monthly(subscription)


def remove_scheduled_changes(
    store: sqlite3.Connection, subscription: Document, given: Document, now: int
) -> None:
    if not subscription["has_scheduled_changes"]:
        raise Problem(409, "The subscription has no scheduled changes.")
    unschedule(store, subscription)


def _changed(store: sqlite3.Connection, subscription: Document, given: Document) -> Document:
    """The attributes that the items bring: the items themselves and the plan's billing period."""
    kept: list[Document] = [] if given.get("replace_items_list") else list(subscription[ITEMS])
    plan_price: Document | None = None
    for index, row in sorted(given.get(ITEMS, {}).items()):
        price = _price(store, subscription, index, row)
        old = _replaced(kept, price)
        item = _item(price, row, old)
        kept = [item if each is old else each for each in kept] if old is not None else [*kept, item]
        if price["item_type"] == "plan":
            plan_price = price
    if [item["item_type"] for item in kept].count("plan") != 1:
        raise wrong(f"{ITEMS}[item_price_id][0]", "a subscription has one plan")
    period = subscription if plan_price is None else plan_price
    return {
        ITEMS: kept,
        "billing_period": period["billing_period" if plan_price is None else "period"],
        "billing_period_unit": period["billing_period_unit" if plan_price is None else "period_unit"],
    }


def _price(store: sqlite3.Connection, subscription: Document, index: int, row: Document) -> Document:
    name = f"{ITEMS}[item_price_id][{index}]"
    if "item_price_id" not in row:
        raise wrong(name, "cannot be blank")
    found = store.execute(
        "SELECT document FROM chargebee_item_price WHERE id = ?", (row["item_price_id"],)
    ).fetchone()
    price: Document | None = None if found is None else msgspec.json.decode(found["document"])
    if price is None or price["status"] != "active":
        raise Problem(404, f"{row['item_price_id']} not found", param=name)
    if price["currency_code"] != subscription["currency_code"]:
        raise wrong(name, f"the subscription is billed in {subscription['currency_code']}")
    return price


def _replaced(items: list[Document], price: Document) -> Document | None:
    """The item whose place the new one takes: there is one plan, and one item of each price."""
    same = "item_type" if price["item_type"] == "plan" else "item_price_id"
    value = price["item_type"] if same == "item_type" else price["id"]
    return next((item for item in items if item[same] == value), None)


def _item(price: Document, row: Document, old: Document | None) -> Document:
    """The reference does not say which quantity a plan starts with that comes without one; here it is 1."""
    same = old is not None and old["item_price_id"] == price["id"]
    quantity = row.get("quantity", old["quantity"] if same and old is not None else 1)
    unit_price = row.get("unit_price", price["price"])
    return {
        "item_price_id": price["id"],
        "item_type": price["item_type"],
        "quantity": quantity,
        "unit_price": unit_price,
        "amount": unit_price * quantity,
        "free_quantity": 0,
        "object": "subscription_item",
    }
