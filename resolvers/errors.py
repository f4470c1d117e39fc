"""From what went wrong inside to what a caller is told: one table, a closed list of codes."""

from __future__ import annotations

from enum import Enum

from graphql import GraphQLError

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    Unreachable,
    Unsupported,
)
from adapters.contracts.vocabulary import System


class Code(Enum):
    """The closed list of ``extensions.code``; docs/errors.md tells what each means to a caller."""

    SYSTEM_UNAVAILABLE = "SYSTEM_UNAVAILABLE"
    SYSTEM_TIMEOUT = "SYSTEM_TIMEOUT"
    SYSTEM_THROTTLED = "SYSTEM_THROTTLED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    INTERNAL = "INTERNAL"


_CODES: dict[type[SystemFault], Code] = {
    Unreachable: Code.SYSTEM_UNAVAILABLE,
    OutcomeUnknown: Code.SYSTEM_UNAVAILABLE,
    Throttled: Code.SYSTEM_THROTTLED,
    Rejected: Code.SYSTEM_UNAVAILABLE,
    NotFound: Code.NOT_FOUND,
    Conflict: Code.NOT_FOUND,
    Unauthorised: Code.SYSTEM_UNAVAILABLE,
    Unsupported: Code.BAD_USER_INPUT,
    Malformed: Code.SYSTEM_UNAVAILABLE,
}


class GraphFault(GraphQLError):
    """An error with a code of the closed list."""

    def __init__(
        self, code: Code, message: str, *, system: System | None = None, retryable: bool = False
    ) -> None:
        super().__init__(
            message,
            extensions={
                "code": code.value,
                "system": system.value if system is not None else None,
                "retryable": retryable,
            },
        )


def bad_user_input(message: str) -> GraphFault:
    """The caller can put this right."""
    return GraphFault(Code.BAD_USER_INPUT, message)


def forbidden(what: str) -> GraphFault:
    """FORBIDDEN. ``what``: the field or type, as the graph spells it; nothing of any value."""
    return GraphFault(Code.FORBIDDEN, f"{what}: not for this caller")


def fault_of(error: SystemFault, system: System) -> GraphFault:
    """What a caller is told of a system's fault; ``system`` is the one asked, if the fault names no other."""
    system = error.system or system
    code = _CODES[type(error)]
    if isinstance(error, OutcomeUnknown) and error.timed_out:
        code = Code.SYSTEM_TIMEOUT
    if isinstance(error, Rejected) and error.vendor_code == "bad_position":
        return bad_user_input("after: the cursor names no place in this list")
    return GraphFault(code, f"{system.value}: {error.message}", system=system, retryable=error.retryable)
