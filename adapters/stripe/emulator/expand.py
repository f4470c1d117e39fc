"""``expand[]``: related objects in place of their ids. https://docs.stripe.com/api/expanding_objects

A path is checked against the types before anything is read, so that a wrong one is refused on an
empty list too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from adapters.stripe.emulator.errors import StripeError
from adapters.stripe.emulator.objects import Document, Objects

_NOTHING = ""
"""The type of a reference that is always null here: applications, reviews, transfers."""

REFERENCES: Mapping[str, Mapping[str, str]] = {
    "customer": {
        "default_source": _NOTHING,
        "invoice_settings.default_payment_method": "payment_method",
        "test_clock": _NOTHING,
    },
    "payment_intent": {
        "application": _NOTHING,
        "customer": "customer",
        "last_payment_error.payment_method.customer": "customer",
        "latest_charge": "charge",
        "on_behalf_of": _NOTHING,
        "payment_method": "payment_method",
        "review": _NOTHING,
        "source": _NOTHING,
    },
    "payment_method": {"customer": "customer"},
    "charge": {
        "application": _NOTHING,
        "application_fee": _NOTHING,
        "balance_transaction": _NOTHING,
        "customer": "customer",
        "failure_balance_transaction": _NOTHING,
        "on_behalf_of": _NOTHING,
        "payment_intent": "payment_intent",
        "review": _NOTHING,
        "source_transfer": _NOTHING,
    },
    "refund": {
        "balance_transaction": _NOTHING,
        "charge": "charge",
        "payment_intent": "payment_intent",
        "source_transfer_reversal": _NOTHING,
        "transfer_reversal": _NOTHING,
    },
    "event": {},
    "balance": {},
}
"""Properties that hold an id, and the type it is of."""

SUBLISTS: Mapping[str, Mapping[str, tuple[str, str]]] = {"charge": {"refunds": ("refund", "charge")}}
"""Lists that are left out unless expanded: the type of their rows, and the column that points back."""

_MAX_LEVELS = 4


def check(kind: str, path: str, *, in_list: bool) -> None:
    """Refuses a path that leads nowhere from ``kind``, as Stripe does."""
    parts = path.split(".")
    if len(parts) > _MAX_LEVELS:
        raise StripeError(f"You cannot expand more than {_MAX_LEVELS} levels of a property.", param="expand")
    if in_list:
        if parts[0] != "data" or len(parts) == 1:
            raise _cannot(parts[0], hint=f"data.{path}" if _valid(kind, parts) else None)
        parts = parts[1:]
    if not _valid(kind, parts):
        raise _cannot(parts[0])


def apply(objects: Objects, document: Document, parts: Sequence[str]) -> None:
    """Replaces the ids that a checked path leads over."""
    kind = str(document.get("object"))
    if parts[0] in SUBLISTS.get(kind, {}):
        sublist = document.get(parts[0])
        if sublist is None:
            sublist = document[parts[0]] = _sublist(objects, document, parts[0])
        for row in sublist["data"] if len(parts) > 2 else ():
            apply(objects, row, parts[2:])
        return
    key, target, rest = _reference(kind, parts) or ("", _NOTHING, ())
    *containers, name = key.split(".")
    holder: Any = document
    for container in containers:
        holder = cast("dict[str, Any]", holder).get(container) or {}
    value = holder.get(name)
    if isinstance(value, str) and target:
        value = holder[name] = objects.get(target, value) or value
    if isinstance(value, dict) and rest:
        apply(objects, cast(Document, value), rest)


def _valid(kind: str, parts: Sequence[str]) -> bool:
    sublist = SUBLISTS.get(kind, {}).get(parts[0])
    if sublist is not None:
        return len(parts) == 1 or (parts[1] == "data" and (len(parts) == 2 or _valid(sublist[0], parts[2:])))
    reference = _reference(kind, parts)
    if reference is None:
        return False
    _, target, rest = reference
    return not rest or (target != _NOTHING and _valid(target, rest))


def _reference(kind: str, parts: Sequence[str]) -> tuple[str, str, Sequence[str]] | None:
    """The property a path begins with, its type, and the path behind it."""
    for length in range(1, len(parts) + 1):
        key = ".".join(parts[:length])
        target = REFERENCES.get(kind, {}).get(key)
        if target is not None:
            return key, target, parts[length:]
    return None


def _sublist(objects: Objects, document: Document, name: str) -> Document:
    kind, column = SUBLISTS[document["object"]][name]
    rows = objects.newest(kind, where={column: document["id"]}, rows=11)
    url = f"/v1/{document['object']}s/{document['id']}/{name}"
    return {"object": "list", "data": rows[:10], "has_more": len(rows) > 10, "url": url}


def _cannot(name: str, *, hint: str | None = None) -> StripeError:
    text = f"This property cannot be expanded ({name})."
    return StripeError(text + (f" You may want to try expanding '{hint}' instead." if hint else ""))
