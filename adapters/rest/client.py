"""Calls to a REST system: its credentials, and what its statuses mean."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from adapters.contracts.errors import NotFound
from adapters.http import ErrorTable, HttpClient, Params, Prepared, Response, raise_for
from adapters.rest.settings import Auth, BasicAuth, BearerAuth, HeaderAuth, RestSettings

ERRORS: ErrorTable = {}
"""Systems of this kind have no error codes in common: the HTTP status says what happened."""


class RestClient:
    """One account of a REST system. ``name`` is the connection's, for messages."""

    def __init__(self, name: str, settings: RestSettings) -> None:
        self._name = name
        self._http = HttpClient(
            settings.root,
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
            proxy=settings.way_out,
            headers={**settings.headers, **_proof(settings.auth)},
        )
        self.ask = self._http.ask
        """The answer to what was prepared, with more of an encoded query, before it is ``checked``."""

    async def answer(self, path: str, params: Params = ()) -> Response:
        """An answer of status 400 or more is raised as the fault it stands for."""
        return self.checked(await self._http.send("GET", path, params=params))

    def prepare(self, path: str, before: Params, after: Params) -> Prepared:
        """What is asked with parameters of which some change."""
        return self._http.prepare(path, before, after)

    def checked(self, response: Response) -> Response:
        """Raises the fault that an answer of status 400 or more stands for."""
        if response.status >= 400:
            # The system's own text could quote what was sent, so it is not passed on.
            raise_for(response, code=None, message=f"{self._name} refused", table=ERRORS)
        return response

    async def get(self, path: str, params: Params = ()) -> Any:
        """The decoded answer, as ``answer`` gives it."""
        return (await self.answer(path, params)).json()

    async def get_or_none(self, path: str, params: Params = ()) -> Any:
        """Like ``get``; None where nothing is at the path."""
        try:
            return await self.get(path, params)
        except NotFound:
            return None

    async def aclose(self) -> None:
        await self._http.aclose()


def _proof(auth: Auth) -> Mapping[str, str]:
    match auth:
        case HeaderAuth():
            return {auth.name: auth.value.get_secret_value()}
        case BearerAuth():
            return {"authorization": f"Bearer {auth.token.get_secret_value()}"}
        case BasicAuth():
            pair = f"{auth.username}:{auth.password.get_secret_value()}"
            return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        case _:
            return {}
