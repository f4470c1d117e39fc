"""Which vendors there are. Adding one touches its folder and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from adapters.contracts.adapter import Manifest
    from adapters.emulation.emulator import Emulator

ADAPTERS: dict[str, str] = {
    "salesforce": "adapters.salesforce",
    "chargebee": "adapters.chargebee",
    "netsuite": "adapters.netsuite",
    "stripe": "adapters.stripe",
    "tryton": "adapters.tryton",
    "rest": "adapters.rest",
}
"""Name in configuration -> package, whose ``manifest`` module has ``MANIFEST``. Loaded when first used."""

EMULATORS: dict[str, str] = {
    "salesforce": "adapters.salesforce.emulator",
    "chargebee": "adapters.chargebee.emulator",
    "netsuite": "adapters.netsuite.emulator",
    "stripe": "adapters.stripe.emulator",
}
"""Vendors with an emulator -> package that has ``EMULATOR``."""


def manifest(name: str) -> Manifest:
    """The manifest of an adapter. Raises KeyError for a name that is not registered."""
    return cast("Manifest", import_module(f"{ADAPTERS[name]}.manifest").MANIFEST)


def emulator(name: str) -> Emulator:
    """The emulator of a vendor. Raises KeyError for a vendor without one."""
    return cast("Emulator", import_module(EMULATORS[name]).EMULATOR)
