"""The fault middleware before a real Tryton server, with Tryton's own form of errors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.emulation.faults import ErrorBody, Misbehaving
from tests.support.proxy import proxy
from tests.support.server import serving
from tests.support.tryton_server import READER, TrytonServer, tryton_server


def tryton_error(status: int, kind: str) -> ErrorBody:
    """What Tryton answers with where it does not answer an RPC: a page of its web framework."""
    phrase = HTTPStatus(status).phrase
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {phrase}</title>\n<h1>{phrase}</h1>\n"
    return ErrorBody(page.encode(), "text/html; charset=utf-8")


@dataclass(frozen=True)
class TrytonFront:
    """A Tryton server behind the middleware, and the adapter's settings for both ways in."""

    base_url: str
    server: TrytonServer
    faults: Misbehaving

    def with_key(self, key: str | None = None, *, user: str = READER) -> dict[str, Any]:
        return self._settings(application_key=key or self.server.key_of(user))

    def with_password(self, password: str | None = None, username: str | None = None) -> dict[str, Any]:
        return self._settings(
            username=username or self.server.user, password=password or self.server.password
        )

    def _settings(self, **credentials: str) -> dict[str, Any]:
        # Tests share the machine with each other; how quick a server is, is not what they test.
        return {
            "base_url": self.base_url,
            "database": self.server.database,
            "deadline_s": 20,
            **credentials,
        }


def naming_methods(app: ASGIApp) -> ASGIApp:
    """JSON-RPC has one path for all; the app sees ``…/rpc/model.account.invoice/post``, as REST has it.

    Only ``path`` is changed: a proxy passes on the ``raw_path``.
    """

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/rpc/"):
            await app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        model, _, method = json.loads(body)["method"].rpartition(".")
        unread = [{"type": "http.request", "body": body}]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        await app({**scope, "path": f"{scope['path']}{model}/{method}"}, again, send)

    return named


@contextlib.contextmanager
def tryton_front(*, name_methods: bool = False) -> Iterator[TrytonFront]:
    with tryton_server() as server:
        faults = Misbehaving(proxy(server.base_url), tryton_error)
        with serving(naming_methods(faults) if name_methods else faults) as base_url:
            yield TrytonFront(base_url, server, faults)
