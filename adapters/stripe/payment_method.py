"""Stripe's payment methods, stored or as they were when charged, as the canonical value."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Any

from adapters.contracts.values import PaymentMethod
from adapters.contracts.vocabulary import PaymentMethodKind

KINDS: Mapping[str, PaymentMethodKind] = {
    name: kind
    for kind, names in {
        PaymentMethodKind.CARD: ("card", "card_present", "interac_present", "kr_card"),
        PaymentMethodKind.WALLET: (
            *("link", "paypal", "cashapp", "amazon_pay", "revolut_pay", "samsung_pay", "naver_pay"),
            *("kakao_pay", "payco", "alipay", "wechat_pay", "grabpay", "paypay", "mobilepay", "twint"),
            *("mb_way", "satispay", "swish", "bizum"),
        ),
        PaymentMethodKind.BANK_DEBIT: (
            *("sepa_debit", "us_bank_account", "bacs_debit", "acss_debit", "au_becs_debit"),
            *("nz_bank_account", "ach_debit", "payto"),
        ),
        PaymentMethodKind.BANK_TRANSFER: (
            *("customer_balance", "ideal", "bancontact", "eps", "giropay", "p24", "sofort", "fpx", "blik"),
            *("pay_by_bank", "multibanco", "pix", "promptpay", "paynow", "upi", "ach_credit_transfer"),
        ),
    }.items()
    for name in names
}
"""Kinds by payment method type; what is not here is OTHER: vouchers, instalments, crypto
(https://docs.stripe.com/payments/payment-methods/overview, families of payment methods)."""


def read(method: Mapping[str, Any]) -> PaymentMethod:
    """A PaymentMethod object or a charge's ``payment_method_details``: both hold a hash named by ``type``.

    A card that was used through Apple Pay, Google Pay or the like has ``card.wallet`` and is a WALLET.
    """
    kind = KINDS.get(method["type"], PaymentMethodKind.OTHER)
    details: Mapping[str, Any] = method.get(method["type"]) or {}
    if kind is PaymentMethodKind.CARD and details.get("wallet"):
        kind = PaymentMethodKind.WALLET
    return PaymentMethod(
        kind=kind,
        brand=details.get("brand") or details.get("bank_name"),
        last4=details.get("last4"),
        expires_on=_last_day(details.get("exp_year"), details.get("exp_month")),
    )


def _last_day(year: int | None, month: int | None) -> date | None:
    if year is None or month is None:
        return None
    return date(year, month, calendar.monthrange(year, month)[1])
