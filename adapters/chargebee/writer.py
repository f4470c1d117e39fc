"""Writes to Chargebee: what a subscription is to, and where it stands.

Each verb is one operation of its own, sent with the command's key. There is no guard against lost updates:
the gateway looks.

=======================  ===========================================================================
AMEND_SUBSCRIPTION       ``update_for_items``, with ``end_of_term`` for the next term
PAUSE_SUBSCRIPTION       ``pause``, immediately
RESUME_SUBSCRIPTION      ``resume``, immediately
CANCEL_SUBSCRIPTION      ``cancel_for_items``, with ``end_of_term``
REACTIVATE_SUBSCRIPTION  ``reactivate``; ``remove_scheduled_cancellation`` for one that is yet to end
=======================  ===========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from adapters.chargebee.client import KEY_REUSED, ChargebeeClient
from adapters.chargebee.subscription import plan_item
from adapters.contracts.errors import Malformed, NotFound, OutcomeUnknown, Rejected, Unsupported
from adapters.contracts.fields import FieldMap, Row
from adapters.contracts.writes import Settled, Settlement, Verb, Write, Writer

_ID = re.compile(r"(?!\.{1,2}$)[^\x00-\x1f\x7f]{1,50}")
"""Chargebee's ids have at most 50 characters; a step in a path is none."""

_AT_END_OF_TERM: Mapping[str, bool] = {"NOW": False, "END_OF_TERM": True}

_RUNNING = frozenset({"in_trial", "active", "non_renewing"})


@dataclass(frozen=True, slots=True)
class _Operation:
    """One ``POST /subscriptions/{id}/{name}``."""

    name: str
    form: Mapping[str, str]


def _ends(subscription: Row) -> bool:
    """Whether it is to end: ``cancelled_at`` is also the time at which one will be cancelled."""
    return subscription.get("status") == "non_renewing" or (
        subscription.get("status") in _RUNNING and subscription.get("cancelled_at") is not None
    )


def _is_paused(subscription: Row) -> bool:
    return subscription.get("status") == "paused"


def _runs(subscription: Row) -> bool:
    return subscription.get("status") in _RUNNING


def _is_cancelled(subscription: Row) -> bool:
    return subscription.get("status") == "cancelled"


def _ends_or_has_ended(subscription: Row) -> bool:
    return _is_cancelled(subscription) or _ends(subscription)


def _goes_on(subscription: Row) -> bool:
    return _runs(subscription) and not _ends(subscription)


_WANTED: Mapping[Verb, Callable[[Row], bool]] = {
    Verb.PAUSE_SUBSCRIPTION: _is_paused,
    Verb.RESUME_SUBSCRIPTION: _runs,
    Verb.REACTIVATE_SUBSCRIPTION: _goes_on,
}


def _wanted(write: Write) -> Callable[[Row], bool]:
    if write.verb is Verb.CANCEL_SUBSCRIPTION:
        return _ends_or_has_ended if _at_end_of_term(write) else _is_cancelled
    return _WANTED[write.verb]


