"""Attempts to pay an invoice: declined cards and their retries, instalments, refunds, disputes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from adapters.contracts.vocabulary import InvoiceStatus, PaymentMethodKind, PaymentStatus
from adapters.emulation.deck import Deck
from adapters.emulation.world import CardFact, CustomerFact

Failure = tuple[str, str | None, str]

_S = PaymentStatus
_K = PaymentMethodKind
ARRIVED = (_S.SUCCEEDED, _S.PARTIALLY_REFUNDED, _S.REFUNDED, _S.DISPUTED)
"""The money came, whatever happened to it afterwards: these are in the ERP's ledger."""

BY_WIRE = CardFact(_K.BANK_TRANSFER, None, None, None, None)
"""What a customer without a stored method pays with."""

_CARD_FAILURES: tuple[Failure, ...] = (
    ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ("card_declined", "generic_decline", "Your card was declined."),
    ("expired_card", None, "Your card has expired."),
    ("processing_error", None, "An error occurred while processing your card. Try again in a little bit."),
)
FAILURES: dict[PaymentMethodKind, tuple[Failure, ...]] = {
    _K.CARD: _CARD_FAILURES,
    _K.WALLET: _CARD_FAILURES,
    _K.BANK_DEBIT: (
        ("insufficient_funds", None, "The customer's account has insufficient funds to cover this payment."),
        ("debit_not_authorized", None, "The customer has notified their bank that this was unauthorized."),
    ),
    _K.BANK_TRANSFER: (
        ("payment_intent_payment_attempt_expired", None, "The latest payment attempt has expired."),
    ),
    _K.OTHER: (
        ("payment_method_provider_decline", None, "The payment was declined by the provider."),
    ),
}  # fmt: skip
"""Code, decline code and message, from https://docs.stripe.com/error-codes and /declines/codes."""

_DECLINED_BEFORE = {0: 83, 1: 13, 2: 4}
_AFTERWARDS = {_S.SUCCEEDED: 56, _S.REFUNDED: 1, _S.PARTIALLY_REFUNDED: 2, _S.DISPUTED: 1}
_UNDER_WAY = {_S.PENDING: 1, _S.PROCESSING: 1, _S.REQUIRES_ACTION: 1, _S.CANCELLED: 1, _S.FAILED: 1, None: 3}
_PAY_WITHIN_DAYS = 40


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, before it has an id."""

    status: PaymentStatus
    amount_minor: int
    refunded_minor: int
    method: CardFact
    failure: Failure | None
    at: datetime

    @property
    def arrived(self) -> bool:
        return self.status in ARRIVED


class Attempts:
    """Makes the attempts that bring an invoice to where it stands."""

    def __init__(self, rng: Random, now: datetime) -> None:
        self._rng = rng
        self._now = now
        self._declines = Deck(rng, _DECLINED_BEFORE)
        self._afterwards = Deck(rng, _AFTERWARDS)
        self._under_way = Deck(rng, _UNDER_WAY)
        self._instalments = Deck(rng, {2: 1, 1: 24})

    def settle(
        self,
        customer: CustomerFact,
        status: InvoiceStatus,
        posted_at: datetime,
        total_minor: int,
        paid_minor: int,
        *,
        dunned: bool,
    ) -> list[Attempt]:
        """The attempts in order of time, of which ``paid_minor`` arrived.

        A declined attempt before one that arrived is for the same amount. ``dunned``: the last was declined.
        """
        plan: list[tuple[PaymentStatus, int]] = []
        for amount in self._split(paid_minor) if paid_minor else ():
            plan += [(_S.FAILED, amount)] * self._declines.draw()
            plan.append((self._afterwards.draw(), amount))
        due = total_minor - paid_minor
        if dunned:
            plan += [(_S.FAILED, due)] * self._rng.randint(1, 3)
        elif status is InvoiceStatus.OPEN:
            under_way = self._under_way.draw()
            if under_way is not None:
                plan.append((under_way, due))
        span = min(self._now - posted_at, timedelta(days=_PAY_WITHIN_DAYS))
        moments = sorted(self._rng.uniform(0.01, 0.99) for _ in plan)
        method = customer.payment_method or BY_WIRE
        return [
            self._attempt(step, amount, method, (posted_at + span * moment).replace(microsecond=0))
            for (step, amount), moment in zip(plan, moments, strict=True)
        ]

    def _split(self, amount_minor: int) -> tuple[int, ...]:
        if self._instalments.draw() == 1 or amount_minor < 2:
            return (amount_minor,)
        return amount_minor // 2, amount_minor - amount_minor // 2

    def _attempt(self, status: PaymentStatus, amount_minor: int, method: CardFact, at: datetime) -> Attempt:
        if status is _S.PARTIALLY_REFUNDED and amount_minor < 2:
            status = _S.SUCCEEDED
        refunded = {
            _S.REFUNDED: amount_minor,
            _S.PARTIALLY_REFUNDED: max(1, amount_minor * self._rng.randint(10, 60) // 100),
        }
        failure = self._rng.choice(FAILURES[method.kind]) if status is _S.FAILED else None
        return Attempt(status, amount_minor, refunded.get(status, 0), method, failure, at)
