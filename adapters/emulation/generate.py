"""Makes a world: the same one for the same seed, number of customers and day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random

from adapters.emulation.customers import ENTITIES, make_customers
from adapters.emulation.invoices import make_invoices
from adapters.emulation.subscriptions import PLANS, make_subscriptions
from adapters.emulation.world import World


def generate(seed: int = 7, customers: int = 500, today: date | None = None) -> World:
    """A company's business as of ``today`` (UTC). 500 customers have about 1,500 subscriptions, 12,000
    invoices and 14,000 payments; from 40 customers on, every status occurs but UNKNOWN.
    """
    today = today or datetime.now(UTC).date()
    # Each part draws from a stream of its own, so that a change to one leaves the others as they were.
    known = tuple(make_customers(Random(f"{seed}/customers"), customers, today))
    billed = make_subscriptions(Random(f"{seed}/subscriptions"), known, today)
    invoices, payments = make_invoices(Random(f"{seed}/invoices"), billed, today)
    return World(
        seed=seed,
        today=today,
        entities=ENTITIES,
        plans=PLANS,
        customers=known,
        subscriptions=tuple(entry.subscription for entry in billed),
        invoices=tuple(invoices),
        payments=tuple(payments),
    )
