"""The marker that a write leaves in the metadata of what it makes, and how it is found again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.contracts.fields import Row
from adapters.http import Params
from adapters.stripe.client import MAX_ROWS, StripeClient

MARKER = "fieldgate_command"
"""Metadata key of payment intents and refunds that holds ``Write.key``."""

LOOK_BACK_S = 30 * 24 * 3600
"""How far back an attempt is looked for: as long as Stripe lists its events."""


def marking(key: str) -> tuple[str, str]:
    """The form field that marks what is made."""
    return f"metadata[{MARKER}]", key


async def find_marked(client: StripeClient, path: str, params: Params, key: str) -> Row | None:
    """The newest object of a list that is marked with the key."""
    async for row in newest(client, path, params):
        if row["metadata"].get(MARKER) == key:
            return row
    return None


async def newest(client: StripeClient, path: str, params: Params) -> AsyncIterator[Row]:
    """Every row of a list, newest first; none where the object it is filtered by does not exist.

    Lists by customer or payment intent show what was just made; Stripe's search does not, for a minute.
    """
    after: list[tuple[str, str]] = []
    while True:
        page = await client.list(path, [("limit", str(MAX_ROWS)), *params, *after])
        if page is None:
            return
        for row in page.rows:
            yield row
        if not page.has_more or not page.rows:
            return
        after = [("starting_after", str(page.rows[-1]["id"]))]
