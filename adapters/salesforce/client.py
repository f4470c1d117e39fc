"""The REST API, as far as it is needed: a token, SOQL, updates of one record, error tables.

Pages read: Query, Composite, Update Records Using sObject Rows, Conditional Request Headers, Status Codes
and Error Responses of the REST API Developer Guide
(https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm,
.../resources_composite_composite.htm, .../resources_sobject_retrieve_patch.htm,
.../intro_rest_conditional_requests.htm, .../errorcodes.htm), and the note on long URIs
(https://help.salesforce.com/s/articleView?id=000386264&type=1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast
from urllib.parse import quote_plus

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
from adapters.http import ErrorTable, HttpClient, Params, Response, Token, TokenAuthenticator, raise_for

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
LONGEST_URI = 2_000
"""Characters of a URI that Salesforce advises not to exceed; a longer query travels in a body."""

ERRORS: ErrorTable = {
    "API_CURRENTLY_DISABLED": Unauthorised,
    "API_DISABLED_FOR_ORG": Unauthorised,
    "DUPLICATE_VALUE": Conflict,
    "ENTITY_IS_DELETED": NotFound,
    "INSUFFICIENT_ACCESS": Unauthorised,
    "INSUFFICIENT_ACCESS_OR_READONLY": Unauthorised,
    "INVALID_AUTH_HEADER": Unauthorised,
    "INVALID_CROSS_REFERENCE_KEY": NotFound,
    "INVALID_FIELD": Rejected,
    "INVALID_QUERY_FILTER_OPERATOR": Rejected,
    "INVALID_QUERY_LOCATOR": Rejected,
    "INVALID_SESSION_ID": Unauthorised,
    "INVALID_TYPE": Rejected,
    "MALFORMED_QUERY": Rejected,
    "NOT_FOUND": NotFound,
    "QUERY_TIMEOUT": OutcomeUnknown,
    "QUERY_TOO_COMPLICATED": Rejected,
    "REQUEST_LIMIT_EXCEEDED": Throttled,
    "REQUEST_RUNNING_TOO_LONG": OutcomeUnknown,
    "SERVER_UNAVAILABLE": OutcomeUnknown,
    "UNABLE_TO_LOCK_ROW": Throttled,
    "UNKNOWN_EXCEPTION": OutcomeUnknown,
    # The token endpoint's (RFC 6749, 5.2, and Salesforce's own).
    "inactive_user": Unauthorised,
    "invalid_client": Unauthorised,
    "invalid_client_id": Unauthorised,
    "invalid_grant": Unauthorised,
    "unauthorized_client": Unauthorised,
    "unsupported_grant_type": Unauthorised,
}

WRITE_ERRORS: ErrorTable = {
    **ERRORS,
    "DUPLICATES_DETECTED": Rejected,
    # Another record has the value of a unique column: sent again, it will be refused again.
    "DUPLICATE_VALUE": Rejected,
    "ENTITY_IS_LOCKED": Conflict,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Rejected,
    "FIELD_INTEGRITY_EXCEPTION": Rejected,
    "INVALID_EMAIL_ADDRESS": Rejected,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Rejected,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Rejected,
    "REQUIRED_FIELD_MISSING": Rejected,
    "STRING_TOO_LONG": Rejected,
}
"""What a refusal means for a write. A transaction that could not have its row was rolled back, and is not
done for certain: ``UNABLE_TO_LOCK_ROW`` stays ``Throttled``."""

WRONG_STATE = frozenset({"ENTITY_IS_LOCKED"})
"""Refusals because of the state the record is in: this one is in an approval process."""

# The vendor's text quotes the query or the value, and so perhaps a person's data. Only names are shown.
_NAMED = re.compile(
    r"No such column '([\w.]+)' on (?:entity '\w+'|sobject of type \w+)|sObject type '(\w+)' is not supported"
)
_COLUMN = re.compile(r"\w{1,80}", re.ASCII)


_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a query, and where the rest of them is; None where these were the last."""

    rows: list[Row]
    next_url: str | None


