"""Salesforce's error answers: a JSON array of ``{message, errorCode}``.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
"""

from __future__ import annotations

from typing import Any

from adapters.emulation.faults import ErrorBody


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = [{"message": message, "errorCode": code, **more}]


def malformed(message: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", message)


def refused(code: str, message: str, *columns: str) -> ApiError:
    """A write that is refused because of what some columns were to become."""
    return ApiError(400, code, message, fields=list(columns))


def not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


INVALID_SESSION = ("INVALID_SESSION_ID", "Session expired or invalid")
LIMIT_EXCEEDED = ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

_BY_STATUS = {
    400: ("MALFORMED_QUERY", "unexpected token: on demand"),
    401: INVALID_SESSION,
    403: ("INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id"),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    503: ("SERVER_UNAVAILABLE", "Server unavailable"),
}


def error_form(status: int, kind: str) -> ErrorBody:
    """The body of a fault on demand."""
    if kind == "throttle":
        code, message = LIMIT_EXCEEDED
    else:
        code, message = _BY_STATUS.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred."))
    return ErrorBody([{"message": message, "errorCode": code}])
