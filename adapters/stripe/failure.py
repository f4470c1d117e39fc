"""Why a payment failed, and whether the same method may do better another time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.contracts.values import PaymentFailure

ADVICE: Mapping[str, bool] = {"try_again_later": True, "confirm_card_data": False, "do_not_try_again": False}
"""The issuer's own advice, where it gives one (https://docs.stripe.com/declines, issuer declines)."""

RETRYABLE: Mapping[str, bool] = {
    code: retryable
    for retryable, codes in {
        True: (
            *("approve_with_id", "card_velocity_exceeded", "insufficient_funds", "issuer_not_available"),
            *("processing_error", "reenter_transaction", "try_again_later"),
            "withdrawal_count_limit_exceeded",
        ),
        False: (
            *("authentication_not_handled", "authentication_required", "card_not_supported"),
            *(
                "currency_not_supported",
                "debit_not_authorized",
                "do_not_try_again",
                "duplicate_transaction",
                "expired_card",
            ),
            *("fraudulent", "highest_risk_level", "incorrect_address", "incorrect_cvc", "incorrect_number"),
            *("incorrect_pin", "incorrect_zip", "invalid_account", "invalid_amount", "invalid_cvc"),
            *("invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin", "lost_card"),
            *(
                "merchant_blacklist",
                "mobile_device_authentication_required",
                "new_account_information_available",
            ),
            *("offline_pin_required", "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded"),
            *("payment_intent_authentication_failure", "restricted_card", "revocation_of_all_authorizations"),
            *("revocation_of_authorization", "security_violation", "stolen_card", "stop_payment_order"),
            *("testmode_decline", "transaction_not_allowed"),
        ),
    }.items()
    for code in codes
}
"""Whether the same method may succeed later with nothing changed, by decline code or error code
(https://docs.stripe.com/declines/codes). Where the issuer gives no reason (``generic_decline``,
``do_not_honor``, ``call_issuer``, …) nobody knows, and the code is in neither list."""


def read_failure(intent: Mapping[str, Any], charge: Mapping[str, Any] | None) -> PaymentFailure | None:
    """From the intent's ``last_payment_error``; from its failed charge once Stripe has cleared that.

    ``last_payment_error`` goes when the intent is updated for any reason, a change of metadata included.
    """
    error: Mapping[str, Any] | None = intent["last_payment_error"]
    if error:
        return _failure(
            error.get("decline_code") or error.get("code"), error.get("message"), error.get("advice_code")
        )
    if charge and charge["status"] == "failed":
        outcome: Mapping[str, Any] = charge["outcome"] or {}
        # ``outcome.reason`` of an issuer's decline is the decline code.
        code = outcome.get("reason") or charge["failure_code"]
        return _failure(code, charge["failure_message"], outcome.get("advice_code"))
    return None


def _failure(code: str | None, message: str | None, advice: str | None) -> PaymentFailure:
    retryable = ADVICE.get(advice or "")
    return PaymentFailure(code, message, RETRYABLE.get(code or "") if retryable is None else retryable)