class SalesforceClient:
    """One org, seen with one external client app's rights (OAuth 2.0 client credentials flow)."""

    def __init__(
        self,
        base_url: str,
        api_version: str,
        client_id: str,
        client_secret: str,
        *,
        timeout_s: float,
        max_connections: int,
        proxy: str | None = None,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._root = f"/services/data/{api_version}"
        # The room a GET leaves for the query itself.
        self._query_room = LONGEST_URI - len(f"{base_url}{self._root}/query/?q=")
        self._authenticator = TokenAuthenticator(self._fetch_token)
        self._http = HttpClient(
            base_url,
            authenticator=self._authenticator,
            timeout_s=timeout_s,
            max_connections=max_connections,
            proxy=proxy,
        )
        self.usage: tuple[int, int] | None = None
        """API calls of the org in the last 24 hours, and how many it has, as of the last answer."""

    async def query(self, soql: str) -> Batch:
        """The first batch of a query, in one API call however long the query is."""
        encoded = quote_plus(soql)
        if len(encoded) <= self._query_room:
            return await self._filled(
                _checked(await self._send("GET", f"{self._root}/query/", params=[("q", soql)]))
            )
        request = {
            "allOrNone": False,
            "compositeRequest": [
                {"method": "GET", "url": f"{self._root}/query/?q={encoded}", "referenceId": "query"}
            ],
        }
        response = await self._send("POST", f"{self._root}/composite", json=request)
        return await self._filled(_only_answer(response, _checked(response)))

    async def more(self, next_url: str) -> Batch:
        """The batch that an earlier one pointed at."""
        # A token must not follow a link to somewhere else.
        if not next_url.startswith(f"{self._root}/query/"):
            raise Malformed("the link to more rows does not lead to this API")
        return await self._filled(_checked(await self._send("GET", next_url)))

    async def update(
        self, name: str, record_id: str, columns: Mapping[str, Any], unmodified_since: datetime | None
    ) -> None:
        """Sets columns of one record; None clears one.

        ``unmodified_since`` goes out in whole seconds, the fraction cut off: it is compared with the
        record's LastModifiedDate, and the vendor's dates of this kind know no fraction.
        """
        response = await self._send(
            "PATCH",
            f"{self._root}/sobjects/{name}/{record_id}",
            json=columns,
            headers={"if-unmodified-since": format_datetime(unmodified_since.astimezone(UTC), usegmt=True)}
            if unmodified_since is not None
            else None,
        )
        if response.status >= 400:
            _raise_for(response, _error_body(response), WRITE_ERRORS)
        if response.status != 204:
            raise Malformed(f"the answer to an update is a {response.status}, not a 204")

    async def describe(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The columns of an object that the run-as user sees, as describe tells them, by name."""
        body = _checked(await self._send("GET", f"{self._root}/sobjects/{name}/describe"))
        try:
            return {column["name"]: column for column in body["fields"]}
        except (TypeError, KeyError) as error:
            raise Malformed("the description of an object is not one") from error

    async def versions(self) -> list[str]:
        """The API versions the org serves, as they stand in paths (``v66.0``)."""
        body = _checked(await self._send("GET", "/services/data/"))
        try:
            return [f"v{entry['version']}" for entry in body]
        except (TypeError, KeyError) as error:
            raise Malformed("the list of API versions is not one") from error

    async def access_token(self) -> str:
        """The session's token, for APIs that are not reached over HTTP."""
        return (await self._authenticator.headers(self._http))["authorization"].removeprefix("Bearer ")

    async def session_refused(self, token: str) -> None:
        """Told that such an API refused the token: the next one asked for is new."""
        await self._authenticator.refused(self._http, {"authorization": f"Bearer {token}"})

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _fetch_token(self, client: HttpClient) -> Token:
        response = await client.send(
            "POST",
            TOKEN_PATH,
            form=[
                ("grant_type", "client_credentials"),
                ("client_id", self._client_id),
                ("client_secret", self._client_secret),
            ],
            authenticate=False,
        )
        body = _checked(response)
        token = _object(body).get("access_token")
        if not isinstance(token, str) or not token:
            raise Malformed("the token endpoint gave no access token")
        # The answer does not say how long it lives: it is renewed when it is refused.
        return Token(token)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Response:
        response = await self._http.send(method, path, params=params, headers=headers, json=json)
        if (match := _USAGE.search(response.headers.get("sforce-limit-info", ""))) is not None:
            self.usage = int(match.group(1)), int(match.group(2))
        return response

    async def _filled(self, body: Any) -> Batch:
        """The batch of an answer, with children that did not fit into it fetched as well.

        Child rows count towards the size of a batch, and a child list that is not ``done`` goes on at
        its own link.
        """
        batch = _batch_of(body)
        for place, row in enumerate(batch.rows):
            for name, value in row.items():
                if "records" in _object(value):
                    children = _batch_of(value)
                    if children.next_url is not None:
                        batch.rows[place] = {**batch.rows[place], name: await self._all(children)}
        return batch

    async def _all(self, batch: Batch) -> Mapping[str, Any]:
        rows = list(batch.rows)
        while batch.next_url is not None:
            batch = await self.more(batch.next_url)
            rows += batch.rows
        return {"totalSize": len(rows), "done": True, "records": rows}


def _object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _batch_of(body: Any) -> Batch:
    answer = _object(body)
    rows, done, next_url = answer.get("records"), answer.get("done"), answer.get("nextRecordsUrl")
    if not isinstance(rows, list) or not isinstance(done, bool) or not (done or isinstance(next_url, str)):
        raise Malformed("the answer is not a query result")
    if not all(isinstance(row, Mapping) for row in cast(list[Any], rows)):
        raise Malformed("a row of the answer is not an object")
    return Batch(cast(list[Row], rows), None if done else next_url)


def _only_answer(outer: Response, body: Any) -> Any:
    """The body of a composite's only answer, which has a status of its own."""
    try:
        (answer,) = body["compositeResponse"]
        status, inner = int(answer["httpStatusCode"]), answer["body"]
    except (TypeError, KeyError, ValueError) as error:
        raise Malformed("the answer is not a composite of one") from error
    _raise_for(Response(status, outer.headers, b""), inner)
    return inner


def _checked(response: Response) -> Any:
    if response.status >= 400:
        _raise_for(response, _error_body(response))
    return response.json()


def _error_body(response: Response) -> Any:
    try:
        return response.json()
    except Malformed:
        # A proxy's error page in the place of Salesforce's: the status says what there is to say.
        return None


def _raise_for(response: Response, body: Any, table: ErrorTable = ERRORS) -> None:
    """Raises for an error: ``[{errorCode, message, fields}]``, at the token endpoint ``{error}``."""
    error = _object(cast(list[Any], body)[0] if isinstance(body, list) and body else body)
    code = error.get("errorCode") or error.get("error")
    code = code if isinstance(code, str) and response.status >= 400 else None
    detail = _names_in(error)
    message = f"Salesforce refused the call, {code or 'no code'}{f': {detail}' if detail else ''}"
    if code in WRONG_STATE:
        raise Conflict(f"{message} (HTTP {response.status})", vendor_code="wrong_state")
    raise_for(response, code=code, message=message, table=table)


def _names_in(error: Mapping[str, Any]) -> str:
    """The columns that an error is about; not a word of what was in them."""
    columns = error.get("fields")
    if isinstance(columns, list) and columns:
        names = (str(column) for column in cast(list[Any], columns))
        return ", ".join(name for name in names if _COLUMN.fullmatch(name))
    named = _NAMED.search(str(error.get("message", "")))
    return named.group(0) if named else ""
