"""What happens in the org by itself: somebody in sales works on an account."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from adapters.emulation.life import Happening, pick
from adapters.salesforce.emulator.changes import Changes
from adapters.salesforce.emulator.objects import entity_named

_ACCOUNTS = (
    'SELECT * FROM salesforce_account WHERE "Id" NOT IN (SELECT id FROM salesforce_lock)'
    ' AND {} ORDER BY "CreatedDate", "Id"'
)

_NEXT: Mapping[str, tuple[str, ...]] = {
    "Prospect": ("Active",),
    "Active": ("Suspended", "Churned"),
    "Suspended": ("Active", "Churned"),
    "Churned": ("Prospect",),
}
"""Where an account's status goes from where it is."""


def _happening(
    name: str, weight: int, where: str, change: Callable[[sqlite3.Row, Random], Mapping[str, Any]]
) -> Happening:
    def happen(store: sqlite3.Connection, rng: Random) -> str | None:
        row = pick(store, rng, _ACCOUNTS.format(where))
        if row is None:
            return None
        Changes(store).update(entity_named("Account"), row["Id"], change(row, rng), {})
        return str(row["Id"])

    return Happening(name, weight, happen)


def _phone(row: sqlite3.Row, rng: Random) -> Mapping[str, Any]:
    return {"Phone": f"{(row['Phone'] or '+1 555 0100 0000')[:-4]}{rng.randrange(10_000):04d}"}


def _status(row: sqlite3.Row, rng: Random) -> Mapping[str, Any]:
    return {"Customer_Status__c": rng.choice(_NEXT[row["Customer_Status__c"]])}


_STATUSES = ", ".join(f"'{status}'" for status in _NEXT)

LIFE = (
    _happening("customer changes", 3, "1", _phone),
    _happening("customer's status changes", 1, f'"Customer_Status__c" IN ({_STATUSES})', _status),
)
