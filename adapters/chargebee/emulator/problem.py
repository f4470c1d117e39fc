"""Chargebee's error answers (https://apidocs.chargebee.com/docs/api/error-handling)."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.emulation.faults import ErrorBody

_BY_STATUS: Mapping[int, tuple[str, str, str]] = {
    400: ("invalid_request", "invalid_request", "The request is not valid."),
    401: ("untyped", "api_authentication_failed", "Sorry, authentication failed. Invalid api key."),
    403: ("untyped", "api_authorization_failed", "The API key has no permission for this operation."),
    404: ("invalid_request", "resource_not_found", "The resource is not found."),
    405: ("invalid_request", "http_method_not_supported", "The method is not supported for this URL."),
    409: ("invalid_request", "invalid_state_for_request", "The resource's state does not allow this."),
    422: ("invalid_request", "unable_to_process_request", "The request cannot be processed."),
    429: ("operation_failed", "api_request_limit_exceeded", "Too many requests. Please retry later."),
    500: ("operation_failed", "internal_error", "Sorry, something went wrong."),
    503: ("operation_failed", "internal_temporary_error", "Sorry, temporarily unavailable."),
}
"""HTTP status -> (type, api_error_code, message)."""


class Problem(Exception):
    """A request that Chargebee would refuse; ``body`` is its answer."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str | None = None,
    ) -> None:
        usual_kind, usual_code, usual_message = _BY_STATUS[status]
        super().__init__(message or usual_message)
        code = code or usual_code
        self.status = status
        body: dict[str, object] = {
            "message": message or usual_message,
            "type": kind or usual_kind,
            "api_error_code": code,
            # The two older attributes are still sent beside the newer ones.
            "error_code": code,
            "error_msg": message or usual_message,
            "http_status_code": status,
        }
        self.body = body if param is None else {**body, "param": param}


def wrong(name: str, why: str) -> Problem:
    """The answer to a parameter with a value that cannot be."""
    return Problem(400, f"{name} : {why}", code="param_wrong_value", param=name)


def error_form(status: int, kind: str) -> ErrorBody:
    """The body of a fault on demand."""
    return ErrorBody(Problem(status if status in _BY_STATUS else 500).body)
