"""A connected Tryton database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import SystemFault
from adapters.contracts.resource import PageRequest
from adapters.contracts.vocabulary import RecordType
from adapters.tryton.client import TrytonClient
from adapters.tryton.customer import Customers
from adapters.tryton.events import TrytonEvents
from adapters.tryton.invoice import invoices
from adapters.tryton.invoice_status import Today
from adapters.tryton.ledger_entry import ledger_entries
from adapters.tryton.resource import TrytonResource
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.writer import TrytonWriter

_OLDEST_SERIES = (8, 0)
"""The first with the path ``/rpc/`` and the REST API (the server's CHANGELOG). Tested against 8.2."""


def utc_today() -> date:
    return datetime.now(UTC).date()


class TrytonAdapter(Adapter):
    """Customers, invoices and ledger entries of one database, as one user sees them."""

    def __init__(self, settings: TrytonSettings, today: Today = utc_today) -> None:
        self._settings = settings
        self._client = TrytonClient(settings)
        self._models: Mapping[RecordType, TrytonResource] = {
            resource.type: resource
            for resource in (
                Customers(self._client, settings),
                invoices(self._client, settings, today),
                ledger_entries(self._client, settings),
            )
        }
        self.resources = self._models
        self.writer = TrytonWriter(self._client, settings, self._models)
        self.events = TrytonEvents(settings, self._models)

    async def check(self) -> list[Finding]:
        """The server and its series, the login, the company, and each model with all its mapped fields."""
        findings = [await self._check_series()]
        try:
            context = await self._client.context()
        except SystemFault as fault:
            return [
                *findings,
                Finding("login", False, _advice(fault, "check the credentials and the database")),
            ]
        findings.append(Finding("login", True, "accepted"))
        company = context.get("company")
        detail = "chosen" if company is not None else "choose a company in the preferences of the user"
        findings.append(Finding("company", company is not None, detail))
        return [*findings, *[await self._check_model(resource) for resource in self._models.values()]]

    async def _check_series(self) -> Finding:
        try:
            series = await self._client.series()
        except SystemFault as fault:
            return Finding("server", False, _advice(fault, "check base_url"))
        try:
            recent = tuple(int(part) for part in series.split(".")[:2]) >= _OLDEST_SERIES
        except ValueError:
            recent = False
        return Finding("server", recent, f"Tryton {series}" if recent else "needs Tryton 8.0 or later")

    async def _check_model(self, resource: TrytonResource) -> Finding:
        try:
            await resource.page(PageRequest(select=resource.fields.supplies(), first=1))
        except SystemFault as fault:
            advice = f"the user must be able to read {resource.model}, with the configured fields"
            return Finding(resource.model, False, _advice(fault, advice))
        return Finding(resource.model, True, "readable")

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        """The record in Tryton's web client, which is served at the root."""
        resource = self._models.get(record_type)
        if resource is None:
            return None
        return f"{self._settings.root}/#{self._settings.database}/model/{resource.model}/{record_id}"

    async def aclose(self) -> None:
        await self._client.aclose()


def _advice(fault: SystemFault, advice: str) -> str:
    return f"{fault.message}: {advice}"
