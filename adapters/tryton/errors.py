"""Tryton's refusals, and the faults they stand for.

JSON-RPC answers an exception of the server with HTTP 200 and ``{"error": [class, arguments]}``, or with
its text where the exception is none of Tryton's own (``trytond/protocols/jsonrpc.py``). Everything else,
and everything over REST, is an HTTP status, mostly with a page of HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from adapters.contracts.errors import (
    Conflict,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
)
from adapters.http import ErrorTable, Response, raise_for

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


WRITE_ERRORS: Mapping[str, type[SystemFault]] = {
    **READ_ERRORS,
    # Input, state and rights alike, told apart by nothing but words in the user's language.
    "UserError": Rejected,
}

WRITE_STATUS_ERRORS: Mapping[str, type[SystemFault]] = {
    **STATUS_ERRORS,
    # How REST says AccessError: rights are missing, or the state makes the field read-only.
    "403": Rejected,
}


@dataclass(frozen=True, slots=True)
class Errors:
    """What refusals mean: JSON-RPC's by the name of the exception, REST's by the status."""

    by_name: ErrorTable
    by_status: ErrorTable


READING = Errors(READ_ERRORS, STATUS_ERRORS)
WRITING = Errors(WRITE_ERRORS, WRITE_STATUS_ERRORS)


def raise_for_status(answer: Response, errors: Errors = READING) -> None:
    """Raises the fault of an answer of status 400 or more."""
    if answer.status >= 400:
        code = str(answer.status)
        raise_for(answer, code=code, message="Tryton refused the call", table=errors.by_status)


def raise_for_error(error: object, errors: Errors = READING) -> None:
    """Raises the fault of a JSON-RPC error. Its texts are the server's, and stay out of ours."""
    parts = cast("list[object]", error) if isinstance(error, list) else []
    name = parts[0] if parts else None
    kind = errors.by_name.get(name) if isinstance(name, str) else None
    if kind is None:
        # As HTTP 500: the server itself went wrong.
        raise OutcomeUnknown("Tryton: the server failed")
    if name == "UserWarning" and (question := _question(parts)) is not None:
        raise kind(f"Tryton asks first, and a person has to answer: {question}", vendor_code=question)
    raise kind(f"Tryton refused the call: {name}", vendor_code=str(name))


def _question(warning: list[object]) -> str | None:
    """The name of a warning, which is ``{hash of the records}.{name}``."""
    match warning:
        case [_, [str(name), *_]]:  # pyright: ignore[reportUnknownVariableType]
            return name.rpartition(".")[2]
        case _:
            return None
