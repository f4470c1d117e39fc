"""A seeded emulator behind a recorder of the queries it is sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.journal import effects, open_journal
from adapters.emulation.store import open_store
from adapters.emulation.world import World
from adapters.netsuite.adapter import NetSuiteAdapter
from adapters.netsuite.assertion import ClientAssertion
from adapters.netsuite.client import TOKEN_PATH
from adapters.netsuite.emulator import EMULATOR
from adapters.netsuite.manifest import NetSuiteSettings
from tests.support.server import serving


class Recorder:
    """Passes everything on and keeps the text of every SuiteQL query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.queries: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def keep() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body") and body and str(scope["path"]).endswith("/suiteql"):
                self.queries.append(str(json.loads(body)["q"]))
                body = b""
            return message

        await self._app(scope, keep, send)


@dataclass
class Sandbox:
    """The emulator's URL, its world and tables, and ways to reach it."""

    url: str
    world: World
    front: Misbehaving
    recorder: Recorder
    store: sqlite3.Connection

    def row(self, table: str, record_id: object) -> sqlite3.Row:
        """One row of the emulator's tables."""
        return self.store.execute(f"SELECT * FROM netsuite_{table} WHERE id = ?", (record_id,)).fetchone()

    def effects(self) -> list[tuple[str, str, str | None]]:
        """What was done so far: action, record id, key."""
        return [(each.action, each.record_id, each.key) for each in effects(self.store, EMULATOR.vendor)]

    def settings(self, **changes: Any) -> NetSuiteSettings:
        return NetSuiteSettings.model_validate({**EMULATOR.settings(self.url), **changes})

    def connect(self, **changes: Any) -> NetSuiteAdapter:
        return NetSuiteAdapter("erp", self.settings(**changes))

    def assertion(self, **changes: Any) -> str:
        settings = self.settings()
        arguments = {
            "private_key": settings.private_key.get_secret_value(),
            "client_id": settings.client_id,
            "certificate_id": settings.certificate_id,
            "audience": self.url + TOKEN_PATH,
        }
        return ClientAssertion(**{**arguments, **changes}).sign()

    def token(self, assertion: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        return httpx.post(self.url + TOKEN_PATH, data=form, trust_env=False)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    world = generate(seed=7, customers=40)
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    recorder = Recorder(EMULATOR.app(store))
    open_journal(store)
    front = Misbehaving(recorder, EMULATOR.errors, lambda: effects(store, EMULATOR.vendor))
    with serving(front) as url:
        yield Sandbox(url, world, front, recorder, store)
    store.close()


@pytest.fixture(scope="module")
def ask(sandbox: Sandbox) -> Iterator[Callable[..., httpx.Response]]:
    """Sends a raw SuiteQL query with a living token."""
    token = sandbox.token(sandbox.assertion()).json()["access_token"]
    with httpx.Client(
        base_url=sandbox.url, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:

        def post(sql: str, *, prefer: str | None = "transient", **params: str) -> httpx.Response:
            headers = {"prefer": prefer} if prefer is not None else {}
            path = "/services/rest/query/v1/suiteql"
            return http.post(path, params=params, headers=headers, json={"q": sql})

        post.http = http  # type: ignore[attr-defined]
        yield post
