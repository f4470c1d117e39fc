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
from typing import Any, Protocol, cast

import msgspec

from adapters.contracts.errors import Malformed
from adapters.contracts.fields import Row
from adapters.http import Authenticator, HttpClient, Response, StaticHeaders, Token, TokenAuthenticator
from adapters.tryton.domain import Domain
from adapters.tryton.errors import raise_for_error, raise_for_status
from adapters.tryton.settings import TrytonSettings

Context = Mapping[str, Any]

_numbers = itertools.count(1)


class Door(Protocol):
    """One way of calling a method of a model."""

    authenticator: Authenticator

    async def call(
        self, http: HttpClient, model: str, method: str, arguments: Mapping[str, Any], context: Context
    ) -> Any: ...


class SessionDoor:
    """JSON-RPC as a user who logged in. One login serves however many wait for it."""

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


class KeyDoor:
    """REST with the key of a user application."""

    def __init__(self, database: str, key: str) -> None:
        self._path = f"/{database}/rest/model"
        self.authenticator: Authenticator = StaticHeaders({"authorization": f"Bearer {key}"})

    async def call(
        self, http: HttpClient, model: str, method: str, arguments: Mapping[str, Any], context: Context
    ) -> Any:
        header = base64.urlsafe_b64encode(msgspec.json.encode(context)).decode()
        answer = await http.send(
            "POST",
            f"{self._path}/{model}/{method}",
            headers={"x-tryton-context": header} if context else None,
            json=arguments,
        )
        raise_for_status(answer)
        return answer.json()


def _rpc(method: str, params: Sequence[Any]) -> Mapping[str, Any]:
    # Tryton takes a body for JSON-RPC only where it has these three keys and no other.
    return {"id": next(_numbers), "method": method, "params": params}


def _result(answer: Response) -> Any:
    raise_for_status(answer)
    match answer.json():
        case {"error": error}:
            raise_for_error(error)
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
            # Answers over 1,400 bytes are labelled gzip whether or not it was asked for: then it has to be.
            headers={"accept-encoding": "gzip"},
        )
        self._context: Context | None = None
        self._company: Row | None = None
        self._once = asyncio.Lock()

    async def search_read(
        self, model: str, domain: Domain, fields: Sequence[str], *, limit: int
    ) -> list[Row]:
        """Records in the order of their ids. Raises the fault of ``adapters/tryton/errors.py``."""
        rows = await self._door.call(
            self._http,
            model,
            "search_read",
            {
                "domain": domain,
                "offset": 0,
                "limit": limit,
                "order": [["id", "ASC"]],
                "fields_names": list(fields),
            },
            await self.context(),
        )
        if not isinstance(rows, list):
            raise Malformed(f"Tryton: the records of {model} are not a list")
        return cast("list[Row]", rows)

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
