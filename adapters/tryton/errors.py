"""Tryton's refusals, and the faults they stand for.

JSON-RPC answers an exception of the server with HTTP 200 and ``{"error": [class, arguments]}``, or with
its text where the exception is none of Tryton's own (``trytond/protocols/jsonrpc.py``). Everything else,
and everything over REST, is an HTTP status, mostly with a page of HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from adapters.contracts.errors import (
    Conflict,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
)
from adapters.http import Response, raise_for

READ_ERRORS: Mapping[str, type[SystemFault]] = {
    # Reading raises no other user error than a refused access: model, field or record rule.
    "UserError": Unauthorised,
    "UserWarning": Rejected,
    "LoginException": Unauthorised,
    "ConcurrencyException": Conflict,
    "RateLimitException": Throttled,
}
"""Exceptions by the name they carry on the wire: ``trytond/exceptions.py``."""

STATUS_ERRORS: Mapping[str, type[SystemFault]] = {
    # No such database, model or path: never a record, for those are searched for.
    "404": Rejected,
    # How REST says ConcurrencyException.
    "423": Conflict,
}


def raise_for_status(answer: Response) -> None:
    """Raises the fault of an answer of status 400 or more."""
    if answer.status >= 400:
        code = str(answer.status)
        raise_for(answer, code=code, message="Tryton refused the call", table=STATUS_ERRORS)


def raise_for_error(error: object) -> None:
    """Raises the fault of a JSON-RPC error. Its texts are the server's, and stay out of ours."""
    parts = cast("list[object]", error) if isinstance(error, list) else []
    name = parts[0] if parts else None
    kind = READ_ERRORS.get(name) if isinstance(name, str) else None
    if kind is None:
        # As HTTP 500: the server itself went wrong.
        raise OutcomeUnknown("Tryton: the server failed")
    raise kind(f"Tryton refused the call: {name}", vendor_code=str(name))
