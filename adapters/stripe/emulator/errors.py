"""Stripe's error answers. https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from adapters.emulation.faults import ErrorBody


class StripeError(Exception):
    """A refusal in Stripe's form: HTTP status, and the members of ``error``; members of None are left out.

    ``related`` are members that some errors have: ``decline_code``, ``payment_intent``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **related: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        url = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}" if code else None
        members = {"code": code, "doc_url": url, "message": message, "param": param, "type": type, **related}
        self.body: dict[str, Any] = {
            "error": {name: value for name, value in members.items() if value is not None}
        }


def request_id() -> str:
    return f"req_{secrets.token_urlsafe(10).replace('-', 'A').replace('_', 'B')}"


def missing(noun: str, id: str, param: str, status: int) -> StripeError:
    """No such object: 404 for the object a path names, 400 for one that a parameter names."""
    return StripeError(f"No such {noun}: '{id}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, intent: Mapping[str, Any]) -> StripeError:
    """The intent's status does not allow what was asked; it comes along."""
    return StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent)


def unrecognized_url(method: str, path: str) -> StripeError:
    return StripeError(f"Unrecognized request URL ({method}: {path}).", status=404)


_ON_DEMAND: Mapping[str, tuple[str, str | None, str]] = {
    "throttle": ("invalid_request_error", "rate_limit", "Too many requests in too short a time."),
    "expire_token": ("invalid_request_error", "api_key_expired", "Expired API Key provided."),
}

_BY_STATUS: Mapping[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", "parameter_invalid_string_blank", "The request was not acceptable."),
    401: ("invalid_request_error", None, "Invalid API Key provided."),
    402: ("card_error", "card_declined", "Your card was declined."),
    403: ("invalid_request_error", None, "The provided key does not have the required permissions."),
    404: ("invalid_request_error", "resource_missing", "No such object."),
    409: ("idempotency_error", "idempotency_key_in_use", "Another request uses this idempotency key."),
    429: ("invalid_request_error", "rate_limit", "Too many requests in too short a time."),
}


def error_form(status: int, kind: str) -> ErrorBody:
    """Stripe's body for a fault on demand; a status outside the table is an error of its servers."""
    fallback = ("api_error", None, "An unknown error occurred.")
    type, code, message = _ON_DEMAND.get(kind) or _BY_STATUS.get(status, fallback)
    error = StripeError(message, status=status, type=type, code=code)
    return ErrorBody(error.body, headers=(("request-id", request_id()),))
