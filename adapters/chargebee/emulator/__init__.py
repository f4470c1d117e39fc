"""A local server that speaks Chargebee's API v2, as far as the adapter and the official SDK use it."""

from __future__ import annotations

from adapters.chargebee.emulator.app import API_KEY, create_app
from adapters.chargebee.emulator.events import RETRIES_S, WEBHOOK_PASSWORD, WEBHOOK_USERNAME, prove
from adapters.chargebee.emulator.life import LIFE
from adapters.chargebee.emulator.lifecycle import REASON_CODES
from adapters.chargebee.emulator.problem import error_form
from adapters.chargebee.emulator.seed import seed
from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator
from adapters.emulation.webhooks import WebhookForm

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
        "webhook_username": WEBHOOK_USERNAME,
        "webhook_password": WEBHOOK_PASSWORD,
    },
    webhooks=WebhookForm(prove, RETRIES_S),
    life=LIFE,
)

__all__ = ["EMULATOR"]
