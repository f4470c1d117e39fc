"""Calls to NetSuite: the token, SuiteQL, changes to records, and tables from its errors to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from adapters.contracts.convert import utc_from_iso
from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unauthorised,
    Unsupported,
)
from adapters.contracts.fields import Row
from adapters.http import ErrorTable, HttpClient, Response, Token, TokenAuthenticator, raise_for
from adapters.netsuite.assertion import ASSERTION_TYPE, ClientAssertion
from adapters.netsuite.manifest import NetSuiteSettings

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105
SUITEQL_PATH = "/services/rest/query/v1/suiteql"
RECORD_PATH = "/services/rest/record/v1"
SERVER_TIME_PATH = "/services/rest/system/v1/serverTime"

PAGE_LIMIT = 1000
"""Most rows in one answer (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_157909186990.html)."""

ERRORS: ErrorTable = {
    "INVALID_LOGIN": Unauthorised,
    "INVALID_LOGIN_ATTEMPT": Unauthorised,
    "INSUFFICIENT_PERMISSION": Unauthorised,
    "INVALID_PARAMETER": Rejected,
    "INVALID_CONTENT": Rejected,
    "INVALID_HEADER": Rejected,
    "INVALID_REQUEST": Rejected,
    "USER_ERROR": Rejected,
    "NONEXISTENT_ID": NotFound,
    "RCRD_DSNT_EXIST": NotFound,
    "RCRD_HAS_BEEN_CHANGED": Conflict,
    "CONCURRENCY_LIMIT_EXCEEDED": Throttled,
    "REQUEST_LIMIT_EXCEEDED": Throttled,
    "SSS_REQUEST_LIMIT_EXCEEDED": Throttled,
    "UNEXPECTED_ERROR": OutcomeUnknown,
    # The token endpoint's own, of RFC 6749 section 5.2.
    "invalid_request": Unauthorised,
    "invalid_client": Unauthorised,
    "invalid_grant": Unauthorised,
    "invalid_scope": Unauthorised,
    "unauthorized_client": Unauthorised,
}
"""``o:errorCode`` of "Error Handling in REST Web Services" and what it stands for
(https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_156570709583.html)."""

WRITE_ERRORS: ErrorTable = {
    **ERRORS,
    # Somebody saved the record while NetSuite was working on ours, which it gave up: not done, try again.
    "RCRD_HAS_BEEN_CHANGED": Throttled,
}

RESTLET_ERRORS: ErrorTable = {
    **WRITE_ERRORS,
    # What void_restlet.js says itself.
    "FIELDGATE_WRONG_STATE": Conflict,
    "SSS_INVALID_SCRIPTLET_ID": Unsupported,
    # Cut off in the middle of its work.
    "SSS_TIME_LIMIT_EXCEEDED": OutcomeUnknown,
    "SSS_USAGE_LIMIT_EXCEEDED": OutcomeUnknown,
}
"""SuiteScript's own codes, which a RESTlet answers as ``{"error": {"code", "message"}}``
(https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_4634920277.html)."""

_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]]{0,120}")
"""``o:errorPath``, the part of a request body that is refused: field names and positions, never a value."""

_NAMED = re.compile(r"(?:Unknown identifier|Field|Record) '([A-Za-z][A-Za-z0-9_.]{0,80})'")
"""The one part of NetSuite's wording that is safe to pass on: a column or table name. The rest may
quote the values of a query."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of one answer, and whether NetSuite has more behind them."""

    rows: Sequence[Row]
    has_more: bool


