"""Stripe's amounts: integers in the smallest unit, with places of its own for some currencies.

Source: https://docs.stripe.com/currencies (zero-decimal, three-decimal and special-case currencies).
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contracts.convert import money_from_minor, money_to_minor
from adapters.contracts.values import Money

MINOR_DIGITS: Mapping[str, int] = {
    code: digits
    for digits, codes in {
        0: (
            *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
            *("PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        3: ("BHD", "JOD", "KWD", "OMR", "TND"),
    }.items()
    for code in codes
}
"""Places of the currencies that do not have two at Stripe.

It differs from ISO 4217: MGA has none; ISK and UGX have no minor unit any more but are still written
with two places (5 ISK is 500); IQD, LYD, CLF and UYW are not in the list of three or four.
"""


def money(amount: int | None, currency: str | None) -> Money | None:
    """``money(500, "isk")`` is 5.00 ISK; ``money(500, "jpy")`` is 500 JPY."""
    return money_from_minor(amount, currency, MINOR_DIGITS)


def minor(money: Money) -> int:
    """The other way. Raises ``ValueError`` for an amount finer than Stripe counts in that currency."""
    return money_to_minor(money, MINOR_DIGITS)
