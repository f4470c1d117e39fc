"""What this folder offers."""

from __future__ import annotations

from adapters.chargebee.adapter import ChargebeeAdapter
from adapters.chargebee.settings import ChargebeeSettings
from adapters.contracts.adapter import Manifest
from adapters.contracts.vocabulary import System


def connect(name: str, settings: ChargebeeSettings) -> ChargebeeAdapter:
    """A connected adapter. Sends nothing."""
    return ChargebeeAdapter(settings)


MANIFEST = Manifest(
    name="chargebee",
    title="Chargebee",
    systems=frozenset({System.SUBSCRIPTIONS}),
    settings=ChargebeeSettings,
    connect=connect,
    verified="Emulator driven by the official Python SDK, envelopes and errors against the vendor's "
    "OpenAPI description; contract-tested, not verified live.",
)
