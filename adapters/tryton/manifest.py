"""Tryton's manifest."""

from __future__ import annotations

from adapters.contracts.adapter import Adapter, Manifest
from adapters.contracts.vocabulary import System
from adapters.tryton.settings import TrytonSettings


def connect(name: str, settings: TrytonSettings) -> Adapter:
    """A connected adapter. Sends nothing."""
    from adapters.tryton.adapter import TrytonAdapter

    return TrytonAdapter(settings)


MANIFEST = Manifest(
    name="tryton",
    title="Tryton",
    systems=frozenset({System.ERP}),
    settings=TrytonSettings,
    connect=connect,
    verified="tested against a real Tryton 8.2 server, filled and read back by Tryton's own clients",
)
