"""Stripe's objects as it answers them, in the shapes of API version 2026-10-28.endive.

Every property of Stripe's example resources is there; what this sandbox has no use for is null, as it is
for an account that does not use the feature. References are ids: see ``expand``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

API_VERSION = "2026-10-28.endive"

NO_ADDRESS: Mapping[str, None] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def billing_details(*, name: str | None = None, email: str | None = None) -> Document:
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def customer(
    *,
    id: str,
    created: int,
    name: str,
    email: str,
    phone: str,
    currency: str,
    delinquent: bool,
    address: Document,
    shipping: Document | None,
    default_payment_method: str | None,
    next_invoice_sequence: int,
    metadata: Mapping[str, str],
) -> Document:
    return {
        "id": id,
        "object": "customer",
        "address": address,
        "balance": 0,
        "created": created,
        "currency": currency,
        "default_source": None,
        "delinquent": delinquent,
        "description": None,
        "discount": None,
        "email": email,
        "invoice_prefix": id[-7:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(metadata),
        "name": name,
        "next_invoice_sequence": next_invoice_sequence,
        "phone": phone,
        "preferred_locales": [],
        "shipping": shipping,
        "tax_exempt": "none",
        "test_clock": None,
    }


def deleted_customer(id: str) -> Document:
    """What is left of a customer that was deleted."""
    return {"id": id, "object": "customer", "deleted": True}


def card(
    *, brand: str, last4: str, exp_month: int, exp_year: int, country: str, wallet: str | None
) -> Document:
    """What a stored card and a charged one have in common; ``wallet`` is a type such as ``apple_pay``."""
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": country,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": f"{brand[:4].upper()}{exp_year}{last4}",
        "funding": "credit",
        "last4": last4,
        "regulated_status": "unregulated",
        "wallet": wallet and {"dynamic_last4": None, "type": wallet, wallet: {}},
    }


def stored_card(details: Document) -> Document:
    """A card as a PaymentMethod has it."""
    return {
        **details,
        "display_brand": details["brand"],
        "generated_from": None,
        "networks": {"available": [details["brand"]], "preferred": None},
        "three_d_secure_usage": {"supported": True},
    }


_STORED_ONLY = frozenset({"display_brand", "generated_from", "networks", "three_d_secure_usage"})


def charged_card(stored: Document, *, amount: int) -> Document:
    """A card as a charge's ``payment_method_details`` have it."""
    return {
        **{name: value for name, value in stored.items() if name not in _STORED_ONLY},
        "amount_authorized": amount,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": stored["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": None,
        "transaction_link_id": None,
    }


def payment_method(
    *, id: str, created: int, customer: str | None, type: str, details: Document, billing: Document
) -> Document:
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing,
        "created": created,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": type,
        type: details,
    }


def payment_intent(
    *,
    id: str,
    created: int,
    customer: str | None,
    amount: int,
    currency: str,
    status: str,
    description: str | None,
    method: str | None,
    method_types: Sequence[str],
    latest_charge: str | None,
    last_payment_error: Document | None,
    next_action: Document | None,
    metadata: Mapping[str, str],
) -> Document:
    return {
        "id": id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": amount if status == "requires_capture" else 0,
        "amount_details": {"tip": {}},
        "amount_received": amount if status == "succeeded" else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": created + 3600 if status == "canceled" else None,
        "cancellation_reason": "requested_by_customer" if status == "canceled" else None,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_{id[3:]}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": last_payment_error,
        "latest_charge": latest_charge,
        "livemode": False,
        "managed_payments": None,
        "metadata": dict(metadata),
        "next_action": next_action,
        "on_behalf_of": None,
        "payment_method": method,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": list(method_types),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def last_payment_error(*, charge: str, code: str, decline_code: str | None, message: str) -> Document:
    """Of a charge that was declined; the caller adds the ``payment_method`` it was made with."""
    error = {
        "charge": charge,
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "type": "card_error",
    }
    return error if decline_code is None else {**error, "decline_code": decline_code}


_OUTCOMES: Mapping[str, tuple[str, str, str]] = {
    "failed": ("issuer_declined", "declined_by_network", "The bank did not approve the payment."),
    "succeeded": ("authorized", "approved_by_network", "Payment complete."),
}


def outcome(status: str, reason: str | None) -> Document | None:
    """Of a charge with this status; nothing is known yet of one that is pending."""
    if status not in _OUTCOMES:
        return None
    type, network_status, message = _OUTCOMES[status]
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason if status == "failed" else None,
        "risk_level": "normal",
        "seller_message": message,
        "type": type,
    }


def charge(
    *,
    id: str,
    created: int,
    customer: str | None,
    payment_intent: str,
    method: str,
    method_details: Document,
    billing: Document,
    amount: int,
    amount_refunded: int,
    currency: str,
    status: str,
    description: str | None,
    disputed: bool,
    failure_code: str | None,
    failure_message: str | None,
    outcome: Document | None,
    metadata: Mapping[str, str],
) -> Document:
    succeeded = status == "succeeded"
    return {
        "id": id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if succeeded else 0,
        "amount_refunded": amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": billing,
        "calculated_statement_descriptor": None,
        "captured": succeeded,
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": description,
        "disputed": disputed,
        "failure_balance_transaction": None,
        "failure_code": failure_code,
        "failure_message": failure_message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(metadata),
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": succeeded,
        "payment_intent": payment_intent,
        "payment_method": method,
        "payment_method_details": method_details,
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": succeeded and amount_refunded == amount,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def refund(
    *,
    id: str,
    created: int,
    amount: int,
    currency: str,
    charge: str,
    payment_intent: str,
    customer: str | None,
    method: str,
    method_type: str,
    reason: str | None,
    metadata: Mapping[str, str],
) -> Document:
    return {
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge,
        "created": created,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "destination_details": {
            method_type: {"type": "refund"} if method_type == "card" else {},
            "type": method_type,
        },
        "metadata": dict(metadata),
        "payment_intent": payment_intent,
        "payment_method": method,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def dispute(*, id: str, created: int, charge: Document, reason: str, status: str) -> Document:
    """Of all that a charge took. The evidence is empty: nobody in a sandbox answers."""
    details = charge["payment_method_details"]
    method: Document = {"type": details["type"]}
    if details["type"] == "card":
        brand = details["card"]["brand"]
        method["card"] = {"brand": brand, "case_type": "chargeback", "network_reason_code": "10.4"}
    return {
        "id": id,
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": created + 7 * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": method,
        "reason": reason,
        "status": status,
    }


def event(
    *,
    id: str,
    created: int,
    type: str,
    about: Document,
    request_id: str | None,
    idempotency_key: str | None,
    before: Mapping[str, Any] | None = None,
) -> Document:
    """``about`` is the object as the event left it, and is copied; ``before`` what an update replaced."""
    data = {"object": dict(about), **({} if before is None else {"previous_attributes": dict(before)})}
    return {
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": idempotency_key},
        "type": type,
    }


def balance(available: Mapping[str, int]) -> Document:
    """``available`` is minor units by currency; nothing is pending in a sandbox."""
    funds = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(available.items())
    ]
    nothing = [{"amount": 0, "currency": currency} for currency in sorted(available)]
    return {
        "id": "balance",
        "object": "balance",
        "available": funds,
        "connect_reserved": nothing,
        "livemode": False,
        "pending": [{**entry, "source_types": {"card": 0}} for entry in nothing],
    }
