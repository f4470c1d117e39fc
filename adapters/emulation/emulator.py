"""What a vendor's emulator is to the sandbox and to tests: something to seed, something to serve."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from adapters.contracts.vocabulary import System
from adapters.emulation.faults import ErrorForm, Misbehaving
from adapters.emulation.journal import effects, open_journal
from adapters.emulation.limits import Limits
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
    """

    vendor: str
    system: System
    seed: Callable[[sqlite3.Connection, World], None]
    app: Callable[[sqlite3.Connection], ASGIApp]
    errors: ErrorForm
    settings: Callable[[str], Mapping[str, Any]]
    limits: Limits = field(default_factory=Limits)

    def serve(self, store: sqlite3.Connection) -> Misbehaving:
        """The app with its call log, faults and journal around it."""
        open_journal(store)
        front = Misbehaving(self.app(store), self.errors, lambda: effects(store, self.vendor))
        front.limit(self.limits)
        return front
