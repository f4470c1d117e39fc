"""Stripe's REST API: retrieve one object, list a page, post once; and the tables from errors to faults.

Stripe has no read of many objects by id (https://docs.stripe.com/api): several are single GETs side
by side, never more at once than the connection allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from adapters.contracts.errors import (
    Conflict,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SystemFault,
    Throttled,
    Unauthorised,
    fault_for_status,
)
from adapters.contracts.fields import Row
from adapters.http import ErrorTable, HttpClient, Params, Response, StaticHeaders, raise_for, retry_after_s
from adapters.stripe.settings import StripeSettings

T = TypeVar("T")

MAX_ROWS = 100
"""Most objects in one page (https://docs.stripe.com/api/pagination)."""

ERRORS: ErrorTable = {
    "account_invalid": Unauthorised,
    "api_key_expired": Unauthorised,
    "authentication_error": Unauthorised,
    "idempotency_error": Rejected,
    "idempotency_key_in_use": Conflict,
    "livemode_mismatch": Unauthorised,
    "lock_timeout": Throttled,
    "platform_api_key_expired": Unauthorised,
    "rate_limit": Throttled,
    "rate_limit_error": Throttled,
    "resource_missing": NotFound,
    "secret_key_required": Unauthorised,
}
"""Error codes and types that say more than the HTTP status (https://docs.stripe.com/error-codes)."""

WRITE_ERRORS: ErrorTable = {
    **ERRORS,
    "idempotency_error": OutcomeUnknown,
    "idempotency_key_in_use": OutcomeUnknown,
}
"""For writes, a quarrel about the key is news of an earlier attempt: it was, or still is, worked on. Its
parameters can have been others only where the customer changed payment methods in between."""

WRONG_STATE = frozenset(
    {
        "charge_already_refunded",
        "charge_disputed",
        "charge_not_refundable",
        "payment_intent_unexpected_state",
    }
)
"""Error codes that say the payment's state does not allow the write."""


_CERTAIN = frozenset({401, 403, 404, 429})
"""Statuses that say that nothing was done, whoever gave them and whatever the body."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: objects as Stripe sent them, newest first."""

    rows: Sequence[Row]
    has_more: bool


class StripeClient:
    """One Stripe account, or one connected account of a platform."""

    def __init__(self, settings: StripeSettings) -> None:
        headers = {"stripe-version": settings.api_version}
        if settings.account is not None:
            headers["stripe-account"] = settings.account
        self._http = HttpClient(
            settings.root,
            authenticator=StaticHeaders({"authorization": f"Bearer {settings.api_key.get_secret_value()}"}),
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
            proxy=settings.way_out,
            headers=headers,
        )
        # Waiting for a turn here, not for a pooled connection, whose wait would count as unreachable.
        self._turns = asyncio.Semaphore(settings.max_concurrency)

    async def get(self, path: str, params: Params = ()) -> Response:
        """One GET that was answered with a 2xx; anything else is raised by the table."""
        response = await self._send(path, params)
        _raise_for(response)
        return response

    async def retrieve(self, path: str, params: Params = ()) -> Row | None:
        """One object; None for one that does not exist, or that was deleted (``{id, deleted: true}``)."""
        response = await self._send(path, params)
        if response.status == 404 and _error(response).get("code") == "resource_missing":
            return None
        _raise_for(response)
        row = _object(response.json(), path)
        if not isinstance(row.get("id"), str):
            raise Malformed(f"{path}: the object has no id")
        return None if row.get("deleted") else row

    async def list(self, path: str, params: Params = ()) -> ListPage | None:
        """One page of a list; None where the object it is filtered or nested by does not exist.

        Raises ``Rejected`` with vendor_code ``"bad_position"`` where ``starting_after`` names nothing.
        """
        response = await self._send(path, params)
        if response.status in (400, 404):
            error = _error(response)
            if error.get("param") == "starting_after":
                raise Rejected("there is no row at this position", vendor_code="bad_position")
            if error.get("code") == "resource_missing":
                return None
        _raise_for(response)
        body = _object(response.json(), path)
        rows, has_more = body.get("data"), body.get("has_more")
        if not isinstance(rows, list) or not isinstance(has_more, bool):
            raise Malformed(f"{path}: the answer is not a list of Stripe's")
        found = [_object(row, path) for row in cast("list[Any]", rows)]
        if not all(isinstance(row.get("id"), str) for row in found):
            raise Malformed(f"{path}: a row has no id")
        return ListPage(found, has_more)

    async def post(self, path: str, form: Params, key: str) -> Row:
        """Sends one write, once, and gives the object it made or changed.

        A declined payment is done too: Stripe answers 402 with the payment intent in the error, and that
        is what is given (https://docs.stripe.com/error-handling, payment errors). Raises ``OutcomeUnknown``
        for a 424, which says that a system behind Stripe failed, and ``Conflict`` (``wrong_state``).
        """
        async with self._turns:
            response = await self._http.send("POST", path, form=form, headers={"idempotency-key": key})
        if response.status == 402 and (intent := _declined(response)) is not None:
            return intent
        _raise_for_write(response)
        row = _object(response.json(), path)
        if not isinstance(row.get("id"), str):
            raise Malformed(f"{path}: the object has no id")
        return row

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _send(self, path: str, params: Params) -> Response:
        async with self._turns:
            return await self._http.send("GET", path, params=params)


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs calls side by side. The first fault ends the others and is raised."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def expanding(paths: Iterable[str], prefix: str = "") -> list[tuple[str, str]]:
    """The ``expand[]`` parameters for related objects wanted in the same answer."""
    return [("expand[]", f"{prefix}{path}") for path in paths]


def _object(body: Any, path: str) -> Row:
    if not isinstance(body, dict):
        raise Malformed(f"{path}: the answer is not a JSON object")
    return cast("Row", body)


def _members(response: Response) -> Mapping[str, Any]:
    """An answer's ``error``; nothing for one in another form, as proxies before an API give."""
    try:
        body = response.json()
    except Malformed:
        return {}
    error = cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}


