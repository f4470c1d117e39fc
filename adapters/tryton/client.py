"""Calls to Tryton's models: as a user's session over JSON-RPC, or with an application key over REST.

Both ways call the same method of the same model, ``search_read`` above all, and get the same rows:

- ``POST /{database}/rpc/`` with ``{"id", "method", "params"}`` and ``Authorization: Session …``; the context
  is the last of the params (``trytond/protocols/dispatcher.py``).
- ``POST /{database}/rest/model/{model}/{method}`` with the arguments by name, ``Authorization: Bearer {key}``
  and the context in a header (``trytond/protocols/rest.py``). In a POST, the domain is not bound by what
  fits into a URL.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import msgspec

from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.http import Authenticator, HttpClient, Response, StaticHeaders, Token, TokenAuthenticator
from adapters.tryton.domain import Domain
from adapters.tryton.errors import READING, WRITING, Errors, raise_for_error, raise_for_status
from adapters.tryton.settings import TrytonSettings

Context = Mapping[str, Any]

_numbers = itertools.count(1)
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes one record.

    timestamps: records as they were read, ``{"party.party,3": _timestamp}``. Tryton refuses to change one of
                them that was changed since (``ModelSQL.__check_timestamp``).
    """

    model: str
    id: int
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    timestamps: Mapping[str, str] = field(default_factory=dict[str, str])


class Door(Protocol):
    """One way of calling a method of a model.

    checks_timestamps: whether Tryton heeds the timestamps of a call that comes this way.
    """

    authenticator: Authenticator
    checks_timestamps: bool

    async def call(
        self, http: HttpClient, model: str, method: str, arguments: Mapping[str, Any], context: Context
    ) -> Any: ...

    async def change(self, http: HttpClient, call: Call, context: Context) -> None: ...


class SessionDoor:
    """JSON-RPC as a user who logged in. One login serves however many wait for it."""

    checks_timestamps = True

    def __init__(self, database: str, username: str, password: str) -> None:
        self._path = f"/{database}/rpc/"
        self._username = username
        self._password = password
        # A session ends when it is too old (the server's [session] max_age) or removed; then comes a 401.
        self.authenticator: Authenticator = TokenAuthenticator(self._login, scheme="Session")

    async def _login(self, http: HttpClient) -> Token:
        body = _rpc("common.db.login", [self._username, {"password": self._password}, "en"])
        answer = await http.send("POST", self._path, json=body, authenticate=False)
        match _result(answer):
            case [int(user_id), str(token), *_]:
                session = f"{self._username}:{user_id}:{token}"
                return Token(base64.b64encode(session.encode()).decode())
            case _:
                raise Malformed("Tryton: the login's answer is not a session")

    async def call(
        self, http: HttpClient, model: str, method: str, arguments: Mapping[str, Any], context: Context
    ) -> Any:
        body = _rpc(f"model.{model}.{method}", [*arguments.values(), context])
        return _result(await http.send("POST", self._path, json=body))

    async def change(self, http: HttpClient, call: Call, context: Context) -> None:
        guarded = {**context, "_timestamp": call.timestamps} if call.timestamps else context
        body = _rpc(f"model.{call.model}.{call.method}", [[call.id], *call.arguments.values(), guarded])
        _result(await http.send("POST", self._path, json=body), WRITING)


class KeyDoor:
    """REST with the key of a user application."""

    # The context of a REST call is not searched for timestamps (``trytond/protocols/rest.py``).
    checks_timestamps = False

    def __init__(self, database: str, key: str) -> None:
        self._path = f"/{database}/rest/model"
        self.authenticator: Authenticator = StaticHeaders({"authorization": f"Bearer {key}"})

    async def call(
        self, http: HttpClient, model: str, method: str, arguments: Mapping[str, Any], context: Context
    ) -> Any:
        answer = await self._send(http, f"{model}/{method}", arguments, context)
        raise_for_status(answer)
        return answer.json()

    async def change(self, http: HttpClient, call: Call, context: Context) -> None:
        path = f"{call.model}/{call.id}/{call.method}"
        answer = await self._send(http, path, call.arguments, context)
        raise_for_status(answer, WRITING)
        # The record as it is now; no content where the user may no longer see it.
        if answer.status == _NO_CONTENT:
            return
        match answer.json():
            case {"id": int(number)} if number == call.id:
                return
            case _:
                raise Malformed("Tryton: the answer is not the record that was changed")

    async def _send(
        self, http: HttpClient, path: str, arguments: Mapping[str, Any], context: Context
    ) -> Response:
        header = base64.urlsafe_b64encode(msgspec.json.encode(context)).decode()
        return await http.send(
            "POST",
            f"{self._path}/{path}",
            headers={"x-tryton-context": header} if context else None,
            json=arguments,
        )


