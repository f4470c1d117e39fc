"""Which payment methods are declined: Stripe's test cards, and whatever a delinquent customer pays with.

Numbers and codes from https://docs.stripe.com/testing (declined payments) and https://docs.stripe.com/declines/codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from adapters.stripe.emulator.objects import Document


class Decline(NamedTuple):
    """Why: the error's code, the issuer's, and the words."""

    code: str
    decline_code: str | None
    message: str


_NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
_GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")

TEST_CARDS: Mapping[str, Decline] = {
    "0002": _GENERIC,
    "0069": Decline("expired_card", None, "Your card has expired."),
    "0119": Decline(
        "processing_error", None, "An error occurred while processing your card. Try again later."
    ),
    "0341": _GENERIC,
    "3184": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. It needs authentication.",
    ),
    "9979": Decline("card_declined", "stolen_card", "Your card was declined."),
    "9987": Decline("card_declined", "lost_card", "Your card was declined."),
    "9995": _NO_FUNDS,
}
"""By the last four digits of a Visa card."""

DEBIT = Decline(
    "insufficient_funds", None, "The customer's account has insufficient funds to cover this payment."
)
"""Of a debit, when the bank has been asked."""


def decline_of(method: Document, customer: Document | None) -> Decline | None:
    """Why a charge of this method fails now; None where it does not."""
    if method["type"] == "card":
        card = method["card"]
        if card["brand"] == "visa" and card["last4"] in TEST_CARDS:
            return TEST_CARDS[card["last4"]]
    if customer is not None and customer["delinquent"]:
        return _NO_FUNDS if method["type"] == "card" else DEBIT
    return None