def _error(response: Response) -> Mapping[str, str]:
    """The texts of an answer's ``error``."""
    return {name: value for name, value in _members(response).items() if isinstance(value, str)}


def _declined(response: Response) -> Row | None:
    """The payment intent whose attempt was declined."""
    intent = _members(response).get("payment_intent")
    if not isinstance(intent, dict):
        return None
    row = cast("Row", intent)
    return row if isinstance(row.get("id"), str) else None


def _code_and_message(response: Response) -> tuple[str | None, str]:
    error = _error(response)
    code = error.get("code") or error.get("type")
    # Stripe's own text quotes what was sent, so only its code and the parameter's name are passed on.
    message = f"Stripe answered {code or 'in an unknown form'}"
    if "param" in error:
        message += f", parameter {error['param']}"
    return code, message


def _raise_for_write(response: Response) -> None:
    if response.status < 400:
        return
    code, message = _code_and_message(response)
    if code in WRONG_STATE:
        raise Conflict(message, vendor_code="wrong_state")
    if response.status == 424:
        raise OutcomeUnknown(message, vendor_code=code)
    if code is None and response.status not in _CERTAIN and response.status < 500:
        # Perhaps a decline that was cut short.
        raise Malformed(f"{message} (HTTP {response.status})")
    if code in WRITE_ERRORS or not _worth_retrying(response, code):
        raise_for(response, code=code, message=message, table=WRITE_ERRORS)
    raise Throttled(message, retry_after_s=retry_after_s(response.headers), vendor_code=code)


def _raise_for(response: Response) -> None:
    if response.status < 400:
        return
    code, message = _code_and_message(response)
    if _worth_retrying(response, code):
        raise Throttled(message, retry_after_s=retry_after_s(response.headers), vendor_code=code)
    raise_for(response, code=code, message=message, table=ERRORS)


def _worth_retrying(response: Response, code: str | None) -> bool:
    """Whether Stripe itself asks to try again what would otherwise count as refused for good.

    Only ``Stripe-Should-Retry: true`` on a 4xx says something new. ``false`` is usual on a 5xx, because
    a repeated idempotency key would replay it, and says nothing about a read.
    """
    kind: type[SystemFault] = ERRORS.get(code or "") or fault_for_status(response.status)
    return (
        response.status < 500
        and response.headers.get("stripe-should-retry") == "true"
        and not issubclass(kind, Throttled)
    )