def _rpc(method: str, params: Sequence[Any]) -> Mapping[str, Any]:
    # Tryton takes a body for JSON-RPC only where it has these three keys and no other.
    return {"id": next(_numbers), "method": method, "params": params}


def _result(answer: Response, errors: Errors = READING) -> Any:
    raise_for_status(answer, errors)
    match answer.json():
        case {"error": error}:
            raise_for_error(error, errors)
        case {"result": result}:
            return result
        case _:
            pass
    raise Malformed("Tryton: the answer has no result")


class TrytonClient:
    """One Tryton database, as one user."""

    def __init__(self, settings: TrytonSettings) -> None:
        if settings.application_key is not None:
            door: Door = KeyDoor(settings.database, settings.application_key.get_secret_value())
        else:
            assert settings.username is not None
            assert settings.password is not None
            door = SessionDoor(settings.database, settings.username, settings.password.get_secret_value())
        self._door = door
        self._http = HttpClient(
            settings.root,
            authenticator=door.authenticator,
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
            proxy=settings.way_out,
            # Answers over 1,400 bytes are labelled gzip whether or not it was asked for: then it has to be.
            headers={"accept-encoding": "gzip"},
        )
        self._context: Context | None = None
        self._company: Row | None = None
        self._once = asyncio.Lock()

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    ) -> list[Row]:
        """Records in the order of their ids or another. Raises the fault of ``adapters/tryton/errors.py``."""
        rows = await self._door.call(
            self._http,
            model,
            "search_read",
            {
                "domain": domain,
                "offset": 0,
                "limit": limit,
                "order": order,
                "fields_names": list(fields),
            },
            await self.context(),
        )
        if not isinstance(rows, list):
            raise Malformed(f"Tryton: the records of {model} are not a list")
        return cast("list[Row]", rows)

    async def change(self, call: Call) -> None:
        """Changes a record, in one request. A refusal is ``Rejected`` whatever its reason."""
        await self._door.change(self._http, call, await self.context())

    @property
    def checks_timestamps(self) -> bool:
        """Whether Tryton itself refuses a change of a record that was changed since it was read."""
        return self._door.checks_timestamps

    async def may_write(self, model: str) -> bool:
        """Whether the user's groups may change records of the model."""
        access = await self._door.call(
            self._http, "ir.model.access", "get_access", {"models": [model]}, await self.context()
        )
        match access:
            case {**models} if isinstance(models.get(model), dict):
                return bool(cast("Mapping[str, Any]", models[model]).get("write"))
            case _:
                raise Malformed("Tryton: the access rights are not a table")

    async def context(self) -> Context:
        """The user's preferences, which every call carries: company, language. Fetched once."""
        if self._context is None:
            async with self._once:
                if self._context is None:
                    self._context = await self._preferences()
        return self._context

    async def _preferences(self) -> Context:
        preferences = await self._door.call(
            self._http, "res.user", "get_preferences", {"context_only": True}, {}
        )
        if not isinstance(preferences, dict):
            raise Malformed("Tryton: the user's preferences are not a table")
        return cast("Context", preferences)

    async def company(self, fields: Sequence[str]) -> Row | None:
        """The company of the user, None for a user without. Fetched once, with the fields first asked for."""
        if self._company is None:
            number = (await self.context()).get("company")
            if number is None:
                return None
            async with self._once:
                if self._company is None:
                    rows = await self.search_read("company.company", [["id", "=", number]], fields, limit=1)
                    self._company = rows[0] if rows else None
        return self._company

    async def series(self) -> str:
        """The server's release series, ``8.2``. Needs no credentials."""
        answer = await self._http.send(
            "POST", "/rpc/", json=_rpc("common.server.version", []), authenticate=False
        )
        return str(_result(answer))

    async def aclose(self) -> None:
        await self._http.aclose()
