"""NetSuite's error answers.

Fields are those of "Error Handling in REST Web Services"
(https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_156570709583.html); the wording of
query errors is as accounts were seen to answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from adapters.emulation.faults import ErrorBody

CONTENT_TYPE = "application/vnd.oracle.resource+json; type=error"

_TITLES = {
    400: ("Bad Request", "15.5.1"),
    401: ("Unauthorized", "15.5.2"),
    403: ("Forbidden", "15.5.4"),
    404: ("Not Found", "15.5.5"),
    405: ("Method Not Allowed", "15.5.6"),
    429: ("Too Many Requests", "15.5"),
    500: ("Internal Server Error", "15.6.1"),
    503: ("Service Unavailable", "15.6.4"),
}
_FAULTS = {
    400: ("INVALID_PARAMETER", "Invalid search query. Provide a valid search query."),
    401: (
        "INVALID_LOGIN",
        "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at "
        "Setup > Users/Roles > User Management > View Login Audit Trail.",
    ),
    403: ("INSUFFICIENT_PERMISSION", "You do not have permission to access this resource."),
    404: ("NONEXISTENT_ID", "The record instance does not exist. Provide a valid record instance ID."),
    429: ("CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked."),
}
_UNEXPECTED = ("UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: emulated.")


class Problem(Exception):
    """An error answer. ``where`` names the part of the request, as ``("o:errorQueryParam", "q")``."""

    def __init__(self, status: int, code: str, detail: str, where: tuple[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.where = status, code, detail, where

    def response(self) -> Response:
        content = msgspec.json.encode(_body(self.status, self.code, self.detail, self.where))
        headers = {"www-authenticate": 'Bearer error="invalid_token"'} if self.status == 401 else None
        return Response(content, self.status, headers, CONTENT_TYPE)


def search_problem(detail: str) -> Problem:
    """A query that NetSuite does not run."""
    text = "Invalid search query. Detailed unprocessed description follows. Search error occurred: " + detail
    return Problem(400, "INVALID_PARAMETER", text, ("o:errorQueryParam", "q"))


def no_record(record_id: int | str) -> Problem:
    """There is no record of that id."""
    return Problem(404, *_FAULTS[404], ("o:urlPath", str(record_id)))


def bad_content(path: str, detail: str) -> Problem:
    """A part of the body that is not what it must be. ``path`` as ``addressBook.items[0].internalId``."""
    text = f"Error while accessing a resource. {detail}"
    return Problem(400, "INVALID_CONTENT", text, ("o:errorPath", path))


def user_error(detail: str) -> Problem:
    """What NetSuite's own rules refuse: one code for all of them, told apart by their wording alone."""
    return Problem(400, "USER_ERROR", f"Error while accessing a resource. {detail}")


def standard(status: int) -> Problem:
    """The usual problem of a status."""
    return Problem(status, *_FAULTS.get(status, _UNEXPECTED))


def error_form(status: int, kind: str) -> ErrorBody:
    """The body for a fault on demand."""
    problem = standard(status)
    return ErrorBody(_body(status, problem.code, problem.detail, None), CONTENT_TYPE)


def _body(status: int, code: str, detail: str, where: tuple[str, str] | None) -> dict[str, Any]:
    title, section = _TITLES.get(status, ("Error", "15.5"))
    return {
        "type": f"https://www.rfc-editor.org/rfc/rfc9110.html#section-{section}",
        "title": title,
        "status": status,
        "o:errorDetails": [{"detail": detail, **dict([where] if where else []), "o:errorCode": code}],
    }
