"""What this folder offers."""

from __future__ import annotations

from adapters.contracts.adapter import Manifest
from adapters.contracts.vocabulary import System
from adapters.rest.adapter import RestAdapter
from adapters.rest.settings import RestSettings

MANIFEST = Manifest(
    name="rest",
    title="REST, by configuration",
    systems=frozenset(System) - {System.GATEWAY},
    settings=RestSettings,
    connect=RestAdapter,
    verified="Contract-tested against an independent REST server with offset and cursor paging, and run "
    "against the neutral upstream of the benchmark.",
)
