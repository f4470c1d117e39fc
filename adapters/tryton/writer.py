"""Writes to Tryton: a customer's billing, an invoice's memo and due date, posting, voiding.

========================  ==================================================================
UPDATE_CUSTOMER_BILLING   ``party.party`` write, identifier and address with it (``billing.py``)
UPDATE_INVOICE            ``account.invoice`` write; once posted the due date is that of its
                          line to pay, ``account.move.line`` write (``invoicing.py``)
POST_INVOICE              ``account.invoice`` post
VOID_INVOICE              ``account.invoice`` cancel
========================  ==================================================================

Tryton knows no idempotency keys. None is needed for doing a thing once: each of these sets what it wants,
adds nothing to what another one set, and a button can be pushed in the right state only.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contracts.errors import Conflict, NotFound, Rejected, SystemFault, Unauthorised, Unsupported
from adapters.contracts.vocabulary import RecordType
from adapters.contracts.writes import WRITINGS, Settled, Settlement, Verb, Write, Writer
from adapters.tryton.billing import Billing
from adapters.tryton.client import Call, TrytonClient
from adapters.tryton.domain import record_id
from adapters.tryton.invoicing import Invoicing
from adapters.tryton.plan import Planner
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings


class TrytonWriter(Writer):
    """The writes of one database. Stale ones Tryton refuses over JSON-RPC; over REST the gateway looks."""

    def __init__(
        self,
        client: TrytonClient,
        settings: TrytonSettings,
        resources: Mapping[RecordType, TrytonResource],
    ) -> None:
        self._client = client
        invoicing = Invoicing(client, resources[RecordType.INVOICE].fields)
        self._planners: Mapping[Verb, Planner] = {
            Verb.UPDATE_CUSTOMER_BILLING: Billing(client, settings, resources[RecordType.CUSTOMER].fields),
            Verb.UPDATE_INVOICE: invoicing,
            Verb.POST_INVOICE: invoicing,
            Verb.VOID_INVOICE: invoicing,
        }
        self.verbs = frozenset(self._planners)
        self.enforces_unmodified_since = self.verbs if client.checks_timestamps else frozenset()

    async def perform(self, write: Write) -> str:
        planner = self._planners.get(write.verb)
        if planner is None:
            raise Unsupported(f"Tryton cannot do {write.verb.value}")
        number = record_id(write.record_id)
        if number is None:
            raise NotFound(f"{WRITINGS[write.verb].type.value}: this is no Tryton id")
        plan = await planner.plan(write, number)
        if plan.call is None:
            return write.record_id
        try:
            await self._client.change(plan.call)
        except Rejected as refusal:
            raise await self._meaning(refusal, write, number, plan.call) from refusal
        return write.record_id

    async def settle(self, write: Write) -> Settled:
        """Reads the record: done is what is as the write wanted it, whoever brought that about.

        Posting is never undone, and voiding only by who takes a cancelled draft up again. A change that was
        done and that somebody else has changed since reads as NOT_DONE, and is done again over theirs. A
        request that Tryton still works on reads as NOT_DONE too: sent again, a button is refused and a change
        sets the same values, save that a first tax identifier or invoice address can be added twice.
        """
        planner, number = self._planners.get(write.verb), record_id(write.record_id)
        if planner is None or number is None:
            return Settled(Settlement.NOT_DONE)
        try:
            done = await planner.is_done(write, number)
        except NotFound:
            done = False
        return Settled(Settlement.DONE, write.record_id) if done else Settled(Settlement.NOT_DONE)

    async def _meaning(self, refusal: Rejected, write: Write, number: int, call: Call) -> SystemFault:
        """Why Tryton refused, as far as reading tells: rights, state and input are one exception to it."""
        try:
            if not await self._client.may_write(call.model):
                return Unauthorised(f"the user may not change {call.model}", vendor_code=refusal.vendor_code)
            doubt = (await self._planners[write.verb].plan(write, number)).doubt
        except (Conflict, NotFound) as changed:
            return changed
        except SystemFault:
            # Nothing was done, that much is certain.
            return refusal
        return refusal if doubt is None else Conflict(f"Tryton: {doubt}", vendor_code="wrong_state")
