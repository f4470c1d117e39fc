"""A local Stripe: its v1 API over the sandbox's store, for reads and the writes of payments."""

from __future__ import annotations

from adapters.contracts.vocabulary import System
from adapters.emulation.emulator import Emulator
from adapters.emulation.webhooks import WebhookForm
from adapters.stripe.emulator.app import API_KEY, application
from adapters.stripe.emulator.errors import error_form
from adapters.stripe.emulator.events import RETRIES_S, WEBHOOK_SECRET, prove
from adapters.stripe.emulator.life import LIFE
from adapters.stripe.emulator.seed import seed

EMULATOR = Emulator(
    vendor="stripe",
    system=System.PAYMENTS,
    seed=seed,
    app=application,
    errors=error_form,
    settings=lambda base_url: {
        "base_url": base_url,
        "api_key": API_KEY,
        "webhook_secrets": [WEBHOOK_SECRET],
    },
    webhooks=WebhookForm(prove, RETRIES_S),
    life=LIFE,
)

__all__ = ["EMULATOR"]
