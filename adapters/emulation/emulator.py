"""What a vendor's emulator is to the sandbox and to tests: something to seed, something to serve."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from adapters.contracts.vocabulary import System
from adapters.emulation.faults import ErrorForm, Misbehaving
from adapters.emulation.journal import effects, open_journal
from adapters.emulation.life import Happening
from adapters.emulation.limits import Limits
from adapters.emulation.webhooks import Deliverer, WebhookForm, open_outbox
from adapters.emulation.world import World


@dataclass(frozen=True, slots=True)
class Emulator:
    """A local server that speaks a vendor's wire format.

    vendor:   the adapter's name.
    system:   the role it plays in the sandbox.
    seed:     creates the vendor's tables in the store and fills them from the world.
    app:      the bare ASGI app over a seeded store.
    errors:   the vendor's error body, for faults on demand.
    settings: the adapter's settings for an emulator at a base URL: credentials, links, columns.
    limits:   what the vendor lets its callers ask.
    beside:   what the vendor serves on a port of its own besides: started in the running loop over a seeded
              store, it gives the adapter's further settings that lead there.
    webhooks: how the vendor sends webhooks, for one that does.
    life:     what happens there by itself.
    """

    vendor: str
    system: System
    seed: Callable[[sqlite3.Connection, World], None]
    app: Callable[[sqlite3.Connection], ASGIApp]
    errors: ErrorForm
    settings: Callable[[str], Mapping[str, Any]]
    limits: Limits = field(default_factory=Limits)
    beside: Callable[[sqlite3.Connection], AbstractAsyncContextManager[Mapping[str, Any]]] | None = None
    webhooks: WebhookForm | None = None
    life: Sequence[Happening] = ()

    def serve(self, store: sqlite3.Connection) -> Misbehaving:
        """The app with its call log, faults, journal and webhooks around it."""
        open_journal(store)
        open_outbox(store)
        deliverer = None if self.webhooks is None else Deliverer(store, self.vendor, self.webhooks)
        front = Misbehaving(self.app(store), self.errors, lambda: effects(store, self.vendor), deliverer)
        front.limit(self.limits)
        return front
