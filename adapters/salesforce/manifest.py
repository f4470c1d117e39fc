"""What this folder offers."""

from __future__ import annotations

from adapters.contracts.adapter import Adapter, Manifest
from adapters.contracts.vocabulary import System
from adapters.salesforce.adapter import SalesforceAdapter
from adapters.salesforce.settings import SalesforceSettings


def connect(connection: str, settings: SalesforceSettings) -> Adapter:
    """A connected adapter; sends nothing."""
    return SalesforceAdapter(settings)


MANIFEST = Manifest(
    name="salesforce",
    title="Salesforce",
    systems=frozenset({System.CRM}),
    settings=SalesforceSettings,
    connect=connect,
    verified="against the emulator, which simple-salesforce drives as well; queries held against an "
    "independent SOQL parser; not verified live",
)
