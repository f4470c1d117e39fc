"""A connected org: its resources, a check-up, links into its user interface."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.contracts.adapter import Adapter, Finding
from adapters.contracts.errors import SystemFault, Unauthorised
from adapters.contracts.resource import PageRequest, Resource
from adapters.contracts.vocabulary import RecordType
from adapters.salesforce.client import SalesforceClient
from adapters.salesforce.contract_terms import contract_terms
from adapters.salesforce.customer import customers
from adapters.salesforce.events import SalesforceEvents
from adapters.salesforce.record_id import canonical_id
from adapters.salesforce.settings import SalesforceSettings
from adapters.salesforce.writer import SalesforceWriter

OBJECTS: Mapping[RecordType, str] = {
    RecordType.CUSTOMER: "Account",
    RecordType.CONTRACT_TERMS: "Contract",
}


NEARLY_SPENT = 0.9
"""Share of the org's daily API calls from which a check-up warns."""


class SalesforceAdapter(Adapter):
    """One Salesforce org."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self._root = settings.root
        self._api_version = settings.api_version
        self._client = SalesforceClient(
            settings.root,
            settings.api_version,
            settings.client_id,
            settings.client_secret.get_secret_value(),
            timeout_s=settings.deadline_s,
            max_connections=settings.max_concurrency,
            proxy=settings.way_out,
        )
        accounts = customers(self._client, settings)
        self._writer = SalesforceWriter(self._client, accounts.fields, settings.command_column)
        self.writer = self._writer
        self._events = (
            None
            if settings.organization_id is None
            else SalesforceEvents(self._client, settings, accounts.fields)
        )
        self.events = self._events
        self.resources: Mapping[RecordType, Resource] = {
            RecordType.CUSTOMER: accounts,
            RecordType.CONTRACT_TERMS: contract_terms(self._client, settings),
        }

    async def check(self) -> list[Finding]:
        """Token, API version, each object with its mapped columns, writes, and what is left of the calls."""
        findings = [await self._check_version()]
        if findings[0].check == "credentials":
            return findings
        findings.insert(
            0, Finding("credentials", True, "the token endpoint accepts the client id and secret")
        )
        for record_type, resource in self.resources.items():
            findings.append(await self._check_object(OBJECTS[record_type], resource))
        findings.append(await self._check_writes())
        if self._events is not None:
            findings.append(await self._check_events(self._events))
        if self._client.usage is not None:
            used, most = self._client.usage
            left = "Buy more or call less" if used >= most * NEARLY_SPENT else "There is room"
            findings.append(
                Finding("API calls", used < most * NEARLY_SPENT, f"{used} of {most} used in 24 hours. {left}")
            )
        return findings

    async def _check_version(self) -> Finding:
        try:
            served = await self._client.versions()
        except Unauthorised as fault:
            return Finding(
                "credentials",
                False,
                f"{fault.message}. Check client_id and client_secret, and that the external client app has "
                "the client credentials flow and a run-as user",
            )
        except SystemFault as fault:
            return Finding("credentials", False, f"{fault.message}. Check base_url: the org's My Domain URL")
        ok = self._api_version in served
        remedy = f"set api_version to one of the org's, the newest is {served[-1] if served else 'none'}"
        return Finding("api version", ok, f"{self._api_version} is served" if ok else remedy)

    async def _check_object(self, name: str, resource: Resource) -> Finding:
        try:
            await resource.page(PageRequest(select=resource.fields.supplies(), first=1))
        except Unauthorised as fault:
            return Finding(
                name, False, f"{fault.message}. Give the run-as user API access and read on {name}"
            )
        except SystemFault as fault:
            return Finding(
                name,
                False,
                f"{fault.message}. Check the configured columns of {name}, and that the run-as user may read "
                "them (field-level security)",
            )
        return Finding(name, True, f"{name} and its mapped columns can be read")

    async def _check_writes(self) -> Finding:
        name = OBJECTS[RecordType.CUSTOMER]
        try:
            described = await self._client.describe(name)
        except SystemFault as fault:
            return Finding("writes", False, f"{fault.message}. {name} could not be described")
        closed = sorted(
            column
            for column in self._writer.columns
            if column not in described or described[column].get("updateable") is not True
        )
        if closed:
            return Finding(
                "writes",
                False,
                f"{name}: {', '.join(closed)} cannot be written. Create the column, or give the run-as user "
                "edit on it (field-level security); command_column may be null",
            )
        return Finding("writes", True, f"the mapped columns of {name} can be written")

    async def _check_events(self, events: SalesforceEvents) -> Finding:
        try:
            open_to_us = await events.topic()
        except SystemFault as fault:
            return Finding(
                "change events",
                False,
                f"{fault.message} [{fault.vendor_code}]. Check organization_id, pubsub_endpoint and "
                "pubsub_topic, and select Account in Setup > Change Data Capture",
            )
        remedy = "Give the run-as user View All Data, or read on every account"
        return Finding("change events", open_to_us, "can be subscribed to" if open_to_us else remedy)

    def record_url(self, record_type: RecordType, record_id: str) -> str | None:
        """The record's page in Lightning Experience."""
        known = canonical_id(record_id)
        if record_type not in OBJECTS or known is None:
            return None
        return f"{self._root}/lightning/r/{OBJECTS[record_type]}/{known}/view"

    async def aclose(self) -> None:
        if self._events is not None:
            await self._events.aclose()
        await self._client.aclose()
