"""The account's balance: what was charged, less what was given back."""

from __future__ import annotations

from adapters.stripe.emulator import documents
from adapters.stripe.emulator.objects import Objects


def move_funds(objects: Objects, currency: str, amount: int) -> None:
    """Adds minor units to what is available; a refund takes them away."""
    balance = objects.get("balance", "balance") or documents.balance({})
    available = {funds["currency"]: funds["amount"] for funds in balance["available"]}
    available[currency] = available.get(currency, 0) + amount
    objects.replace(documents.balance(available))
