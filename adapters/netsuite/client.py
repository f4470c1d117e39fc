"""Calls to NetSuite: the token, SuiteQL, and one table from its errors to ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unauthorised,
)
from adapters.contracts.fields import Row
from adapters.http import ErrorTable, HttpClient, Response, Token, TokenAuthenticator, raise_for
from adapters.netsuite.assertion import ASSERTION_TYPE, ClientAssertion
from adapters.netsuite.manifest import NetSuiteSettings

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105
SUITEQL_PATH = "/services/rest/query/v1/suiteql"

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
        )
        self._authenticator = TokenAuthenticator(self._fetch_token)
        self._http = HttpClient(
            settings.root,
            authenticator=self._authenticator,
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
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
        _raise_for(response, "NetSuite refused the query")
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
        return Result(cast("list[Row]", items), has_more)

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
        _raise_for(response, "NetSuite gave no token")
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


def _raise_for(response: Response, message: str) -> None:
    if response.status < 400:
        return
    code, detail = _error_of(response)
    named = _NAMED.search(detail)
    text = f"{message}: {named.group(1)} is unknown to it or to this role" if named else message
    raise_for(response, code=code, message=text, table=ERRORS)


def _error_of(response: Response) -> tuple[str | None, str]:
    """The error code and wording of an error answer; (None, "") for one that is not in NetSuite's form."""
    try:
        body = response.json()
    except Malformed:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    answer = cast("dict[str, Any]", body)
    details = answer.get("o:errorDetails")
    if isinstance(details, list) and details and isinstance(details[0], dict):
        first = cast("dict[str, Any]", details[0])
        code, detail = first.get("o:errorCode"), first.get("detail")
        return (code if isinstance(code, str) else None), (detail if isinstance(detail, str) else "")
    error = answer.get("error")
    return (error if isinstance(error, str) else None), ""
