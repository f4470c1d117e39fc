"""What the Stripe folder offers."""

from __future__ import annotations

from adapters.contracts.adapter import Manifest
from adapters.contracts.vocabulary import System
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.settings import StripeSettings


def connect(name: str, settings: StripeSettings) -> StripeAdapter:
    """A connected adapter. Sends nothing."""
    return StripeAdapter(settings)


MANIFEST = Manifest(
    name="stripe",
    title="Stripe",
    systems=frozenset({System.PAYMENTS}),
    settings=StripeSettings,
    connect=connect,
    verified="emulator held against Stripe's own example resources, API description and Python SDK; "
    "not verified live",
)
