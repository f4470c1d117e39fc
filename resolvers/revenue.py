"""Customer.recurringRevenue: the sum of what its running subscriptions bring in a month."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from adapters.contracts.errors import SystemFault
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.values import Money
from adapters.contracts.vocabulary import SubscriptionStatus, System
from resolvers.entity import Entity
from resolvers.errors import fault_of

if TYPE_CHECKING:
    from resolvers.context import RequestContext

RUNNING = frozenset(
    {SubscriptionStatus.ACTIVE, SubscriptionStatus.NON_RENEWING, SubscriptionStatus.SUSPENDED}
)
"""Statuses that are billed. A trial, a pause, what is over and what has not begun bring nothing yet."""


async def recurring_revenue(context: RequestContext, customer: Entity) -> Money | None:
    """Null where nothing is running, and where currencies differ: a sum over them would be no amount."""
    try:
        subscriptions = await context.all_related(customer, "subscriptions")
        loaded = [each.loaded(System.SUBSCRIPTIONS) for each in subscriptions.nodes]
        return total_of([found for found in loaded if found is not None])
    except SystemFault as error:
        raise fault_of(error, System.SUBSCRIPTIONS) from error


def total_of(subscriptions: Iterable[tuple[Row, FieldMap]]) -> Money | None:
    """What running subscriptions bring in a month. Raises ``SystemFault`` for a row that cannot be read."""
    amounts: list[Money] = [
        money
        for row, fields in subscriptions
        if fields.read(row, "status") in RUNNING and (money := fields.read(row, "recurring_revenue"))
    ]
    currencies = {money.currency for money in amounts}
    if len(currencies) != 1:
        return None
    return Money(sum((money.amount for money in amounts), Decimal(0)), currencies.pop())
