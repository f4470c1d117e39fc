"""GraphQL errors as callers see them: always a code of the closed list, never an inner detail."""

from __future__ import annotations

import re
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import System
from resolvers.errors import Code, GraphFault, fault_of

_log = structlog.get_logger(__name__)

UNFORESEEN = "Something unforeseen went wrong; the log knows what."

_MAX_MESSAGE = 500

_SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)

# What a parser of Python said of a literal, and the literal itself, however long.
_PARSER = re.compile(r", but encountered error '.*", re.DOTALL)


def request_error(code: Code, message: str, correlation_id: str) -> dict[str, Any]:
    """An error of the request as a whole: nothing was executed."""
    return {
        "message": message,
        "extensions": {
            "code": code.value,
            "system": None,
            "retryable": False,
            "correlationId": correlation_id,
        },
    }


def fault_of_request(fault: GraphFault, correlation_id: str) -> dict[str, Any]:
    """A fault of the request as a whole."""
    extensions = {**(fault.extensions or {}), "correlationId": correlation_id}
    return {"message": fault.message, "extensions": extensions}


def before_execution(error: GraphQLError, correlation_id: str, *, suggest: bool = True) -> dict[str, Any]:
    """An error of parsing, validation or variables. What nobody foresaw is INTERNAL here too.

    ``suggest``: whether names of the schema that are close to a wrong one are told.
    """
    code, message = Code.GRAPHQL_VALIDATION_FAILED, _PARSER.sub("", error.message)
    if isinstance(error, GraphQLSyntaxError):
        code = Code.GRAPHQL_PARSE_FAILED
    elif message.startswith("Variable "):
        code = Code.BAD_USER_INPUT
    elif message == error.message and not isinstance(error.original_error, GraphQLError | None):
        _log.error("unforeseen error before execution", exc_info=error.original_error)
        code, message = Code.INTERNAL, UNFORESEEN
    if not suggest:
        message = _SUGGESTION.sub("", message)
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:_MAX_MESSAGE]}…"
    formatted = request_error(code, message, correlation_id)
    if error.locations:
        formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return formatted


def in_execution(error: GraphQLError, correlation_id: str) -> dict[str, Any]:
    """An error of a field, at its path. What nobody foresaw is INTERNAL; its detail goes to the log only."""
    fault = _graph_fault(error)
    if fault is None:
        _log.error(
            "unforeseen error in a field",
            path=error.path,
            correlation_id=correlation_id,
            exc_info=error.original_error or error,
        )
        fault = GraphFault(Code.INTERNAL, UNFORESEEN)
    formatted: dict[str, Any] = {
        "message": fault.message,
        "path": error.path,
        "extensions": {**(fault.extensions or {}), "correlationId": correlation_id},
    }
    if error.locations:
        formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return formatted


def _graph_fault(error: GraphQLError) -> GraphQLError | None:
    if (error.extensions or {}).get("code") is not None:
        return error
    original = error.original_error
    if isinstance(original, GraphFault):
        return original
    if isinstance(original, SystemFault):
        return fault_of(original, System.GATEWAY)
    # A required argument whose variable was not given. Other errors of the executor are about results.
    if error.message.startswith("Argument "):
        return GraphFault(Code.BAD_USER_INPUT, error.message)
    return None
