"""How rows are read: statuses, amounts, methods, failures, links. Rows are as Stripe sends them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.contracts.errors import Malformed
from adapters.contracts.values import Money, PaymentFailure, PaymentMethod
from adapters.contracts.vocabulary import PaymentMethodKind, PaymentStatus, RecordType
from adapters.stripe import payment_method
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.customer import customer_fields
from adapters.stripe.failure import RETRYABLE
from adapters.stripe.money import money
from adapters.stripe.payment import payment_fields
from adapters.stripe.settings import StripeSettings

SETTINGS = StripeSettings.model_validate({"api_key": "sk_test_x"})
CHARGE: dict[str, Any] = {
    "status": "succeeded",
    "refunded": False,
    "disputed": False,
    "amount_refunded": 0,
    "payment_method_details": None,
    "outcome": None,
    "failure_code": None,
    "failure_message": None,
}
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "status": "succeeded",
    "amount": 1099,
    "currency": "usd",
    "customer": None,
    "metadata": {},
    "latest_charge": None,
    "last_payment_error": None,
    "payment_method": None,
    "created": 1,
}
DECLINED = {"type": "card_error", "code": "card_declined", "message": "No."}
S = PaymentStatus


def read(name: str, **changes: Any) -> Any:
    return payment_fields(SETTINGS).read({**INTENT, **changes}, name)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "requires_payment_method"}, S.PENDING),
        ({"status": "requires_payment_method", "last_payment_error": DECLINED}, S.FAILED),
        # The error is cleared by any later update, the failed charge stays.
        ({"status": "requires_payment_method", "latest_charge": {**CHARGE, "status": "failed"}}, S.FAILED),
        ({"status": "requires_confirmation"}, S.PENDING),
        ({"status": "requires_action"}, S.REQUIRES_ACTION),
        ({"status": "processing"}, S.PROCESSING),
        ({"status": "requires_capture"}, S.PROCESSING),
        ({"status": "canceled", "last_payment_error": DECLINED}, S.CANCELLED),
        ({"status": "succeeded"}, S.SUCCEEDED),
        ({"latest_charge": CHARGE}, S.SUCCEEDED),
        ({"latest_charge": {**CHARGE, "amount_refunded": 5}}, S.PARTIALLY_REFUNDED),
        ({"latest_charge": {**CHARGE, "amount_refunded": 1099, "refunded": True}}, S.REFUNDED),
        ({"latest_charge": {**CHARGE, "disputed": True}}, S.DISPUTED),
        ({"latest_charge": {**CHARGE, "disputed": True, "amount_refunded": 5}}, S.DISPUTED),
        ({"status": "requires_review", "latest_charge": CHARGE}, S.UNKNOWN),
    ],
)
def test_status(changes: dict[str, Any], status: PaymentStatus) -> None:
    assert read("status", **changes) is status


def test_a_charge_that_was_not_expanded_is_not_guessed_at() -> None:
    with pytest.raises(Malformed):
        read("status", latest_charge="ch_1")


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (1099, "usd", "10.99"),
        (500, "jpy", "500"),
        (500, "isk", "5.00"),
        (500, "ugx", "5.00"),
        (500, "mga", "500"),
        (5120, "kwd", "5.120"),
        (500, "huf", "5.00"),
    ],
)
def test_amounts_have_stripes_own_places(amount: int, currency: str, expected: str) -> None:
    value = money(amount, currency)
    assert value == Money(Decimal(expected), currency.upper())
    assert value is not None
    assert str(value.amount) == expected


def test_nothing_is_refunded_before_a_charge() -> None:
    assert read("amount_refunded") == Money(Decimal("0.00"), "USD")
    charge = {**CHARGE, "amount_refunded": 99}
    assert read("amount_refunded", latest_charge=charge) == Money(Decimal("0.99"), "USD")


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 2, "exp_year": 2028}},
            PaymentMethod(PaymentMethodKind.CARD, "visa", "4242", date(2028, 2, 29)),
        ),
        (
            {"type": "card", "card": {"brand": "visa", "last4": "4242", "wallet": {"type": "google_pay"}}},
            PaymentMethod(PaymentMethodKind.WALLET, "visa", "4242"),
        ),
        ({"type": "link", "link": {"email": "a@b.test"}}, PaymentMethod(PaymentMethodKind.WALLET)),
        (
            {"type": "us_bank_account", "us_bank_account": {"bank_name": "A BANK", "last4": "6789"}},
            PaymentMethod(PaymentMethodKind.BANK_DEBIT, "A BANK", "6789"),
        ),
        (
            {"type": "sepa_debit", "sepa_debit": {"last4": "3000"}},
            PaymentMethod(PaymentMethodKind.BANK_DEBIT, None, "3000"),
        ),
        (
            {"type": "customer_balance", "customer_balance": {}},
            PaymentMethod(PaymentMethodKind.BANK_TRANSFER),
        ),
        ({"type": "klarna", "klarna": {}}, PaymentMethod(PaymentMethodKind.OTHER)),
        ({"type": "invented_later"}, PaymentMethod(PaymentMethodKind.OTHER)),
    ],
)
def test_methods(method: dict[str, Any], expected: PaymentMethod) -> None:
    assert payment_method.read(method) == expected


def test_the_method_is_as_it_was_when_charged() -> None:
    visa = {"type": "card", "card": {"brand": "visa"}}
    amex = {"type": "card", "card": {"brand": "amex"}}
    charge = {**CHARGE, "payment_method_details": visa}
    assert read("method", latest_charge=charge, payment_method=amex).brand == "visa"
    assert read("method", payment_method=amex).brand == "amex"
    assert read("method", last_payment_error={**DECLINED, "payment_method": amex}).brand == "amex"
    assert read("method") is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"decline_code": "insufficient_funds"}, PaymentFailure("insufficient_funds", "No.", True)),
        ({"decline_code": "stolen_card"}, PaymentFailure("stolen_card", "No.", False)),
        ({"decline_code": "generic_decline"}, PaymentFailure("generic_decline", "No.", None)),
        ({"code": "expired_card"}, PaymentFailure("expired_card", "No.", False)),
        (
            {"decline_code": "generic_decline", "advice_code": "try_again_later"},
            PaymentFailure("generic_decline", "No.", True),
        ),
        (
            {"decline_code": "insufficient_funds", "advice_code": "do_not_try_again"},
            PaymentFailure("insufficient_funds", "No.", False),
        ),
    ],
)
def test_failures(error: dict[str, Any], expected: PaymentFailure) -> None:
    assert read("failure", last_payment_error={**DECLINED, **error}) == expected


def test_a_failure_is_read_from_the_charge_once_the_intent_forgot_it() -> None:
    charge = {
        **CHARGE,
        "status": "failed",
        "failure_code": "card_declined",
        "failure_message": "No.",
        "outcome": {"reason": "lost_card"},
    }
    assert read("failure", latest_charge=charge) == PaymentFailure("lost_card", "No.", False)
    assert read("failure", latest_charge=CHARGE) is None


def test_no_code_is_both_worth_and_not_worth_another_try() -> None:
    assert RETRYABLE["processing_error"] is True
    assert RETRYABLE["do_not_try_again"] is False


def test_links_are_under_the_keys_of_the_settings() -> None:
    settings = StripeSettings.model_validate(
        {"api_key": "sk_test_x", "crm_id_key": "sf_account", "erp_invoice_id_key": "ns_invoice"}
    )
    row = {**INTENT, "metadata": {"sf_account": "001", "ns_invoice": "7", "crm_id": "other"}}
    fields = payment_fields(settings)
    assert fields.read(row, "customer_in_crm") == "001"
    assert fields.read(row, "invoice_in_erp") == "7"
    assert customer_fields(settings).read({"metadata": {"sf_account": ""}}, "customer_in_crm") is None


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"api_key": "sk_live_x"}, "https://dashboard.stripe.com/payments/pi_1"),
        ({"api_key": "rk_test_x"}, "https://dashboard.stripe.com/test/payments/pi_1"),
        (
            {"api_key": "sk_test_x", "account": "acct_1"},
            "https://dashboard.stripe.com/acct_1/test/payments/pi_1",
        ),
    ],
)
def test_record_url(settings: dict[str, str], url: str) -> None:
    adapter = StripeAdapter(StripeSettings.model_validate(settings))
    assert adapter.record_url(RecordType.PAYMENT, "pi_1") == url
    assert adapter.record_url(RecordType.INVOICE, "in_1") is None