class NetSuiteClient:
    """One account. Tokens live 60 minutes and are renewed on expiry and after a 401."""

    def __init__(self, settings: NetSuiteSettings) -> None:
        self._assertion = ClientAssertion(
            private_key=settings.private_key.get_secret_value(),
            client_id=settings.client_id,
            certificate_id=settings.certificate_id,
            audience=settings.root + TOKEN_PATH,
            scopes=("restlets", "rest_webservices") if settings.void_restlet else ("rest_webservices",),
        )
        self._authenticator = TokenAuthenticator(self._fetch_token)
        self._http = HttpClient(
            settings.root,
            authenticator=self._authenticator,
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
            proxy=settings.way_out,
        )

    async def sign_in(self) -> None:
        """Makes sure there is a token."""
        await self._authenticator.headers(self._http)

    async def query(self, sql: str, *, limit: int = PAGE_LIMIT) -> Result:
        """The first ``limit`` (1 to 1,000) rows of a SuiteQL query.

        NetSuite writes column names in lower case, values as strings, and leaves out what is null.
        """
        response = await self._http.send(
            "POST",
            SUITEQL_PATH,
            params=[("limit", str(limit))],
            headers={"prefer": "transient"},
            json={"q": sql},
        )
        _raise_for(response, "NetSuite refused the query", ERRORS)
        body = response.json()
        if not isinstance(body, dict):
            raise Malformed("the answer to a SuiteQL query is not an object")
        answer = cast("dict[str, Any]", body)
        rows, has_more = answer.get("items"), answer.get("hasMore")
        if not isinstance(rows, list) or not isinstance(has_more, bool):
            raise Malformed("the answer to a SuiteQL query has no items or no hasMore")
        items = cast("list[Any]", rows)
        if not all(isinstance(row, dict) for row in items):
            raise Malformed("the answer to a SuiteQL query has an item that is not an object")
        return Result(items, has_more)

    async def server_time(self) -> datetime:
        """NetSuite's clock
        (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/article_0528010158.html)."""
        response = await self._http.send("GET", SERVER_TIME_PATH)
        _raise_for(response, "NetSuite does not tell its time", ERRORS)
        body = response.json()
        try:
            moment = utc_from_iso(cast("dict[str, Any]", body)["serverTime"])
        except (TypeError, KeyError, ValueError) as error:
            raise Malformed("the answer with the server's time has none") from error
        if moment is None:
            raise Malformed("the answer with the server's time has none")
        return moment

    async def patch(self, kind: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """Changes a record of the type ``kind``; what ``changes`` leaves out stays, null is cleared
        (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1545142173.html).

        A property that NetSuite does not know is refused: told otherwise it would pass over a marker field
        that the account lacks, and do the rest.
        """
        response = await self._http.send(
            "PATCH",
            f"{RECORD_PATH}/{kind}/{record_id}",
            headers={"x-netsuite-propertynamevalidation": "Error"},
            json=changes,
        )
        _raise_for(response, f"NetSuite refused the change of the {kind}", WRITE_ERRORS)
        if response.status != 204:
            raise Malformed(f"the answer to a change is HTTP {response.status}, not 204")

    async def restlet(self, url: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a RESTlet answers to a JSON object: an object too."""
        response = await self._http.send("POST", url, json=content)
        _raise_for(response, "the RESTlet refused", RESTLET_ERRORS)
        body = response.json()
        if not isinstance(body, dict):
            raise Malformed("the RESTlet's answer is not an object")
        return cast("dict[str, Any]", body)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _fetch_token(self, http: HttpClient) -> Token:
        response = await http.send(
            "POST",
            TOKEN_PATH,
            form=[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", self._assertion.sign()),
            ],
            authenticate=False,
        )
        _raise_for(response, "NetSuite gave no token", ERRORS)
        body = response.json()
        answer: Mapping[str, Any] = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise Malformed("the token endpoint's answer has no access_token")
        try:
            # A string in NetSuite's documentation: "expires_in": "3600".
            lives_s = float(answer["expires_in"]) if "expires_in" in answer else None
        except (TypeError, ValueError) as error:
            raise Malformed("the token endpoint's expires_in is not a number of seconds") from error
        return Token(token, lives_s)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What an error answer says: its code, its wording, and the part of the body it is about."""

    code: str | None = None
    detail: str = ""
    path: str = ""


def _raise_for(response: Response, message: str, table: ErrorTable) -> None:
    if response.status < 400:
        return
    refusal = _refusal(response)
    named = _NAMED.search(refusal.detail)
    if named:
        message = f"{message}: {named.group(1)} is unknown to it or to this role"
    elif _PATH.fullmatch(refusal.path):
        message = f"{message}: {refusal.path} is not accepted"
    raise_for(response, code=refusal.code, message=message, table=table)


def _refusal(response: Response) -> _Refusal:
    """Empty for an answer that is not in NetSuite's form."""
    try:
        body = response.json()
    except Malformed:
        return _Refusal()
    if not isinstance(body, dict):
        return _Refusal()
    answer = cast("dict[str, Any]", body)
    details, error = answer.get("o:errorDetails"), answer.get("error")
    if isinstance(details, list) and details and isinstance(details[0], dict):
        first = cast("dict[str, Any]", details[0])
        return _Refusal(
            _text(first.get("o:errorCode")),
            _text(first.get("detail")) or "",
            _text(first.get("o:errorPath")) or "",
        )
    if isinstance(error, dict):
        return _Refusal(_text(cast("dict[str, Any]", error).get("code")))
    return _Refusal(_text(error))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
