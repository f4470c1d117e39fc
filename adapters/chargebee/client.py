"""Calls to Chargebee: basic authentication, the error table, one page of a list."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from adapters.chargebee.settings import ChargebeeSettings
from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unauthorised,
    Unreachable,
)
from adapters.contracts.fields import Row
from adapters.http import ErrorTable, HttpClient, Params, Response, StaticHeaders, raise_for

ERRORS: ErrorTable = {
    "api_authentication_failed": Unauthorised,
    "basic_authentication_failed": Unauthorised,
    "api_authorization_failed": Unauthorised,
    "request_blocked": Unauthorised,
    "site_not_found": Unauthorised,
    "resource_not_found": NotFound,
    "duplicate_entry": Conflict,
    "invalid_state_for_request": Rejected,
    "invalid_request": Rejected,
    "param_wrong_value": Rejected,
    "configuration_incompatible": Rejected,
    "resource_limit_exhausted": Rejected,
    "resource_limit_exceeded": Rejected,
    "unable_to_process_request": Rejected,
    "http_method_not_supported": Rejected,
    "payment_processing_failed": Rejected,
    "payment_method_not_present": Rejected,
    "payment_method_verification_failed": Rejected,
    "payment_intent_invalid": Rejected,
    "payment_intent_invalid_amount": Rejected,
    "payment_gateway_currency_incompatible": Rejected,
    "api_request_limit_exceeded": Throttled,
    "third_party_api_request_limit_exceeded": Throttled,
    "lock_timeout": Throttled,
    "site_not_ready": Unreachable,
    "site_read_only_mode": Unreachable,
    "db_connection_failure": OutcomeUnknown,
    "internal_temporary_error": OutcomeUnknown,
    "internal_error": OutcomeUnknown,
}
"""``api_error_code`` to faults (https://apidocs.chargebee.com/docs/api/error-handling).

``invalid_state_for_request`` is a 409 but no conflict: the same request will be refused again.
A site in maintenance refuses before it does anything, so that is as good as not reached.
"""

_PARAM = re.compile(r"[A-Za-z0-9_\[\].-]{1,100}")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list as Chargebee gives it: the envelopes, and the token of the next page if any."""

    rows: Sequence[Row]
    next_offset: str | None


class ChargebeeClient:
    """An account of one site."""

    def __init__(self, settings: ChargebeeSettings) -> None:
        # The key is the user and the password is empty: https://apidocs.chargebee.com/docs/api/auth
        proof = base64.b64encode(f"{settings.api_key.get_secret_value()}:".encode()).decode()
        self._http = HttpClient(
            f"{settings.root}/api/v2",
            authenticator=StaticHeaders({"authorization": f"Basic {proof}"}),
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
        )

    async def list(self, path: str, resource: str, params: Params) -> Listing:
        """One page of ``GET /{path}``. Each row is the envelope ``{resource: {…}, …}``."""
        response = await self._http.send("GET", f"/{path}", params=params)
        _raise_for(response)
        body = _mapping(response.json(), "the list")
        rows = body.get("list")
        token = body.get("next_offset")
        if not isinstance(rows, list) or not isinstance(token, str | None):
            raise Malformed(f"Chargebee {path}: the answer is not a list")
        envelopes = [_mapping(row, "a row") for row in cast("list[Any]", rows)]
        for envelope in envelopes:
            _mapping(envelope.get(resource), resource)
        return Listing(envelopes, token or None)

    async def aclose(self) -> None:
        await self._http.aclose()


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"Chargebee: {what} of the answer is not an object")
    return cast("dict[str, Any]", value)


def _raise_for(response: Response) -> None:
    if response.status < 400:
        return
    try:
        body = _mapping(response.json(), "the error")
    except Malformed:
        # Gateways in front of Chargebee answer 502 to 504 with a page of text.
        body = dict[str, Any]()
    code, param = body.get("api_error_code"), body.get("param")
    # The vendor's message can quote what was sent; its code and the parameter's name cannot.
    named = f", parameter {param}" if isinstance(param, str) and _PARAM.fullmatch(param) else ""
    code = code if isinstance(code, str) else None
    raise_for(response, code=code, message=f"Chargebee refused: {code or 'no code'}{named}", table=ERRORS)
