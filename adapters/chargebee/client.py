"""Calls to Chargebee: basic authentication, the error table, one page of a list, one write."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

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

``invalid_state_for_request`` is a 409 but, to a read, no conflict: it will be refused again.
A site in maintenance refuses before it does anything, so that is as good as not reached.
"""

WRONG_STATE = frozenset({"invalid_state_for_request", "invalid_state_for_pause"})
"""Refusals of a write because of the state the record is in.

The first is the only code that the OpenAPI description has for a 409; the second is what
https://apidocs.chargebee.com/docs/api/subscriptions/pause-a-subscription names.
"""

KEY_REUSED = "idempotency_key_reused"
"""``vendor_code`` of the refusal of a key that Chargebee remembers from another request."""

IDEMPOTENCY_KEY = "chargebee-idempotency-key"

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
            proxy=settings.way_out,
        )

    async def list(self, path: str, resource: str, params: Params) -> Listing:
        """One page of ``GET /{path}``. Each row is the envelope ``{resource: {…}, …}``."""
        response = await self._http.send("GET", f"/{path}", params=params)
        if response.status >= 400:
            _raise_refusal(response, _read_refusal(response))
        body = _mapping(response.json(), "the list")
        rows = body.get("list")
        token = body.get("next_offset")
        if not isinstance(rows, list) or not isinstance(token, str | None):
            raise Malformed(f"Chargebee {path}: the answer is not a list")
        envelopes = [_mapping(row, "a row") for row in cast("list[Any]", rows)]
        for envelope in envelopes:
            _mapping(envelope.get(resource), resource)
        return Listing(envelopes, token or None)

    async def raw(self, path: str, params: Params) -> bytes:
        """The body of ``GET /{path}`` as it came, for what is kept rather than read."""
        response = await self._http.send("GET", f"/{path}", params=params)
        if response.status >= 400:
            _raise_refusal(response, _read_refusal(response))
        return response.body

    async def retrieve(self, path: str, resource: str) -> Row:
        """The envelope ``{resource: {…}, …}`` of ``GET /{path}``."""
        response = await self._http.send("GET", f"/{path}")
        if response.status >= 400:
            _raise_refusal(response, _read_refusal(response))
        return _envelope(response, resource)

    async def write(self, path: str, resource: str, form: Params, key: str) -> Row:
        """The envelope that ``POST /{path}`` answers with; ``key`` is good for 30 minutes.

        https://apidocs.chargebee.com/docs/api/idempotency
        """
        response = await self._http.send("POST", f"/{path}", form=form, headers={IDEMPOTENCY_KEY: key})
        if response.status >= 400:
            _raise_for_write(response, form)
        return _envelope(response, resource)

    async def aclose(self) -> None:
        await self._http.aclose()


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What an error answer says. ``message`` can quote what was sent: it is read, and never shown."""

    code: str | None
    param: str | None
    message: str


def _envelope(response: Response, resource: str) -> Row:
    envelope = _mapping(response.json(), "the body")
    _mapping(envelope.get(resource), resource)
    return envelope


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"Chargebee: {what} of the answer is not an object")
    return cast("dict[str, Any]", value)


def _read_refusal(response: Response) -> _Refusal:
    """What an answer of status 400 or more says."""
    try:
        body = _mapping(response.json(), "the error")
    except Malformed:
        # Gateways in front of Chargebee answer 502 to 504 with a page of text.
        body = dict[str, Any]()
    code, param, message = (body.get(name) for name in ("api_error_code", "param", "message"))
    return _Refusal(
        code if isinstance(code, str) else None,
        param if isinstance(param, str) and _PARAM.fullmatch(param) else None,
        message if isinstance(message, str) else "",
    )


def _raise_refusal(response: Response, refusal: _Refusal) -> NoReturn:
    """Raises the fault that an answer of status 400 or more stands for."""
    raise_for(response, code=refusal.code, message=_words(refusal), table=ERRORS)
    raise AssertionError(f"HTTP {response.status} is no refusal")


def _words(refusal: _Refusal) -> str:
    named = "" if refusal.param is None else f", parameter {refusal.param}"
    return f"Chargebee refused: {refusal.code or 'no code'}{named}"


def _raise_for_write(response: Response, form: Params) -> NoReturn:
    """A refused write means something else where it is about the key, the state, or what was sent.

    Chargebee has no code of its own for the two refusals that are about the key: while the first request
    with it is under way a second one is a 409 with the code of a wrong state ("The previous request is
    still in progress"), and one with another path or other parameters is an error that the reference does
    not name. Only the message tells them from the rest, and both say that the key has arrived before.
    """
    refusal = _read_refusal(response)
    message = refusal.message.lower()
    if response.status < 500 and "idempoten" in message:
        raise OutcomeUnknown("Chargebee remembers the key from another request", vendor_code=KEY_REUSED)
    if refusal.code in WRONG_STATE:
        if "still in progress" in message:
            raise OutcomeUnknown("Chargebee still works on a request with this key", vendor_code=refusal.code)
        raise Conflict(f"the record's state does not allow it ({refusal.code})", vendor_code="wrong_state")
    if refusal.code == "resource_not_found" and refusal.param in {name for name, _ in form}:
        raise Rejected(_words(refusal), vendor_code=refusal.code)
    _raise_refusal(response, refusal)
