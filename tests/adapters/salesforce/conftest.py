"""The emulated org over a generated world, served for the tests of this folder."""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from adapters.contracts.adapter import Adapter
from adapters.emulation.faults import Misbehaving
from adapters.emulation.generate import generate
from adapters.emulation.journal import Effect, effects, open_journal
from adapters.emulation.store import open_store
from adapters.emulation.world import World
from adapters.salesforce.emulator import EMULATOR
from adapters.salesforce.emulator.app import app
from adapters.salesforce.manifest import MANIFEST
from tests.support.server import serving


@dataclass
class Sandbox:
    """One running org and what it was seeded from. ``queries``: all SOQL heard, however it came."""

    world: World
    store: sqlite3.Connection
    front: Misbehaving
    base_url: str
    queries: list[str] = field(default_factory=list)

    def adapter(self, **settings: Any) -> Adapter:
        chosen = {**EMULATOR.settings(self.base_url), **settings}
        return MANIFEST.connect("crm", MANIFEST.settings.model_validate(chosen))

    def calls(self) -> list[str]:
        """Data calls since the last time, as ``METHOD path``; those for tokens are left out."""
        calls = [
            f"{call['method']} {call['path']}"
            for call in self.front.log.calls
            if call["path"].startswith("/services/data")
        ]
        self.front.log.clear()
        return calls

    def effects(self) -> list[Effect]:
        """What the org has done so far."""
        return effects(self.store)


@functools.cache
def _world() -> World:
    return generate(seed=7, customers=40, today=date(2026, 11, 20))


@contextlib.contextmanager
def sandbox_of(**org: Any) -> Iterator[Sandbox]:
    """An org with other bounds than the usual ones: page_size, child_page_size, api_limit, session_s."""
    world = _world()
    store = open_store(":memory:")
    EMULATOR.seed(store, world)
    open_journal(store)
    bare, queries = app(store, **org), list[str]()

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        """Notes the SOQL of a query and of a composite's subrequests on its way in."""
        queries.extend(parse_qs(scope.get("query_string", b"").decode()).get("q", []))

        async def heard() -> Message:
            message = await receive()
            if scope["path"].endswith("/composite") and message.get("body"):
                for part in json.loads(message["body"])["compositeRequest"]:
                    queries.extend(parse_qs(urlsplit(part["url"]).query).get("q", []))
            return message

        await bare(scope, heard, send)

    front = Misbehaving(listening, EMULATOR.errors, lambda: effects(store))
    with serving(front) as base_url:
        yield Sandbox(world, store, front, base_url, queries)
    store.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_of() as running:
        yield running
