"""A local server that speaks Chargebee's API v2, as far as the adapter and the official SDK use it."""

from __future__ import annotations

from adapters.chargebee.emulator.app import API_KEY, create_app
from adapters.chargebee.emulator.lifecycle import REASON_CODES
from adapters.chargebee.emulator.problem import error_form
from adapters.chargebee.emulator.seed import seed
from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator

EMULATOR = Emulator(
    vendor="chargebee",
    system=System.SUBSCRIPTIONS,
    seed=seed,
    app=create_app,
    errors=error_form,
    settings=lambda base_url: {
        "base_url": base_url,
        "api_key": API_KEY,
        "cancel_reason_codes": REASON_CODES,
    },
)

__all__ = ["EMULATOR"]