class ChargebeeWriter(Writer):
    """The writes of one site. Every write is about a subscription."""

    def __init__(
        self, client: ChargebeeClient, fields: FieldMap, cancel_reason_codes: tuple[str, ...]
    ) -> None:
        self._client = client
        self._fields = fields
        self._cancel_reason_codes = cancel_reason_codes
        self._operations: Mapping[Verb, Callable[[Write], Awaitable[_Operation]]] = {
            Verb.AMEND_SUBSCRIPTION: self._amendment,
            Verb.PAUSE_SUBSCRIPTION: self._pause,
            Verb.RESUME_SUBSCRIPTION: self._resumption,
            Verb.CANCEL_SUBSCRIPTION: self._cancellation,
            Verb.REACTIVATE_SUBSCRIPTION: self._reactivation,
        }
        self.verbs = frozenset(self._operations)

    async def perform(self, write: Write) -> str:
        prepare = self._operations.get(write.verb)
        if prepare is None:
            raise Unsupported(f"Chargebee cannot do {write.verb.value}")
        operation = await prepare(write)
        path = f"{_path(write)}/{operation.name}"
        try:
            answer = await self._client.write(path, "subscription", list(operation.form.items()), write.key)
        except OutcomeUnknown as fault:
            # An earlier attempt of this write arrived, in another form because the record was in another
            # state then. Chargebee will not tell how it ended; the record does.
            if fault.vendor_code == KEY_REUSED and await self._is_done(write):
                return write.record_id
            raise
        if answer["subscription"].get("id") != write.record_id:
            raise Malformed("Chargebee's answer is about another subscription")
        return write.record_id

    async def settle(self, write: Write) -> Settled:
        """Whether the subscription is as the write wanted it, whoever brought that about.

        =============================  ==============================================================
        AMEND_SUBSCRIPTION, now        plan and quantity are the wanted ones
        AMEND_SUBSCRIPTION, next term  the same, in the subscription with its scheduled changes applied
        PAUSE_SUBSCRIPTION             paused
        RESUME_SUBSCRIPTION            in trial, active or non-renewing
        CANCEL_SUBSCRIPTION, now       cancelled
        CANCEL_SUBSCRIPTION, at end    cancelled, non-renewing, or in trial with an end that is set
        REACTIVATE_SUBSCRIPTION        in trial or active, with no end that is set
        =============================  ==============================================================

        Chargebee cannot be asked for what it remembers of a key. NOT_DONE is therefore not final where a
        request is still under way, or where somebody else changed the subscription meanwhile; sent again
        within 30 minutes, the key makes Chargebee answer from memory. After that no request is still under
        way, and a write that is done twice leaves the subscription as one that is done once.
        """
        if write.verb not in self.verbs:
            return Settled(Settlement.NOT_DONE)
        try:
            done = await self._is_done(write)
        except NotFound:
            done = False
        return Settled(Settlement.DONE, write.record_id) if done else Settled(Settlement.NOT_DONE)

    async def _is_done(self, write: Write) -> bool:
        if write.verb is Verb.AMEND_SUBSCRIPTION:
            row = await self._amended(write)
            return all(self._fields.read(row, name) == value for name, value in write.changes.items())
        return _wanted(write)((await self._read(write))["subscription"])

    async def _amendment(self, write: Write) -> _Operation:
        """Plan and quantity always go together: Chargebee takes no quantity without its item price, and does
        not say which quantity a new item price starts with. What is not to change is read.

        ``reactivate`` keeps a cancelled subscription cancelled; without it, any change starts it again.
        """
        patch = self._fields.patch(write.changes)
        if not patch:
            raise Rejected("an amendment changes plan_code, quantity or both", vendor_code="bad_value")
        if missing := {"item_price_id", "quantity"} - patch.keys():
            patch = {**patch, **_kept(await self._amended(write), missing)}
        return _Operation(
            "update_for_items",
            {
                **{f"subscription_items[{name}][0]": value for name, value in patch.items()},
                "end_of_term": _flag(_at_end_of_term(write)),
                "reactivate": "false",
            },
        )

    async def _pause(self, write: Write) -> _Operation:
        return _Operation("pause", {"pause_option": "immediately"})

    async def _resumption(self, write: Write) -> _Operation:
        return _Operation("resume", {"resume_option": "immediately"})

    async def _cancellation(self, write: Write) -> _Operation:
        reason = write.options.get("reason")
        code = {"cancel_reason_code": reason} if reason in self._cancel_reason_codes else {}
        return _Operation("cancel_for_items", {"end_of_term": _flag(_at_end_of_term(write)), **code})

    async def _reactivation(self, write: Write) -> _Operation:
        """Chargebee has one operation for what has ended and another for what is yet to end."""
        ends = _ends((await self._read(write))["subscription"])
        return _Operation("remove_scheduled_cancellation" if ends else "reactivate", {})

    async def _amended(self, write: Write) -> Row:
        """The subscription as it is, or, for a write that is for the next term, as it will be then."""
        row = await self._read(write)
        if not _at_end_of_term(write) or not row["subscription"].get("has_scheduled_changes"):
            return row
        path = f"{_path(write)}/retrieve_with_scheduled_changes"
        return await self._client.retrieve(path, "subscription")

    async def _read(self, write: Write) -> Row:
        return await self._client.retrieve(_path(write), "subscription")


def _path(write: Write) -> str:
    if not _ID.fullmatch(write.record_id):
        raise NotFound("Subscription: this is no Chargebee id")
    return f"subscriptions/{quote(write.record_id, safe='')}"


def _at_end_of_term(write: Write) -> bool:
    try:
        return _AT_END_OF_TERM[write.options["effective"]]
    except KeyError as error:
        raise Rejected("effective is NOW or END_OF_TERM", vendor_code="bad_value") from error


def _kept(row: Row, missing: set[str]) -> dict[str, str]:
    """Item price or quantity as they are: fractions of a unit in their own attribute, none for a flat fee."""
    item = plan_item(row) or {}
    names = [name for name in item if name.removesuffix("_in_decimal") in missing]
    return {name: str(item[name]) for name in names}


def _flag(value: bool) -> str:
    return "true" if value else "false"
