"""One connected Stripe account."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import SystemFault
from adapters.contracts.vocabulary import RecordType
from adapters.stripe.client import StripeClient, together
from adapters.stripe.customer import Customers
from adapters.stripe.events import StripeEvents
from adapters.stripe.payment import Payments
from adapters.stripe.settings import StripeSettings
from adapters.stripe.writer import StripeWriter

_DASHBOARD: Mapping[RecordType, str] = {RecordType.CUSTOMER: "customers", RecordType.PAYMENT: "payments"}


class StripeAdapter(Adapter):
    """Customers and payments of one account; payments are collected, retried and refunded."""

    def __init__(self, settings: StripeSettings) -> None:
        self._settings = settings
        self._client = StripeClient(settings)
        payments = Payments(self._client, settings)
        self.resources = {
            RecordType.CUSTOMER: Customers(self._client, settings),
            RecordType.PAYMENT: payments,
        }
        self.writer = StripeWriter(self._client, payments.fields)
        self.events = StripeEvents(self._client, settings)

    async def check(self) -> list[Finding]:
        """Reads one customer and one payment intent as the adapter would: key, version, permissions."""
        findings = await together(
            [
                self._try("customers", ()),
                self._try("payment_intents", (("expand[]", "data.latest_charge"),)),
            ]
        )
        mode = "test" if self._settings.test_mode else "live"
        return [Finding("mode", True, f"the key is of {mode} mode"), *findings]

    async def _try(self, collection: str, params: tuple[tuple[str, str], ...]) -> Finding:
        name = f"read {collection}"
        try:
            response = await self._client.get(f"/v1/{collection}", [("limit", "1"), *params])
            response.json()
        except SystemFault as fault:
            return Finding(name, False, f"{type(fault).__name__}: {fault.message}")
        answered = response.headers.get("stripe-version")
        if answered != self._settings.api_version:
            return Finding(
                name, False, f"asked for API version {self._settings.api_version}, got {answered or 'none'}"
            )
        return Finding(name, True, f"readable, API version {answered}")

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        page = _DASHBOARD.get(record_type)
        if page is None:
            return None
        parts = (self._settings.account, "test" if self._settings.test_mode else None, page, record_id)
        return "https://dashboard.stripe.com/" + "/".join(part for part in parts if part)

    async def aclose(self) -> None:
        await self._client.aclose()
