"""One connected Chargebee site."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from adapters.chargebee.client import ChargebeeClient
from adapters.chargebee.customer import customer_fields
from adapters.chargebee.events import ChargebeeEvents
from adapters.chargebee.resource import MAX_ROWS, ChargebeeResource
from adapters.chargebee.settings import ChargebeeSettings
from adapters.chargebee.subscription import subscription_fields
from adapters.chargebee.writer import ChargebeeWriter
from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import SystemFault
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType

_SCREENS: Mapping[RecordType, str] = {
    RecordType.CUSTOMER: "customers",
    RecordType.SUBSCRIPTION: "subscriptions",
}


class ChargebeeAdapter(Adapter):
    """Customers and subscriptions of one site."""

    def __init__(self, settings: ChargebeeSettings) -> None:
        self._settings = settings
        self._client = ChargebeeClient(settings)
        link = settings.customer_in_crm
        self._customers = ChargebeeResource(
            self._client, RecordType.CUSTOMER, "customers", "customer", customer_fields(link)
        )
        self._subscriptions = ChargebeeResource(
            self._client, RecordType.SUBSCRIPTION, "subscriptions", "subscription", subscription_fields(link)
        )
        self.resources = {
            RecordType.CUSTOMER: self._customers,
            RecordType.SUBSCRIPTION: self._subscriptions,
        }
        self.writer = ChargebeeWriter(self._client, self._subscriptions.fields, settings.cancel_reason_codes)
        self.events = ChargebeeEvents(self._client, settings)

    async def check(self) -> list[Finding]:
        findings = [await self._check_items()]
        try:
            page = await self._customers.page(PageRequest(frozenset({"customer_in_crm"}), first=MAX_ROWS))
        except SystemFault as fault:
            return [*findings, _failed("customers are readable", fault)]
        linked = sum(1 for row in page.rows if self._customers.fields.read(row, "customer_in_crm"))
        return [
            *findings,
            Finding("customers are readable", True, f"{len(page.rows)} read"),
            Finding(
                "customers carry the CRM's id",
                bool(linked) or not page.rows,
                f"{self._settings.customer_in_crm} is filled on {linked} of {len(page.rows)} customers read"
                + ("" if linked or not page.rows else "; set customer_in_crm to the custom field's API name"),
            ),
        ]

    async def _check_items(self) -> Finding:
        """Whether subscriptions are readable and are those of Product Catalog 2."""
        try:
            page = await self._subscriptions.page(PageRequest(frozenset({"plan"}), first=1))
        except SystemFault as fault:
            return _failed("subscriptions are readable", fault)
        if any("subscription_items" not in row["subscription"] for row in page.rows):
            return Finding(
                "subscriptions are readable", False, "the site uses Product Catalog 1; this adapter needs 2"
            )
        return Finding("subscriptions are readable", True, f"{len(page.rows)} read")

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        screen = _SCREENS.get(record_type)
        return None if screen is None else f"{self._settings.root}/d/{screen}/{quote(record_id, safe='')}"

    async def aclose(self) -> None:
        await self._client.aclose()


def _failed(check: str, fault: SystemFault) -> Finding:
    return Finding(check, False, fault.message)
