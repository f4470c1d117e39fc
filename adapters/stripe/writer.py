"""Writes to Stripe: collecting a payment, trying it again, giving it back.

Each is one POST with ``Write.key`` as ``Idempotency-Key``. Stripe gives a key's first answer again for at
least 24 hours (https://docs.stripe.com/api/idempotent_requests), so that a write that is sent again within
them is not done again, whatever was read meanwhile. An answer of 500 that Stripe itself gave is kept as well:
it is repeated until the key is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from adapters.contracts.errors import Unsupported
from adapters.contracts.fields import FieldMap
from adapters.contracts.writes import Settled, Verb, Write, Writer
from adapters.stripe.client import StripeClient
from adapters.stripe.collection import Collection
from adapters.stripe.refund import Refund
from adapters.stripe.retry import Retry

Clock = Callable[[], float]


class StripeWriter(Writer):
    """The writes of one account. Stripe has no way to refuse a stale one."""

    def __init__(self, client: StripeClient, payments: FieldMap, clock: Clock = time.time) -> None:
        self._verbs: Mapping[Verb, Collection | Retry | Refund] = {
            Verb.COLLECT_PAYMENT: Collection(client, payments, clock),
            Verb.RETRY_PAYMENT: Retry(client, clock),
            Verb.REFUND_PAYMENT: Refund(client),
        }
        self.verbs = frozenset(self._verbs)

    async def perform(self, write: Write) -> str:
        """Gives the payment intent's id. One whose charge was declined is a payment too: a failed one."""
        return await self._of(write).perform(write)

    async def settle(self, write: Write) -> Settled:
        """By a marker in the metadata, or by the key in Stripe's events; each class says how sure it is."""
        return await self._of(write).settle(write)

    def _of(self, write: Write) -> Collection | Retry | Refund:
        action = self._verbs.get(write.verb)
        if action is None:
            raise Unsupported(f"Stripe cannot do {write.verb.value}")
        return action
